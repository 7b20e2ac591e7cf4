using System.Buffers;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Portolan.WebConsole;

/// <summary>Answers of the console's addresses.</summary>
internal static class ConsoleAnswers
{
    // Below, packing saves nothing.
    private const int WorthPacking = 4096;

    internal static Task TextAsync(HttpContext context, string text)
    {
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(text + "\n"), context.RequestAborted).AsTask();
    }

    /// <summary>A sentence for a person, as JSON.</summary>
    internal static Task ErrorAsync(HttpContext context, int code, string why)
    {
        context.Response.StatusCode = code;
        return JsonAsync(context, Object(writer => writer.WriteString("error", why)));
    }

    internal static async Task JsonAsync(HttpContext context, ReadOnlyMemory<byte> json)
    {
        HttpResponse response = context.Response;
        response.ContentType = "application/json";
        bool isPacked = json.Length >= WorthPacking
            && context.Request.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.OrdinalIgnoreCase);
        if (!isPacked)
        {
            response.ContentLength = json.Length;
            await response.Body.WriteAsync(json, context.RequestAborted);
            return;
        }
        response.Headers.ContentEncoding = "gzip";
        var packed = new GZipStream(response.Body, CompressionLevel.Fastest);
        await using (packed)
            await packed.WriteAsync(json, context.RequestAborted);
    }

    /// <summary>A JSON object as bytes.</summary>
    internal static ReadOnlyMemory<byte> Object(Action<Utf8JsonWriter> fields)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(bytes))
        {
            writer.WriteStartObject();
            fields(writer);
            writer.WriteEndObject();
        }
        return bytes.WrittenMemory;
    }
}
