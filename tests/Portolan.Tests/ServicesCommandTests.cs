using System.Text.Json;
using YamlDotNet.RepresentationModel;

namespace Portolan.Tests;

/// <summary>services: which are listed, in which order and form; and lines that fit the terminal, of all commands.</summary>
public sealed class ServicesCommandTests : IDisposable
{
    private readonly ChartRun _run = new();

    public ServicesCommandTests() => _run.Copy("harbor/kube-proxy-1.36/iptables-save.txt", "dump");

    public void Dispose() => _run.Dispose();

    [Fact]
    public void A_namespace_can_be_asked_for()
    {
        string[] lines = Services("-n", "kube-system").Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(4, lines.Length);
        Assert.All(lines[1..], line => Assert.StartsWith("kube-system/kube-dns", line, StringComparison.Ordinal));
        Outcome none = _run.Run("services", "--rules", "dump", "-n", "nowhere");
        Assert.Equal(1, none.Status);
        Assert.Contains("no service in namespace 'nowhere'", none.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("name", "default/kubernetes:https default/testsvc kube-system/kube-dns:dns")]
    [InlineData("status", "shop/empty:http default/testsvc default/kubernetes:https")]
    [InlineData("endpoints", "default/testsvc shop/payments:https shop/web:http")]
    [InlineData("rules", "default/testsvc shop/payments:https shop/draining:http")]
    public void The_order_can_be_chosen(string by, string first) =>
        Assert.Equal(first.Split(' '), Services("--sort", by).Split('\n')[1..4]
            .Select(line => line[..line.IndexOf(' ', StringComparison.Ordinal)]));

    [Fact]
    public void The_status_says_what_clients_get()
    {
        string[] lines = Services().Split('\n');
        int column = lines[0].IndexOf("STATUS", StringComparison.Ordinal);
        string StatusOf(string service) => Assert.Single(lines, line => line.StartsWith(service + " ", StringComparison.Ordinal))[column..];

        Assert.StartsWith("ok ", StatusOf("shop/web:http"), StringComparison.Ordinal);
        Assert.StartsWith("no endpoints ", StatusOf("shop/empty:http"), StringComparison.Ordinal);
        Assert.StartsWith("no local endpoint ", StatusOf("default/testsvc"), StringComparison.Ordinal);
    }

    [Fact]
    public void Wide_names_the_endpoints() =>
        Assert.Contains(" 10.244.1.10:8080 10.244.2.10:8080 10.244.3.10:8080\n", Services("-o", "wide"), StringComparison.Ordinal);

    [Fact]
    public void Json_and_yaml_say_the_same()
    {
        using var json = JsonDocument.Parse(Services("-o", "json"));
        var yaml = new YamlStream();
        yaml.Load(new StringReader(Services("-o", "yaml")));

        AssertSame(json.RootElement, yaml.Documents[0].RootNode);
    }

    [Theory]
    [InlineData("services")]
    [InlineData("services shop/web")]
    [InlineData("explain default/testsvc")]
    [InlineData("trace --src pod --dst shop/web --reply")]
    [InlineData("why default/testsvc")]
    [InlineData("why shop/empty")]
    [InlineData("check")]
    public void No_line_is_wider_than_80_columns(string command)
    {
        Outcome outcome = _run.Run([.. command.Split(' '), "--rules", "dump"], input: null, ("COLUMNS", "80"));

        Assert.NotEmpty(outcome.Output);
        Assert.All(outcome.Output.Split('\n'), line => Assert.True(line.Length <= 80, line));
    }

    [Fact]
    public void A_line_that_goes_on_hangs_under_its_text()
    {
        Outcome outcome = _run.Run(["why", "shop/empty", "--from", "pod", "--rules", "dump"], input: null, ("COLUMNS", "80"));

        string[] lines = outcome.Output.Split('\n');
        int cause = Array.FindIndex(lines, line => line.StartsWith("  cause: ", StringComparison.Ordinal));
        Assert.StartsWith("         ", lines[cause + 1], StringComparison.Ordinal);
        Assert.NotEqual(' ', lines[cause + 1][9]);
    }

    private string Services(params string[] options)
    {
        Outcome outcome = _run.Run(["services", "--rules", "dump", .. options]);
        Assert.True(outcome.Status == 0, outcome.Errors);
        return outcome.Output;
    }

    private static void AssertSame(JsonElement json, YamlNode yaml)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                var fields = Assert.IsType<YamlMappingNode>(yaml);
                Assert.Equal(json.EnumerateObject().Select(field => field.Name), fields.Children.Keys.Select(key => key.ToString()));
                foreach (JsonProperty field in json.EnumerateObject())
                    AssertSame(field.Value, fields.Children[new YamlScalarNode(field.Name)]);
                break;
            case JsonValueKind.Array:
                var items = Assert.IsType<YamlSequenceNode>(yaml);
                Assert.Equal(json.GetArrayLength(), items.Children.Count);
                foreach ((JsonElement item, YamlNode node) in json.EnumerateArray().Zip(items.Children))
                    AssertSame(item, node);
                break;
            default:
                Assert.Equal(json.ValueKind == JsonValueKind.String ? json.GetString() : json.GetRawText(),
                    Assert.IsType<YamlScalarNode>(yaml).Value);
                break;
        }
    }
}
