using System.Globalization;
using System.Text.Json;
using Portolan.Testing.FakeApiServer;

namespace Portolan.FakeApi;

/// <summary>
/// The fake server with a control port on the same address:
/// POST /control/apply (an object or List as JSON), /control/delete ("Kind/namespace/name"), /control/touch (numbers of services whose
/// endpoints move, one a line), /control/cut, /control/compact, /control/restart (by how much the resource version moves on),
/// /control/version.
/// </summary>
internal sealed class ControlledServer : IAsyncDisposable
{
    private readonly FakeServer _server;
    private readonly int _endpoints;
    private readonly int _nodes;
    private int _shift;

    public ControlledServer(int services, int endpoints, int nodes, int port, double bookmarkSeconds)
    {
        _endpoints = endpoints;
        _nodes = nodes;
        var cluster = new FakeCluster();
        FakePopulation.Populate(cluster, services, endpoints, nodes);
        _server = new FakeServer(
            new FakeServerOptions
            {
                Port = port,
                BookmarkEvery = bookmarkSeconds > 0 ? TimeSpan.FromSeconds(bookmarkSeconds) : Timeout.InfiniteTimeSpan,
            },
            cluster)
        {
            Control = Control,
        };
    }

    public Uri Address => _server.Address;

    public string Kubeconfig => FakeKubeconfig.For(_server.Address);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private string? Control(string command, string body)
    {
        FakeCluster cluster = _server.Cluster;
        try
        {
            switch (command)
            {
                case "apply":
                    cluster.Apply(body);
                    break;
                case "delete":
                    if (body.Trim().Split('/') is not [string kind, string @namespace, string name]
                        || FakeResource.OfKind(kind) is not { } resource || !cluster.Delete(resource, @namespace, name))
                        return "no such object\n";
                    break;
                case "touch":
                    _shift++;
                    foreach (string index in body.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                        cluster.Apply(FakePopulation.Slice(int.Parse(index, CultureInfo.InvariantCulture), _endpoints, _nodes, _shift));
                    break;
                case "cut":
                    _server.CutAll();
                    break;
                case "compact":
                    cluster.Compact();
                    break;
                case "restart":
                    // Not waited for: it cuts the connection this command came over.
                    _ = _server.RestartAsync(body.Length == 0 ? 0 : long.Parse(body, CultureInfo.InvariantCulture));
                    break;
                case "version":
                    break;
                default:
                    return null;
            }
        }
        catch (Exception wrong)
            when (wrong is JsonException or FormatException or ArgumentException or InvalidOperationException or NullReferenceException)
        {
            return $"not understood: {wrong.Message}\n";
        }
        return string.Create(CultureInfo.InvariantCulture, $"{cluster.Version}\n");
    }
}
