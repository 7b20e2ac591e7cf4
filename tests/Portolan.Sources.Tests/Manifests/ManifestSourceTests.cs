using System.Runtime.InteropServices;
using Portolan.Services.Cluster;
using Portolan.Sources.Manifests;
using Portolan.Sources.Tests.Support;

namespace Portolan.Sources.Tests.Manifests;

public sealed partial class ManifestSourceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("portolan-manifests-").FullName;
    private readonly LogLines<ManifestSource> _log = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task What_is_there_comes_before_Synced()
    {
        Write("a.yaml", Service("web", "10.0.0.1"));
        Write("b.json", """{"apiVersion":"v1","kind":"Node","metadata":{"name":"node-a","labels":{"topology.kubernetes.io/zone":"z"}}}""");
        Write("c.yml", "{apiVersion: v1, kind: Node, metadata: {name: node-b}}");
        await using SourceRun run = Run();
        await run.Synced();

        Assert.Equal("10.0.0.1", AddressOf(run, "web"));
        Assert.Equal("z", run.Node!.Zone);
        Assert.IsType<ClusterEvent.Synced>(run.Log[^1]);
    }

    [Fact]
    public async Task A_cluster_without_this_node_says_so_before_Synced()
    {
        await using SourceRun run = Run();
        await run.Synced();
        Assert.Equal([new ClusterEvent.NodeSet(null), new ClusterEvent.Synced()], run.Log);
    }

    [Fact]
    public async Task Files_written_renamed_linked_and_deleted_are_followed()
    {
        await using SourceRun run = Run();
        await run.Synced();

        Write("a.yaml", Service("web", "10.0.0.1"));
        await run.Until(_ => AddressOf(run, "web") == "10.0.0.1", "a file written in place");

        Write("a.tmp", Service("web", "10.0.0.2"));
        File.Move(PathOf("a.tmp"), PathOf("a.yaml"), overwrite: true);
        await run.Until(_ => AddressOf(run, "web") == "10.0.0.2", "a file renamed into place");

        string elsewhere = Path.GetTempFileName();
        await File.WriteAllTextAsync(elsewhere, Service("dns", "10.0.0.3"), TestContext.Current.CancellationToken);
        File.CreateSymbolicLink(PathOf("b.yaml"), elsewhere);
        await run.Until(_ => AddressOf(run, "dns") == "10.0.0.3", "a symbolic link");

        File.Delete(PathOf("a.yaml"));
        await run.Until(_ => AddressOf(run, "web") is null, "a deleted file");
        File.Delete(elsewhere);
        Assert.Equal("10.0.0.3", AddressOf(run, "dns"));
    }

    [Fact]
    public async Task A_renamed_file_changes_nothing()
    {
        Write("a.yaml", Service("web", "10.0.0.1"));
        await using SourceRun run = Run();
        await run.Synced();
        int before = run.Log.Count;

        File.Move(PathOf("a.yaml"), PathOf("z.yaml"));
        Write("mark.yaml", Service("mark", "10.0.0.9"));
        await run.Until(_ => AddressOf(run, "mark") is not null, "the file behind the rename");
        Assert.Equal(before + 1, run.Log.Count);
    }

    [Fact]
    public async Task Only_the_objects_that_changed_in_a_file_are_sent_again()
    {
        Write("a.yaml", $"{Service("web", "10.0.0.1")}\n---\n{Service("dns", "10.0.0.2")}");
        await using SourceRun run = Run();
        await run.Synced();
        int before = run.Log.Count;

        Write("a.yaml", $"# edited\n{Service("dns", "10.0.0.3")}\n---\n{Service("web", "10.0.0.1")}");
        await run.Until(_ => AddressOf(run, "dns") == "10.0.0.3", "the edited service");
        Assert.Equal(before + 1, run.Log.Count);
    }

    [Theory]
    [InlineData("{broken")]
    [InlineData("{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {clusterIP: 10.0.0.8, ports: [{port: 70000}]}}")]
    [InlineData("{apiVersion: v1, kind: Service, metadata: {name: \"<b>\"}, spec: {clusterIP: 10.0.0.8, ports: [{port: 80}]}}")]
    public async Task The_last_good_version_of_a_file_stays_in_force(string bad)
    {
        Write("a.yaml", $"{Service("web", "10.0.0.1")}\n---\n{Service("dns", "10.0.0.2")}");
        await using SourceRun run = Run();
        await run.Synced();
        int before = run.Log.Count;

        Write("a.yaml", $"{Service("dns", "10.0.0.7")}\n---\n{bad}");
        Write("b.yaml", Service("other", "10.0.0.5"));
        await run.Until(_ => AddressOf(run, "other") is not null, "a good file beside the bad one");
        Assert.Equal(before + 1, run.Log.Count);
        Assert.Contains(run.Source.Problems, problem => problem.Object == "a.yaml"
            && problem.Field.StartsWith("document 2", StringComparison.Ordinal));
        Assert.Contains(run.Source.Problems, problem => problem.Message == "its last good version stays in force");
        Assert.Contains(_log.Lines, line => line.Contains("a.yaml, document 2", StringComparison.Ordinal));

        Write("a.yaml", Service("web", "10.0.0.9"));
        await run.Until(_ => AddressOf(run, "web") == "10.0.0.9" && AddressOf(run, "dns") is null, "the repaired file");
        await run.Until(_ => run.Source.Problems.IsEmpty || Nudge(), "no problem left");
    }

    [Fact]
    public async Task An_object_in_two_files_is_the_first_files_and_then_the_others()
    {
        Write("b.yaml", Service("web", "10.0.0.2"));
        Write("a.yaml", Service("web", "10.0.0.1"));
        await using SourceRun run = Run();
        await run.Synced();
        Assert.Equal("10.0.0.1", AddressOf(run, "web"));
        Assert.Equal("b.yaml", run.Source.Problems.Single().Object);
        Assert.Contains("already defined in a.yaml, which wins", run.Source.Problems.Single().Message, StringComparison.Ordinal);

        File.Delete(PathOf("a.yaml"));
        await run.Until(_ => AddressOf(run, "web") == "10.0.0.2", "the second file's object");
        Write("a.yaml", Service("web", "10.0.0.3"));
        await run.Until(_ => AddressOf(run, "web") == "10.0.0.3", "the first file's object again");
    }

    [Fact]
    public async Task A_swapped_data_link_of_a_ConfigMap_volume_changes_all_files_at_once()
    {
        Directory.CreateDirectory(PathOf("..1"));
        Directory.CreateDirectory(PathOf("..2"));
        Write("..1/a.yaml", Service("web", "10.0.0.1"));
        Write("..1/b.yaml", Service("dns", "10.0.1.1"));
        Write("..1/c.yaml", Service("old", "10.0.2.1"));
        Write("..2/a.yaml", Service("web", "10.0.0.2"));
        Write("..2/b.yaml", Service("dns", "10.0.1.2"));
        Directory.CreateSymbolicLink(PathOf("..data"), "..1");
        foreach (string name in (string[])["a.yaml", "b.yaml", "c.yaml"])
            File.CreateSymbolicLink(PathOf(name), $"..data/{name}");
        await using SourceRun run = Run();
        await run.Synced();
        Assert.Equal("10.0.0.1", AddressOf(run, "web"));

        Directory.CreateSymbolicLink(PathOf("..data_tmp"), "..2");
        Assert.Equal(0, rename(PathOf("..data_tmp"), PathOf("..data")));
        await run.Until(_ => AddressOf(run, "web") == "10.0.0.2", "the swapped volume");

        // In one event: no reader can take the first file's change into the kernel before the last one's.
        Assert.Equal(3, Assert.IsType<ClusterEvent.Together>(run.Log[^1]).Changes.Count);
        Assert.Equal("10.0.1.2", AddressOf(run, "dns"));
        Assert.Null(AddressOf(run, "old"));
    }

    [Fact]
    public async Task Editors_files_and_subfolders_are_not_read()
    {
        Directory.CreateDirectory(PathOf("sub.yaml"));
        Write("sub.yaml/a.yaml", Service("sub", "10.0.0.1"));
        Write(".a.yaml.swp", Service("swap", "10.0.0.1"));
        Write(".hidden.yaml", Service("hidden", "10.0.0.1"));
        Write("a.yaml~", Service("backup", "10.0.0.1"));
        await using SourceRun run = Run();
        await run.Synced();
        Assert.Empty(run.Services);
        Assert.Empty(run.Source.Problems);
    }

    [Fact]
    public async Task A_folder_that_goes_away_and_comes_back_is_followed_again()
    {
        string moved = _folder + "-moved";
        Write("a.yaml", Service("web", "10.0.0.1"));
        await using SourceRun run = Run();
        await run.Synced();

        Directory.Move(_folder, moved);
        await File.WriteAllTextAsync(Path.Combine(moved, "b.yaml"), Service("dns", "10.0.0.2"), TestContext.Current.CancellationToken);
        Directory.Move(moved, _folder);
        await run.Until(_ => AddressOf(run, "dns") is not null, "the file that was added while the folder was away");
        Assert.Equal("10.0.0.1", AddressOf(run, "web"));
        Assert.DoesNotContain(run.Log, change => change is ClusterEvent.ServiceGone);
    }

    [Fact]
    public async Task A_folder_that_is_deleted_and_made_again_keeps_the_last_state_until_it_holds_a_file()
    {
        Write("a.yaml", Service("web", "10.0.0.1"));
        Write("b.yaml", Service("dns", "10.0.0.2"));
        await using SourceRun run = Run();
        await run.Synced();

        Directory.Delete(_folder, recursive: true);
        Directory.CreateDirectory(_folder);
        Assert.True(SpinWait.SpinUntil(() => _log.Lines.Any(static line => line.Contains("holds no manifest", StringComparison.Ordinal)),
            TimeSpan.FromSeconds(30)), "no line about the empty folder");
        Assert.DoesNotContain(run.Log, static change => change is ClusterEvent.ServiceGone or ClusterEvent.Together);

        Write("b.yaml", Service("dns", "10.0.0.3"));
        await run.Until(_ => AddressOf(run, "dns") == "10.0.0.3", "the new folder's file");
        Assert.Null(AddressOf(run, "web"));
    }

    [Fact]
    public async Task What_is_no_regular_file_is_said_and_the_rest_is_read()
    {
        Assert.Equal(0, mkfifo(PathOf("pipe.yaml"), 0x1B6));
        File.CreateSymbolicLink(PathOf("zero.yaml"), "/dev/zero");
        using var socket = new System.Net.Sockets.Socket(
            System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
        socket.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(PathOf("socket.yaml")));
        Write("web.yaml", Service("web", "10.0.0.1"));
        await using SourceRun run = Run();
        await run.Synced();

        Assert.Equal("10.0.0.1", AddressOf(run, "web"));
        foreach (string name in (string[])["pipe.yaml", "zero.yaml", "socket.yaml"])
            Assert.Contains(_log.Lines, line => line.Contains($"{name}, : is not a regular file", StringComparison.Ordinal));

        Assert.Equal(0, mkfifo(PathOf("later.yaml"), 0x1B6));
        Write("dns.yaml", Service("dns", "10.0.0.2"));
        await run.Until(_ => AddressOf(run, "dns") is not null, "a file beside the new pipe");
        await run.Until(_ => _log.Lines.Any(static line => line.Contains("later.yaml, : is not a regular", StringComparison.Ordinal))
            || Nudge(), "a line about the new pipe");

        (IReadOnlyList<ClusterEvent> events, var problems) = ManifestSource.ReadOnce(_folder, "node-a");
        Assert.Equal(2, events.OfType<ClusterEvent.ServiceSet>().Count(static set => !set.Service.Name.Name.StartsWith("nudge")));
        Assert.Equal(4, problems.Count(static problem => problem.Message.Contains("not a regular file", StringComparison.Ordinal)));
        SourceException refused = Assert.Throws<SourceException>(() => ManifestSource.ReadOnce(PathOf("pipe.yaml"), "node-a"));
        Assert.Contains("not a regular file", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_is_not_there_is_one_clear_error()
    {
        var source = new ManifestSource(PathOf("nowhere"), "node-a", _log, TimeProvider.System);
        SourceException error = await Assert.ThrowsAsync<SourceException>(() => source.RunAsync(
            System.Threading.Channels.Channel.CreateUnbounded<ClusterEvent>().Writer, TestContext.Current.CancellationToken));
        Assert.Contains("nowhere", error.Message, StringComparison.Ordinal);
        Assert.Contains("No such file or directory", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Random_edits_leave_what_a_fresh_reading_finds()
    {
        var random = new Random(20260723);
        await using SourceRun run = Run();
        await run.Synced();
        for (int step = 0; step < 400; step++)
        {
            string name = $"f{random.Next(6)}.yaml";
            string content = string.Join("\n---\n", Enumerable.Range(0, 8).Where(_ => random.Next(4) == 0)
                .Select(i => random.Next(12) == 0 ? "{broken" : Service($"s{i}", $"10.0.0.{random.Next(1, 4)}")));
            switch (random.Next(4))
            {
                case 0:
                    File.Delete(PathOf(name));
                    break;
                case 1:
                    Write("next.tmp", content);
                    File.Move(PathOf("next.tmp"), PathOf(name), overwrite: true);
                    break;
                case 2 when File.Exists(PathOf(name)):
                    File.Move(PathOf(name), PathOf($"f{random.Next(6)}.yaml"), overwrite: true);
                    break;
                default:
                    Write(name, content);
                    break;
            }
        }
        foreach (string file in Directory.GetFiles(_folder))
            Write(Path.GetFileName(file), (await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken))
                .Replace("{broken", "", StringComparison.Ordinal));
        Write("zz.yaml", Service("last", "10.0.0.9"));
        await run.Until(_ => AddressOf(run, "last") is not null, "the last edit");

        (IReadOnlyList<ClusterEvent> events, _) = ManifestSource.ReadOnce(_folder, "node-a");
        Assert.Equal(
            events.OfType<ClusterEvent.ServiceSet>().GroupBy(set => set.Service.Name)
                .Select(group => $"{group.Key} {group.Last().Service.ClusterIPs[0]}").Order(),
            run.Services.Values.Select(service => $"{service.Name} {service.ClusterIPs[0]}").Order());
    }

    private static string Service(string name, string address) =>
        $"{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{clusterIP: {address}, ports: [{{port: 80}}]}}}}";

    private static string? AddressOf(SourceRun run, string name) =>
        run.Services.GetValueOrDefault(new ObjectName("default", name))?.ClusterIPs[0].ToString();

    // File.Move and Directory.Move follow links or refuse them; the kubelet swaps the link itself.
    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rename(string from, string to);

    private SourceRun Run() => new(new ManifestSource(_folder, "node-a", _log, TimeProvider.System), () => _log.Lines);

    // Problems are published just behind the events they come with; another change brings the reader round to look again.
    private bool Nudge()
    {
        Write("nudge.yaml", Service("nudge", $"10.0.1.{Random.Shared.Next(1, 250)}"));
        return false;
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mkfifo(string path, uint mode);

    private string PathOf(string name) => Path.Combine(_folder, name);

    private void Write(string name, string content) => File.WriteAllText(PathOf(name), content);
}
