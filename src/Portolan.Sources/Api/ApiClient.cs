using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using k8s;
using k8s.Authentication;
using k8s.Exceptions;

namespace Portolan.Sources.Api;

/// <summary>
/// The way to one API server: address, trust and identity from a <see cref="KubernetesClientConfiguration"/>, requests and responses as
/// streams.
/// </summary>
/// <remarks>
/// The library's own client class is not used: its typed objects keep every field (three times the memory that may be had here), and its
/// certificate check passes over a wrong host name when the authority is a private one, which it always is.
/// </remarks>
internal sealed class ApiClient : IDisposable
{
    private readonly HttpClient _http;
    private readonly ServiceClientCredentials? _credentials;
    private readonly TimeSpan _answerTime;
    private readonly TimeProvider _time;

    public ApiClient(KubernetesClientConfiguration config, TimeSpan answerTime, TimeProvider time)
    {
        Server = new Uri(config.Host);
        _answerTime = answerTime;
        _time = time;
        _credentials = config switch
        {
            { TokenProvider: { } provider } => new TokenCredentials(provider),
            { AccessToken: { Length: > 0 } token } => new TokenCredentials(token),
            { Username: { Length: > 0 } user } => new BasicAuthenticationCredentials { UserName = user, Password = config.Password },
            _ => null,
        };
        _http = new HttpClient(Handler(config), disposeHandler: true) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>Scheme, host and port.</summary>
    public Uri Server { get; }

    public void Dispose() => _http.Dispose();

    /// <summary>Is told of each request; any thread.</summary>
    public Action<ApiRequest>? Requested { get; init; }

    /// <summary>How many requests are made; the time that one waits for its turn is none of the server's.</summary>
    public RequestRate Rate { get; init; } = RequestRate.Unlimited;

    /// <summary>Asks for a path and returns the answer's body, which the caller reads and disposes.</summary>
    /// <param name="pathAndQuery">The path.</param>
    /// <param name="cancel">Ends the asking and the reading.</param>
    /// <param name="accept">The media types that are understood.</param>
    /// <exception cref="ApiException">The server answered with something other than 200.</exception>
    /// <exception cref="TimeoutException">The server did not begin to answer in time.</exception>
    public async Task<Stream> GetAsync(string pathAndQuery, CancellationToken cancel, string accept = "application/json")
    {
        await Rate.WaitAsync(cancel).ConfigureAwait(false);
        using var patience = new CancellationTokenSource(_answerTime, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, patience.Token);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(Server, Server.AbsolutePath.TrimEnd('/') + pathAndQuery))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        request.Headers.Add("Accept", accept);
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("portolan", null));
        long began = _time.GetTimestamp();
        HttpStatusCode? status = null;
        try
        {
            await IdentifyAsync(request, either.Token).ConfigureAwait(false);
            HttpResponseMessage response =
                await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token).ConfigureAwait(false);
            status = response.StatusCode;
            if (status == HttpStatusCode.OK)
                return await response.Content.ReadAsStreamAsync(either.Token).ConfigureAwait(false);
            using (response)
                throw await ApiException.FromAsync(response, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new TimeoutException($"no answer within {_answerTime.TotalSeconds:0.#} s");
        }
        finally
        {
            if (!cancel.IsCancellationRequested)
                Requested?.Invoke(new ApiRequest(Server.Authority, status, _time.GetElapsedTime(began), WatchedResource(pathAndQuery)));
        }
    }

    /// <summary>Creates an object.</summary>
    /// <exception cref="ApiException">The server answered with something other than success.</exception>
    /// <exception cref="TimeoutException">The server did not begin to answer in time.</exception>
    public async Task PostAsync(string path, byte[] json, CancellationToken cancel)
    {
        await Rate.WaitAsync(cancel).ConfigureAwait(false);
        using var patience = new CancellationTokenSource(_answerTime, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, patience.Token);
        using var content = new ByteArrayContent(json) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(Server, Server.AbsolutePath.TrimEnd('/') + path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
            Content = content,
        };
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("portolan", null));
        try
        {
            await IdentifyAsync(request, either.Token).ConfigureAwait(false);
            using HttpResponseMessage response = await _http.SendAsync(request, either.Token).ConfigureAwait(false);
            if (!response.IsSuccessStatusCode)
                throw await ApiException.FromAsync(response, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new TimeoutException($"no answer within {_answerTime.TotalSeconds:0.#} s");
        }
    }

    /// <summary>Asks for a path by a websocket, as the subresources of pods that go on in both directions are asked.</summary>
    /// <param name="pathAndQuery">The path.</param>
    /// <param name="protocols">The subprotocols that are understood, best first; the server takes one.</param>
    /// <param name="cancel">Ends the asking, not the websocket.</param>
    /// <exception cref="ApiException">The server refused, or answered without a websocket.</exception>
    /// <exception cref="TimeoutException">The server did not begin to answer in time.</exception>
    /// <remarks>
    /// ClientWebSocket would hide what a server that refuses says, and that names the missing permission.
    /// </remarks>
    public async Task<WebSocket> UpgradeAsync(string pathAndQuery, IReadOnlyList<string> protocols, CancellationToken cancel)
    {
        await Rate.WaitAsync(cancel).ConfigureAwait(false);
        using var patience = new CancellationTokenSource(_answerTime, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, patience.Token);
        string key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
        // A websocket over HTTP/2 (RFC 8441) is nothing API servers offer.
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(Server, Server.AbsolutePath.TrimEnd('/') + pathAndQuery))
        {
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.Connection.Add("Upgrade");
        request.Headers.Upgrade.Add(new ProductHeaderValue("websocket"));
        request.Headers.Add("Sec-WebSocket-Version", "13");
        request.Headers.Add("Sec-WebSocket-Key", key);
        request.Headers.Add("Sec-WebSocket-Protocol", string.Join(", ", protocols));
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("portolan", null));
        try
        {
            await IdentifyAsync(request, either.Token).ConfigureAwait(false);
            HttpResponseMessage response =
                await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token).ConfigureAwait(false);
            string? protocol = HeaderOf(response, "Sec-WebSocket-Protocol");
            if (response.StatusCode == HttpStatusCode.SwitchingProtocols && HeaderOf(response, "Sec-WebSocket-Accept") == AcceptOf(key)
                && protocol is not null && protocols.Contains(protocol))
            {
                return WebSocket.CreateFromStream(await response.Content.ReadAsStreamAsync(either.Token).ConfigureAwait(false),
                    new WebSocketCreationOptions
                    {
                        SubProtocol = protocol,
                        KeepAliveInterval = TimeSpan.FromSeconds(10),
                        KeepAliveTimeout = TimeSpan.FromSeconds(30),
                    });
            }
            using (response)
            {
                if (!response.IsSuccessStatusCode && response.StatusCode != HttpStatusCode.SwitchingProtocols)
                    throw await ApiException.FromAsync(response, either.Token).ConfigureAwait(false);
                throw new ApiException(response.StatusCode,
                    "the answer opens no websocket; a proxy before the API server may not let websockets through", null);
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new TimeoutException($"no answer within {_answerTime.TotalSeconds:0.#} s");
        }
    }

    private static string? HeaderOf(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out IEnumerable<string>? values) ? values.FirstOrDefault() : null;

    // RFC 6455, section 4.2.2: shows that the server has read the key. Nothing rests on the strength of the hash.
