using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using Portolan.Sources;
using Portolan.Sources.Configuration;

namespace Portolan.Proxy;

/// <summary>
/// "portolan preflight": what would happen if the proxy were started on this node in kube-proxy's place. Changes nothing.
/// </summary>
internal static class PreflightCommand
{
    private const int WouldNotServe = 1;

    public static Command Create()
    {
        Option<string> config = new("--config") { Description = "The KubeProxyConfiguration the proxy would be started with." };
        Option<bool> json = new("--json") { Description = "Print JSON." };
        var command = new Command("preflight", "What would happen if the proxy were started on this node. Changes nothing.")
        {
            config, json,
        };
        command.SetAction(parsed =>
        {
            ImmutableArray<PreflightCheck> checks = Run(parsed.GetValue(config));
            Console.Out.Write(parsed.GetValue(json) ? Json(checks) : Text(checks));
            return checks.Any(static check => check.Result == PreflightResult.Bad) ? WouldNotServe : 0;
        });
        return command;
    }

    private static ImmutableArray<PreflightCheck> Run(string? file)
    {
        KubeProxyConfig config;
        try
        {
            config = KubeProxyConfig.Load(file);
        }
        catch (SourceException wrong)
        {
            return [.. wrong.Message.Split('\n').Select(static line => new PreflightCheck(PreflightResult.Bad, "configuration", line))];
        }
        return
        [
            .. config.Warnings.Concat(ConfigFields.Warnings(config))
                .Select(static warning => new PreflightCheck(PreflightResult.Note, "configuration", warning)),
            .. PreflightChecks.All(config),
        ];
    }

    private static string Text(ImmutableArray<PreflightCheck> checks)
    {
        IEnumerable<string> lines = checks.Select(static check => $"{Name(check.Result),-5} {check.Subject}: {check.Text}");
        string verdict = checks.Any(static check => check.Result == PreflightResult.Bad)
            ? "The proxy would not serve on this node; see the lines that begin with bad."
            : "The proxy can be started on this node.";
        return $"{string.Join('\n', lines)}\n{verdict}\n";
    }

    private static string Json(ImmutableArray<PreflightCheck> checks)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes))
        {
            writer.WriteStartArray();
            foreach (PreflightCheck check in checks)
            {
                writer.WriteStartObject();
                writer.WriteString("result", Name(check.Result));
                writer.WriteString("subject", check.Subject);
                writer.WriteString("text", check.Text);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
        }
        return System.Text.Encoding.UTF8.GetString(bytes.ToArray()) + "\n";
    }

    private static string Name(PreflightResult result) => result switch
    {
        PreflightResult.Fine => "ok",
        PreflightResult.Note => "note",
        _ => "bad",
    };
}
