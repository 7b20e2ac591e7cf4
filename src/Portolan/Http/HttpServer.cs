using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Portolan.Http;

/// <summary>
/// The one HTTP server of the process: Kestrel, with listeners that may be opened and closed while it runs (health check node ports come
/// and go with services), each with a handler of its own.
/// </summary>
internal sealed class HttpServer : IHttpApplication<HttpContext>, IAsyncDisposable
{
    private readonly OpenConnections _open;
    private readonly ListenerSet _listeners;
    private readonly KestrelServer _server;

    public HttpServer(ILoggerFactory loggers, TimeProvider time)
    {
        _open = new OpenConnections(time);
        _listeners = new ListenerSet(loggers.CreateLogger<ListenerSet>(), _open);
        var options = new KestrelServerOptions { AddServerHeader = false };
        // Anybody on the network may reach these ports: nobody gets to hold much of this process. How many connections there may be is for
        // each listener to say (OpenConnections).
        options.Limits.MaxRequestBodySize = 0;
        options.Limits.RequestHeadersTimeout = OpenConnections.HeadTime;
        options.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(75);
        // Kestrel wants an address to start; the set of listeners decides what is really listened on.
        options.Listen(ListenerSet.Placeholder, static listen => listen.Protocols = HttpProtocols.Http1);
        _server = new KestrelServer(Options.Create(options), _listeners, loggers);
    }

    public Task StartAsync(CancellationToken cancel) => _server.StartAsync(this, cancel);

    /// <summary>Listens on an address until the result is disposed.</summary>
    /// <param name="address">The address.</param>
    /// <param name="handler">Answers requests.</param>
    /// <param name="hasOwnPlaces">Connections to other addresses, however many, keep nobody from being answered here.</param>
    /// <exception cref="System.Net.Sockets.SocketException">The address cannot be bound.</exception>
    public IDisposable Listen(System.Net.IPEndPoint address, RequestDelegate handler, bool hasOwnPlaces) =>
        _listeners.Open(new OpenConnections.Listener(address, handler, hasOwnPlaces));

    /// <summary>The same, but 0.0.0.0 and [::] both mean all addresses of both families, as in kube-proxy (Go's net.Listen).</summary>
    /// <exception cref="System.Net.Sockets.SocketException">The address cannot be bound.</exception>
    public IDisposable ListenForPages(System.Net.IPEndPoint address, RequestDelegate handler) =>
        _listeners.OpenForPages(address, handler);

    public async ValueTask DisposeAsync()
    {
        _listeners.Close();
        using var atOnce = new CancellationTokenSource(TimeSpan.Zero);
        await _server.StopAsync(atOnce.Token).ConfigureAwait(false);
        _server.Dispose();
        _open.Dispose();
    }

    HttpContext IHttpApplication<HttpContext>.CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    Task IHttpApplication<HttpContext>.ProcessRequestAsync(HttpContext context) =>
        // Features of the connection shine through those of the request.
        context.Features.GetRequiredFeature<OpenConnections.Connection>().AnswerAsync(context);

    void IHttpApplication<HttpContext>.DisposeContext(HttpContext context, Exception? exception)
    {
    }
}
