using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Portolan.Testing.FakeApiServer;

namespace Portolan.Tests;

/// <summary>TLS with HTTP/2 on a node's loopback address in front of a fake API server, as a real one speaks it.</summary>
internal sealed class Http2Front : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, bool> _protocols = new();
    private readonly ConcurrentDictionary<string, bool> _connections = new();
    private readonly HttpClient _behind = new() { Timeout = Timeout.InfiniteTimeSpan };
    private readonly Uri _server;
    private readonly Socket _listener;
    private WebApplication? _application;
    private int _watches;

    private Http2Front(Uri server, Socket listener) => (_server, _listener) = (server, listener);

    public Uri Address => new($"https://{_listener.LocalEndPoint}");

    public IEnumerable<string> Protocols => _protocols.Keys;

    public int Connections => _connections.Count;

    public int Watches => Volatile.Read(ref _watches);

    public static async Task<Http2Front> StartAsync(PortolanRun run, FakeAuthority authority, Uri server)
    {
        Socket listener = run.InNode(static () =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            socket.Listen();
            return socket;
        });
        var front = new Http2Front(server, listener);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(options => options.ListenHandle(
            (ulong)listener.Handle,
            listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                listen.UseHttps(authority.ServerCertificate);
            }));
        front._application = builder.Build();
        front._application.Run(front.ForwardAsync);
        await front._application.StartAsync();
        return front;
    }

    public async ValueTask DisposeAsync()
    {
        using var atOnce = new CancellationTokenSource(TimeSpan.Zero);
        if (_application is not null)
        {
            await _application.StopAsync(atOnce.Token);
            await _application.DisposeAsync();
        }
        _behind.Dispose();
        _listener.Dispose();
    }

    private async Task ForwardAsync(HttpContext context)
    {
        _protocols[context.Request.Protocol] = true;
        _connections[context.Connection.Id] = true;
        using var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), new Uri(_server,
            context.Request.GetEncodedPathAndQuery()));
        if (context.Request.Method == "POST")
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
            request.Content = new ByteArrayContent(body.ToArray());
        }
        using HttpResponseMessage answer =
            await _behind.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, context.RequestAborted);
        context.Response.StatusCode = (int)answer.StatusCode;
        context.Response.ContentType = "application/json";
        await context.Response.StartAsync(context.RequestAborted);
        if (context.Request.Query["watch"] == "true")
            Interlocked.Increment(ref _watches);
        await using Stream content = await answer.Content.ReadAsStreamAsync(context.RequestAborted);
        byte[] buffer = new byte[16 << 10];
        for (int length; (length = await content.ReadAsync(buffer, context.RequestAborted)) > 0;)
        {
            await context.Response.Body.WriteAsync(buffer.AsMemory(0, length), context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
        }
    }
}
