using k8s;

namespace Portolan.Sources.Api;

/// <summary>
/// The connection in use, renewed when the server no longer knows us: kubeconfigs, client certificates and plug-ins' credentials are
/// replaced on disk while the proxy runs.
/// </summary>
internal sealed class ApiSession(
    Func<KubernetesClientConfiguration> load, ApiTimings timings, TimeProvider time, Action<ApiRequest>? requested = null,
    RequestRate? rate = null) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly RequestRate _rate = rate ?? RequestRate.Unlimited;
    private ApiClient _client = new(load(), timings.AnswerTime, time)
    {
        Requested = requested,
        Rate = rate ?? RequestRate.Unlimited,
    };

    public ApiClient Client => Volatile.Read(ref _client);

    /// <summary>Reads the configuration again, unless another task has replaced <paramref name="refused"/> already.</summary>
    /// <exception cref="SourceException">The configuration can no longer be used; the old connection stays.</exception>
    public void Renew(ApiClient refused)
    {
        lock (_lock)
        {
            if (_client != refused)
                return;
            // The old one is left to the collector: other kinds may still be reading from it.
            Volatile.Write(ref _client, new ApiClient(load(), timings.AnswerTime, time) { Requested = requested, Rate = _rate });
        }
    }

    public void Dispose() => _client.Dispose();
}
