using System.Text;
using Microsoft.AspNetCore.Http;

namespace Portolan.Proxy.Health;

/// <summary>Short HTTP answers.</summary>
internal static class Answers
{
    public const string JsonType = "application/json";
    public const string TextType = "text/plain; charset=utf-8";

    public static Task JsonAsync(HttpContext context, int code, string body) => SendAsync(context, code, JsonType, body);

    public static Task TextAsync(HttpContext context, string body) => SendAsync(context, StatusCodes.Status200OK, TextType, body);

    public static Task UnavailableAsync(HttpContext context, string body) =>
        SendAsync(context, StatusCodes.Status503ServiceUnavailable, TextType, body);

    public static Task NotFoundAsync(HttpContext context) =>
        SendAsync(context, StatusCodes.Status404NotFound, TextType, "404 page not found\n");

    private static Task SendAsync(HttpContext context, int code, string type, string body)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = type;
        context.Response.Headers.XContentTypeOptions = "nosniff";
        byte[] bytes = Encoding.UTF8.GetBytes(body);
        context.Response.ContentLength = bytes.Length;
        return context.Response.Body.WriteAsync(bytes, context.RequestAborted).AsTask();
    }
}
