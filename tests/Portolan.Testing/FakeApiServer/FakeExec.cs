using System.Diagnostics;
using System.Globalization;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace Portolan.Testing.FakeApiServer;

/// <summary>One command in a pod, from the side of the API server: the channels of its websocket.</summary>
public sealed class FakeExec
{
    private readonly WebSocket _socket;
    private readonly Action _cut;

    internal FakeExec(WebSocket socket, string[] command, Action cut) => (_socket, Command, _cut) = (socket, command, cut);

    /// <summary>Program and arguments.</summary>
    public string[] Command { get; }

    /// <summary>Reads standard input until the client closes it or goes away.</summary>
    public async Task ReadInputAsync(Func<ReadOnlyMemory<byte>, Task> take, CancellationToken stop = default)
    {
        byte[] buffer = new byte[64 << 10];
        try
        {
            while (true)
            {
                var message = new MemoryStream();
                ValueWebSocketReceiveResult part;
                do
                {
                    part = await _socket.ReceiveAsync(buffer.AsMemory(), stop);
                    message.Write(buffer, 0, part.Count);
                }
                while (!part.EndOfMessage);
                byte[] bytes = message.ToArray();
                if (part.MessageType == WebSocketMessageType.Close || bytes is [255, 0])
                    break;
                if (bytes is [0, ..])
                    await take(bytes.AsMemory(1));
            }
        }
        catch (Exception gone) when (gone is WebSocketException or IOException or ObjectDisposedException or OperationCanceledException)
        {
            // As good as an end.
        }
    }

    public Task WriteAsync(string text, bool isError = false) => WriteAsync(Encoding.UTF8.GetBytes(text), isError);

    public Task WriteAsync(ReadOnlyMemory<byte> bytes, bool isError = false) => SendAsync(isError ? (byte)2 : (byte)1, bytes);

    /// <summary>Ends with an exit status.</summary>
    public Task EndAsync(int status) => EndAsync(status == 0
        ? """{"metadata":{},"status":"Success"}"""
        : string.Create(CultureInfo.InvariantCulture, $$$"""
            {"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code","reason":"NonZeroExitCode",
             "details":{"causes":[{"reason":"ExitCode","message":"{{{status}}}"}]}}
            """));

    /// <summary>Ends as a container runtime that cannot start the program.</summary>
    public Task EndAsFailedAsync(string message) => EndAsync(
        $$"""{"metadata":{},"status":"Failure","message":{{JsonSerializer.Serialize(message)}},"reason":"InternalError","code":500}""");

    /// <summary>Resets the connection.</summary>
    public void Cut() => _cut();

    /// <summary>
    /// Runs a process as the command; it is killed when the test ends it, and sees the end of its input when the client goes.
    /// </summary>
    public async Task RunAsync(Process process)
    {
        Task input = ReadInputAsync(async bytes =>
        {
            await process.StandardInput.BaseStream.WriteAsync(bytes);
            await process.StandardInput.BaseStream.FlushAsync();
        });
        _ = input.ContinueWith(_ => process.StandardInput.Close(), TaskScheduler.Default);
        var turns = new SemaphoreSlim(1);
        await Task.WhenAll(PumpAsync(process.StandardOutput.BaseStream, false, turns),
            PumpAsync(process.StandardError.BaseStream, true, turns));
        await process.WaitForExitAsync();
        await EndAsync(process.ExitCode);
    }

    private async Task PumpAsync(Stream from, bool isError, SemaphoreSlim turns)
    {
        byte[] buffer = new byte[8 << 10];
        for (int length; (length = await from.ReadAsync(buffer)) > 0;)
        {
            await turns.WaitAsync();
            try
            {
                await WriteAsync(buffer.AsMemory(0, length), isError);
            }
            catch (Exception gone) when (gone is WebSocketException or IOException or ObjectDisposedException)
            {
                // The client went; what the process still writes is lost.
            }
            finally
            {
                turns.Release();
            }
        }
    }

    private async Task EndAsync(string status)
    {
        await SendAsync(3, Encoding.UTF8.GetBytes(status));
        await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, default);
    }

    private Task SendAsync(byte channel, ReadOnlyMemory<byte> bytes) =>
        _socket.SendAsync((byte[])[channel, .. bytes.Span], WebSocketMessageType.Binary, endOfMessage: true, default);
}
