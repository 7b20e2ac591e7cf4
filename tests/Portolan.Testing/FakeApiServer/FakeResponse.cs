using System.Globalization;
using System.Text;

namespace Portolan.Testing.FakeApiServer;

/// <summary>Writes HTTP answers; a chunked body can be cut, stalled or spoiled on the way.</summary>
internal sealed class FakeResponse(Stream stream, FakeFault fault, Action cut)
{
    private int _written;
    private bool _isSpoiled;

    public static Task WriteStatusAsync(Stream stream, int status, string message, int? retryAfter, CancellationToken stop) => WriteAsync(
        stream, status,
        string.Create(CultureInfo.InvariantCulture,
            $"{{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{{}},\"status\":\"Failure\"," +
            $"\"message\":\"{message}\",\"code\":{status}}}\n"),
        retryAfter, stop);

    public static async Task WriteAsync(Stream stream, int status, string body, int? retryAfter, CancellationToken stop)
    {
        string retry = retryAfter is { } seconds ? string.Create(CultureInfo.InvariantCulture, $"Retry-After: {seconds}\r\n") : "";
        byte[] content = Encoding.UTF8.GetBytes(body);
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture,
                $"HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\n{retry}Content-Length: {content.Length}\r\n\r\n")),
            stop);
        await stream.WriteAsync(content, stop);
    }

    public Task BeginAsync(CancellationToken stop) => stream.WriteAsync(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"u8.ToArray(), stop).AsTask();

    public async Task WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken stop)
    {
        if (fault.CutAfter is { } cutAt && _written + bytes.Length > cutAt)
        {
            await ChunkAsync(bytes[..Math.Max(0, cutAt - _written)], stop);
            cut();
            throw new IOException("cut on purpose");
        }
        if (fault.StallAfter is { } stallAt && _written + bytes.Length > stallAt)
        {
            await ChunkAsync(bytes[..Math.Max(0, stallAt - _written)], stop);
            await Task.Delay(Timeout.Infinite, stop);
        }
        await ChunkAsync(bytes, stop);
        if (fault.Garbage is { } garbage && !_isSpoiled)
        {
            _isSpoiled = true;
            await ChunkAsync(garbage, stop);
        }
    }

    public Task EndAsync(CancellationToken stop) => stream.WriteAsync("0\r\n\r\n"u8.ToArray(), stop).AsTask();

    private async Task ChunkAsync(ReadOnlyMemory<byte> bytes, CancellationToken stop)
    {
        if (bytes.IsEmpty)
            return;
        _written += bytes.Length;
        byte[] chunk = [.. Encoding.ASCII.GetBytes(bytes.Length.ToString("x", CultureInfo.InvariantCulture)), .. "\r\n"u8, .. bytes.Span,
            .. "\r\n"u8];
        await stream.WriteAsync(chunk, stop);
    }
}