#pragma warning disable CA5350
    private static string AcceptOf(string key) =>
        Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350

    private static string? WatchedResource(string pathAndQuery)
    {
        int query = pathAndQuery.IndexOf('?', StringComparison.Ordinal);
        if (query < 0 || !pathAndQuery.AsSpan(query).Contains("watch=true", StringComparison.Ordinal))
            return null;
        string path = pathAndQuery[..query];
        return path[(path.LastIndexOf('/') + 1)..];
    }

    private async Task IdentifyAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        try
        {
            if (_credentials is not null)
                await _credentials.ProcessHttpRequestAsync(request, cancel).ConfigureAwait(false);
        }
        // Token files and plug-ins fail in ways of their own; all of them mean the same to the caller.
        catch (Exception failure) when (failure is not (OperationCanceledException or KubeConfigException))
        {
            throw new KubeConfigException(failure.Message, failure);
        }
    }

    private static SocketsHttpHandler Handler(KubernetesClientConfiguration config)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            // A new connection now and then finds an address that moved behind the server's name.
            PooledConnectionLifetime = TimeSpan.FromMinutes(15),
            // All lists and watches share one connection where the server speaks HTTP/2 (any API server on TLS). One that says nothing for
            // so long is dead, as client-go has it (http2 ReadIdleTimeout, PingTimeout).
            KeepAlivePingDelay = TimeSpan.FromSeconds(30),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(15),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            ConnectCallback = ConnectAsync,
        };
        SslClientAuthenticationOptions tls = handler.SslOptions;
        if (!string.IsNullOrEmpty(config.TlsServerName))
            tls.TargetHost = config.TlsServerName;
        if (config.SkipTlsVerify)
        {
#pragma warning disable CA5359 // The kubeconfig's insecure-skip-tls-verify asks for exactly this.
            tls.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        }
        else if (config.SslCaCerts is { Count: > 0 } authorities)
        {
            tls.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            tls.CertificateChainPolicy.CustomTrustStore.AddRange(authorities);
        }
        if (ClientCertificate.From(config) is { } certificate)
            tls.ClientCertificateContext = certificate;
        return handler;
    }

    // A server that lost power or a dropped NAT entry says nothing. Keep-alive probes find out within a minute, whatever the watch expects.
    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 20);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 10);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
            await socket.ConnectAsync(context.DnsEndPoint, cancel).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
