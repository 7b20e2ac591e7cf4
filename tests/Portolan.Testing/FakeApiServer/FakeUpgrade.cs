using System.Globalization;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;

namespace Portolan.Testing.FakeApiServer;

/// <summary>A client's request for a websocket.</summary>
internal sealed class FakeUpgrade
{
    private string _key = "";
    private string[] _protocols = [];

    public bool IsAsked => _key.Length > 0;

    public void Note(string header)
    {
        string[] parts = header.Split(':', 2, StringSplitOptions.TrimEntries);
        if (parts[0].Equals("Sec-WebSocket-Key", StringComparison.OrdinalIgnoreCase))
            _key = parts[1];
        else if (parts[0].Equals("Sec-WebSocket-Protocol", StringComparison.OrdinalIgnoreCase))
            _protocols = parts[1].Split(',', StringSplitOptions.TrimEntries);
    }

    /// <summary>Switches to a websocket with a protocol, which the client must have offered.</summary>
    public async Task<WebSocket> AcceptAsync(Stream stream, string protocol, CancellationToken stop)
    {
        if (!_protocols.Contains(protocol))
            throw new IOException($"the client does not offer {protocol}");
#pragma warning disable CA5350 // RFC 6455 asks for this hash.
        string accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(_key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
        await stream.WriteAsync(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture,
            $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n" +
            $"Sec-WebSocket-Protocol: {protocol}\r\n\r\n")), stop);
        return WebSocket.CreateFromStream(stream, isServer: true, protocol, Timeout.InfiniteTimeSpan);
    }
}
