using System.Globalization;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Portolan.Sources.Api;
using Portolan.Sources.Objects;

namespace Portolan.Sources.Nodes;

/// <summary>
/// Runs a command in a container over the API server's websocket. Each message begins with the number of its channel (kubernetes,
/// pkg/remotecommand: StreamProtocolV4 and V5).
/// </summary>
internal static class PodExec
{
    private const byte Input = 0;
    private const byte Output = 1;
    private const byte Errors = 2;
    private const byte Status = 3;
    // V5 alone: the second byte is the channel that is closed.
    private const byte Close = 255;
    private const string Version5 = "v5.channel.k8s.io";
    private const int LargestStatus = 64 << 10;
    private const int InputChunk = 32 << 10;

    private static readonly string[] s_protocols = [Version5, "v4.channel.k8s.io"];
    private static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(2);

    /// <summary>Runs it to its end.</summary>
    /// <param name="client">The API server.</param>
    /// <param name="pod">The pod.</param>
    /// <param name="command">Program and arguments.</param>
    /// <param name="input">Sent to its standard input, which stays open until the command ends or is given up.</param>
    /// <param name="output">Takes what it writes.</param>
    /// <param name="cancel">Gives it up: its standard input ends.</param>
    /// <exception cref="ApiException">The server refused.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public static async Task<ExecResult> RunAsync(
        ApiClient client, ProxyPod pod, IReadOnlyList<string> command, ReadOnlyMemory<byte> input, ExecOutput output,
        CancellationToken cancel)
    {
        using WebSocket socket = await client.UpgradeAsync(PathOf(pod, command), s_protocols, cancel).ConfigureAwait(false);
        using var end = new CancellationTokenSource();
        await using CancellationTokenRegistration onCancel = cancel.Register(() => _ = LeaveAsync(socket, end));
        Task sending = SendAsync(socket, input, end.Token);
        try
        {
            ExecResult result = await ReadAsync(socket, output, end.Token).ConfigureAwait(false);
            cancel.ThrowIfCancellationRequested();
            return result;
        }
        catch (Exception ended) when (ended is WebSocketException or OperationCanceledException or IOException)
        {
            cancel.ThrowIfCancellationRequested();
            return Lost(ended.Message);
        }
        finally
        {
            await end.CancelAsync().ConfigureAwait(false);
            await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Reads the Status object that ends a command.</summary>
    internal static ExecResult ReadStatus(ReadOnlySpan<byte> json)
    {
        string message = "";
        try
        {
            var reader = new Utf8JsonReader(json);
            using JsonDocument status = JsonDocument.ParseValue(ref reader);
            JsonElement root = status.RootElement;
            if (TextOf(root, "status") == "Success")
                return new ExecResult(0, null, WasStarted: true);
            message = TextOf(root, "message") ?? "";
            if (TextOf(root, "reason") == "NonZeroExitCode" && root.TryGetProperty("details", out JsonElement details)
                && details.TryGetProperty("causes", out JsonElement causes) && causes.ValueKind == JsonValueKind.Array)
            {
                foreach (JsonElement cause in causes.EnumerateArray())
                {
                    if (TextOf(cause, "reason") == "ExitCode"
                        && int.TryParse(TextOf(cause, "message"), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture,
                        out int code))
                        return new ExecResult(code, null, WasStarted: true);
                }
            }
        }
        catch (Exception foreign) when (foreign is JsonException or InvalidOperationException)
        {
            message = Encoding.UTF8.GetString(json[..Math.Min(json.Length, 200)]);
        }
        return new ExecResult(null, Text.Printable(message), WasStarted: false);
    }

    private static string PathOf(ProxyPod pod, IReadOnlyList<string> command)
    {
        var path = new StringBuilder(
            $"/api/v1/namespaces/{Uri.EscapeDataString(pod.Namespace)}/pods/{Uri.EscapeDataString(pod.Name)}/exec");
        path.Append("?container=").Append(Uri.EscapeDataString(pod.Container)).Append("&stdin=true&stdout=true&stderr=true&tty=false");
        foreach (string word in command)
            path.Append("&command=").Append(Uri.EscapeDataString(word));
        return path.ToString();
    }

    private static async Task SendAsync(WebSocket socket, ReadOnlyMemory<byte> input, CancellationToken cancel)
    {
        byte[] message = new byte[1 + Math.Min(InputChunk, input.Length)];
        message[0] = Input;
        while (!input.IsEmpty)
        {
            int length = Math.Min(input.Length, InputChunk);
            input.Span[..length].CopyTo(message.AsSpan(1));
            await socket.SendAsync(message.AsMemory(0, 1 + length), WebSocketMessageType.Binary, endOfMessage: true, cancel)
                .ConfigureAwait(false);
            input = input[length..];
        }
    }

    private static async Task<ExecResult> ReadAsync(WebSocket socket, ExecOutput output, CancellationToken cancel)
    {
        byte[] buffer = new byte[64 << 10];
        var status = new MemoryStream();
        ExecResult? result = null;
        // A message may come in parts; only the first names the channel.
        int channel = -1;
        while (true)
        {
            ValueWebSocketReceiveResult part;
            try
            {
                part = await socket.ReceiveAsync(buffer.AsMemory(), cancel).ConfigureAwait(false);
            }
            catch (WebSocketException) when (result is not null)
            {
                // How it ended is known; that the server does not say good-bye costs nothing.
                return result;
            }
            if (part.MessageType == WebSocketMessageType.Close)
                return result ?? Lost(socket.CloseStatusDescription is { Length: > 0 } why ? Text.Printable(why) : "it was closed");
            ReadOnlyMemory<byte> bytes = buffer.AsMemory(0, part.Count);
            if (channel < 0 && bytes.Length > 0)
            {
                channel = bytes.Span[0];
                bytes = bytes[1..];
            }
            if (channel is Output or Errors && bytes.Length > 0)
                output(bytes.Span, channel == Errors);
            else if (channel == Status && status.Length + bytes.Length <= LargestStatus)
                status.Write(bytes.Span);
            if (!part.EndOfMessage)
                continue;
            if (channel == Status && status.Length > 0)
                result = ReadStatus(status.GetBuffer().AsSpan(0, (int)status.Length));
            channel = -1;
        }
    }

    // Without a terminal nobody signals a command in a pod: it ends because its standard input does.
    private static async Task LeaveAsync(WebSocket socket, CancellationTokenSource end)
    {
        using var patience = new CancellationTokenSource(s_farewell);
        try
        {
            if (socket.SubProtocol == Version5)
                await socket.SendAsync(new byte[] { Close, Input }, WebSocketMessageType.Binary, true, patience.Token)
                    .ConfigureAwait(false);
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, patience.Token).ConfigureAwait(false);
            await Task.Delay(TimeSpan.FromMilliseconds(200), patience.Token).ConfigureAwait(false);
        }
        catch (Exception gone) when (gone is WebSocketException or OperationCanceledException or ObjectDisposedException
            or InvalidOperationException or IOException)
        {
            // The connection is gone already, and the command with it.
        }
        try
        {
            await end.CancelAsync().ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            // The command ended meanwhile.
        }
    }

    private static ExecResult Lost(string why) =>
        new(null, $"the connection was lost before the command ended: {why.TrimEnd('.')}", WasStarted: true);

    private static string? TextOf(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement value)
        && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
