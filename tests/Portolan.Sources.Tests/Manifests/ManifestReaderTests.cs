using System.Text;
using Portolan.Services.Cluster;
using Portolan.Sources.Manifests;
using Portolan.Sources.Tests.Support;

namespace Portolan.Sources.Tests.Manifests;

public class ManifestReaderTests
{
    [Fact]
    public void Documents_lists_and_other_kinds_may_stand_in_one_file()
    {
        ManifestFile file = Yaml.Read(
            """
            # a comment
            ---
            apiVersion: v1
            kind: Namespace
            metadata: {name: shop}
            ---
            ---
            apiVersion: v1
            kind: List
            items:
            - {apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: 10.0.0.1, ports: [{port: 80}]}}
            - {apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {kind: Service}}
            ---
            apiVersion: v1
            kind: ServiceList
            items:
            - {metadata: {name: b}, spec: {clusterIP: 10.0.0.2, ports: [{port: 80}]}}
            """);
        Assert.Empty(file.Problems);
        Assert.Equal(["default/a", "default/b"], file.Objects.Keys.Select(key => key.Name.ToString()).Order());
    }

    [Fact]
    public void Only_the_right_API_group_counts()
    {
        ManifestFile file = Yaml.Read("{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: a}}");
        Assert.Empty(file.Objects);
        Assert.Empty(file.Problems);
    }

    [Fact]
    public void A_problem_names_document_object_and_field()
    {
        Problem problem = Yaml.Read(
            """
            kind: Namespace
            ---
            apiVersion: v1
            kind: List
            items:
            - {apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: 10.0.0.1, ports: [{port: 80}, {port: 0}]}}
            """).Problems.Single();
        Assert.Equal("test.yaml", problem.Object);
        Assert.Equal("document 2, items[0], Service default/a, spec.ports[1].port", problem.Field);
    }

    [Fact]
    public void Anchors_aliases_and_merge_keys_work_as_in_kubectl()
    {
        ManifestFile file = Yaml.Read(
            """
            apiVersion: v1
            kind: List
            items:
            - apiVersion: v1
              kind: Service
              metadata: &meta {name: a, namespace: shop}
              spec: &spec
                clusterIP: 10.0.0.1
                ports: &ports [{port: 80}]
            - apiVersion: v1
              kind: Service
              metadata: {<<: *meta, name: b}
              spec: {clusterIP: 10.0.0.2, <<: *spec}
            - apiVersion: v1
              kind: Service
              metadata: {name: c}
              spec: {clusterIP: 10.0.0.3, ports: *ports}
            """);
        Assert.Empty(file.Problems);
        Assert.Equal(
            ["default/c 10.0.0.3 80", "shop/a 10.0.0.1 80", "shop/b 10.0.0.2 80"],
            file.Objects.Values.Select(found => ((ClusterEvent.ServiceSet)found.Set).Service)
                .Select(service => $"{service.Name} {service.ClusterIPs[0]} {service.Ports[0].Port}").Order());
    }

    [Fact]
    public void A_bomb_of_aliases_is_an_error_and_not_a_memory_problem()
    {
        var bomb = new StringBuilder("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for (int level = 1; level < 20; level++)
            bomb.Append(System.Globalization.CultureInfo.InvariantCulture,
                $"a{level}: &a{level} " +
                $"[*a{level - 1},*a{level - 1},*a{level - 1},*a{level - 1},*a{level - 1},*a{level - 1},*a{level - 1},*a{level - 1}]\n");
        ManifestFile file = Yaml.Read(bomb.ToString());
        Assert.Contains("aliases unfold to more than", file.Problems.Single().Message, StringComparison.Ordinal);
        Assert.False(file.IsSound);
    }

    [Fact]
    public void An_alias_to_itself_is_an_error() =>
        Assert.Contains("has no anchor", Yaml.Read("a: &a [*a]").Problems.Single().Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("test.yaml")]
    [InlineData("test.json")]
    public void Bottomless_nesting_is_an_error(string name)
    {
        ManifestFile file = Yaml.Read(name, Encoding.UTF8.GetBytes(new string('[', 200_000)));
        Assert.Single(file.Problems);
        Assert.False(file.IsSound);
    }

    [Theory]
    [InlineData("a: [1, 2", "document 1, line")]
    [InlineData("kind: Service\nkind: Node", "document 1, line 2")]
    [InlineData("apiVersion: v1\n\tkind: x", "document 1, line 1")]
    [InlineData("{? [a, b] : c}", "document 1, line 1")]
    public void Broken_YAML_is_reported_with_document_and_line(string yaml, string where)
    {
        ManifestFile file = Yaml.Read(yaml);
        Assert.StartsWith(where, file.Problems.Single().Field, StringComparison.Ordinal);
        Assert.False(file.IsSound);
    }

    [Fact]
    public void Documents_before_the_broken_one_are_used_on_a_first_reading()
    {
        ManifestFile file =
            Yaml.Read("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: 10.0.0.1, ports: [{port: 80}]}}\n---\n{oops");
        Assert.Single(file.Objects);
        Assert.StartsWith("document 2", file.Problems.Single().Field, StringComparison.Ordinal);
    }

    [Fact]
    public void JSON_files_may_hold_several_values()
    {
        ManifestFile file = Yaml.Read("test.json", Encoding.UTF8.GetBytes(
            """
            {"apiVersion":"v1","kind":"Service","metadata":{"name":"a"},"spec":{"clusterIP":"10.0.0.1","ports":[{"port":80}]}}
            {"apiVersion":"v1","kind":"Service","metadata":{"name":"b"},"spec":{"clusterIP":"10.0.0.2","ports":[{"port":"80"}]}} {
            """));
        Assert.Equal(2, file.Objects.Count);
        Assert.Equal(2, file.Problems.Length);
        Assert.Contains("document 2, Service default/b, spec.ports[0].port", Yaml.TextOf(file.Problems), StringComparison.Ordinal);
        Assert.Contains("document 3, line 2", Yaml.TextOf(file.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Text_that_is_not_UTF8_is_an_error_naming_the_file()
    {
        Problem problem = Yaml.Read("latin.yaml", [.. "a: "u8, 0xe9, 0xff]).Problems.Single();
        Assert.Equal("latin.yaml", problem.Object);
        Assert.Contains("UTF-8", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_manifest_of_50_MB_is_an_error_naming_the_file()
    {
        Problem problem = Yaml.Read("huge.yaml", new byte[50_000_000]).Problems.Single();
        Assert.Equal("huge.yaml", problem.Object);
        Assert.Contains("larger than 32 MiB", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_object_twice_in_a_file_is_an_error_and_the_first_counts()
    {
        const string Service = "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: 10.0.0.%, ports: [{port: 80}]}}";
        ManifestFile file = Yaml.Read($"{Service.Replace('%', '1')}\n---\n{Service.Replace('%', '2')}");
        Assert.Equal("10.0.0.1", ((ClusterEvent.ServiceSet)file.Objects.Values.Single().Set).Service.ClusterIPs.Single().ToString());
        Assert.Contains("already defined in document 1 of this file, which wins", file.Problems.Single().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_document_that_is_no_object_is_an_error() =>
        Assert.Contains("has no kind", Yaml.Read("just words").Problems.Single().Message, StringComparison.Ordinal);

    [Fact]
    public void An_empty_file_is_no_error() => Assert.Empty(Yaml.Read("# nothing here\n").Problems);
}
