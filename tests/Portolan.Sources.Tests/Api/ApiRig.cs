using Portolan.Sources.Api;
using Portolan.Sources.Tests.Support;
using Portolan.Testing.FakeApiServer;

namespace Portolan.Sources.Tests.Api;

/// <summary>A fake API server and sources that follow it, with waits short enough for tests.</summary>
internal sealed class ApiRig : IAsyncDisposable
{
    /// <summary>Time-outs of a tenth of a second and retries of milliseconds.</summary>
    public static readonly ApiTimings Quick = new(
        FirstRetry: TimeSpan.FromMilliseconds(4), LongestRetry: TimeSpan.FromMilliseconds(60), AnswerTime: TimeSpan.FromMilliseconds(400),
        ListIdle: TimeSpan.FromMilliseconds(400), WatchIdle: TimeSpan.FromMilliseconds(400), WatchTime: TimeSpan.FromSeconds(60),
        LongestAsked: TimeSpan.FromSeconds(2), UnavailableRetry: TimeSpan.FromMilliseconds(100));

    private readonly string _folder = Directory.CreateTempSubdirectory("portolan-api-").FullName;

    public ApiRig(FakeServerOptions? options = null)
    {
        Server = new FakeServer(options);
        Kubeconfig = Write("kubeconfig", FakeKubeconfig.For(Server.Address, options?.Authority?.CertificatePem));
        Server.Cluster.Apply("""{"apiVersion":"v1","kind":"Node","metadata":{"name":"node-a"}}""");
    }

    public FakeServer Server { get; }

    public FakeCluster Cluster => Server.Cluster;

    public LogLines<KubernetesSource> Log { get; } = new();

    public string Kubeconfig { get; set; }

    public string PathOf(string name) => Path.Combine(_folder, name);

    public string Write(string name, string text)
    {
        File.WriteAllText(PathOf(name), text);
        return PathOf(name);
    }

    public SourceRun Run(ApiTimings? timings = null, int seed = 1) => new(new KubernetesSource(
        () => ApiAccess.Load(Kubeconfig), "node-a", Log, TimeProvider.System, new Random(seed), timings ?? Quick), () => Log.Lines);

    public void Service(string name, string address = "10.0.0.1", string labels = "{}") => Cluster.Apply(
        $$$"""{"apiVersion":"v1","kind":"Service","metadata":{"name":"{{{name}}}","labels":{{{labels}}}},"spec":{"clusterIP":"{{{address}}}","ports":[{"port":80}]}}""");

    public void Slice(string name, string address, string addressType = "IPv4") => Cluster.Apply(
        $$$"""{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"{{{name}}}"},"addressType":"{{{addressType}}}","endpoints":[{"addresses":["{{{address}}}"]}],"ports":[{"port":80}]}""");

    public void DeleteService(string name) => Assert.True(Cluster.Delete(FakeResource.Services, "default", name));

    /// <summary>Requests for one collection: lists, or watches.</summary>
    public IReadOnlyList<FakeRequest> Asked(FakeResource resource, bool watch) =>
        [.. Server.Requests.Where(request => request.Resource == resource && request.IsWatch == watch)];

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
