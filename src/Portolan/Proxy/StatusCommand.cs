using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Portolan.Proxy;

/// <summary>"portolan status": asks the proxy of this node what it says of itself.</summary>
internal static class StatusCommand
{
    private const string Page = "/debug/portolan/status";
    private const int NotInOrder = 1;
    private const int NotAnswered = 2;

    public static Command Create()
    {
        Option<string> address = new("--address")
        {
            Description = "Where the proxy answers (its healthzBindAddress).",
            DefaultValueFactory = static _ => "127.0.0.1:10256",
        };
        Option<bool> json = new("--json") { Description = "Print the proxy's own JSON." };
        var command = new Command("status", "What the proxy of this node says of itself: its mode and why, what is in force, what is not.")
        {
            address, json,
        };
        command.SetAction((parsed, cancel) => RunAsync(parsed.GetValue(address)!, parsed.GetValue(json), cancel));
        return command;
    }

    private static async Task<int> RunAsync(string address, bool isJson, CancellationToken cancel)
    {
        if (!IPEndPoint.TryParse(address, out IPEndPoint? target) || target.Port == 0)
            return Fail($"--address: '{address}' is not address:port");
        string text;
        try
        {
            using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
            using HttpResponseMessage answer = await http.GetAsync(new Uri($"http://{target}{Page}"), cancel).ConfigureAwait(false);
            text = await answer.Content.ReadAsStringAsync(cancel).ConfigureAwait(false);
            if (answer.StatusCode != HttpStatusCode.OK)
                return Fail(answer.StatusCode == HttpStatusCode.ServiceUnavailable
                    ? text.Trim()
                    : $"{target} answers {(int)answer.StatusCode} for {Page}: is it Portolan's?");
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException or IOException)
        {
            return Fail($"no proxy answers at {target} ({failure.GetBaseException().Message}). Is it running in this network namespace, " +
                "and is this its healthzBindAddress? --address names another");
        }
        try
        {
            using JsonDocument status = JsonDocument.Parse(text);
            if (isJson)
                Console.WriteLine(text);
            else
                Print(status.RootElement);
            return IsInOrder(status.RootElement) ? 0 : NotInOrder;
        }
        catch (Exception foreign) when (foreign is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return Fail($"{target} does not answer as Portolan does");
        }
    }

    private static bool IsInOrder(JsonElement status) => status.GetProperty("synced").GetBoolean()
        && status.GetProperty("lastError").ValueKind == JsonValueKind.Null
        && status.GetProperty("refusals").GetArrayLength() == 0
        && !status.GetProperty("backgroundFailures").EnumerateObject().Any();

    private static void Print(JsonElement status)
    {
        Line("mode", Text(status, "modeReason"));
        Line("version", $"Portolan {Text(status, "version")} on node {Text(status, "node")}, started {Text(status, "startedAt")}");
        Line("in force", status.GetProperty("synced").GetBoolean()
            ? $"since {Text(status, "syncedSince")}: {Number(status, "services")} services; last in step {Text(status, "lastInStep")}"
            : "nothing yet: no whole picture of the cluster has come into force");
        Line("pending", !status.GetProperty("pending").GetBoolean() ? "nothing"
            : status.GetProperty("pendingSince").ValueKind == JsonValueKind.Null ? "changes have just come"
            : $"for {Number(status, "pendingSeconds")} s");
        string[] refusals = [.. status.GetProperty("refusals").EnumerateArray()
            .Select(static refusal => $"{Text(refusal, "subject")}: {Text(refusal, "change")}: {Text(refusal, "reason")}")];
        Line("quarantined", refusals.Length == 0 ? "nothing" : $"{refusals.Length}:");
        foreach (string refusal in refusals)
            Line("", refusal);
        Line("last error", status.GetProperty("lastError").ValueKind == JsonValueKind.Null ? "none" : Text(status, "lastError"));
        foreach (JsonProperty failure in status.GetProperty("backgroundFailures").EnumerateObject())
            Line("failing", $"{failure.Name}: {failure.Value.GetString()}");
        Line("syncs", $"{Number(status, "syncs")}, {Number(status, "failures")} with failures");
        if (!status.GetProperty("nodeEligible").GetBoolean())
            Line("node", "takes no new traffic: it is gone, is being deleted, or is to be removed by the autoscaler");
        Line("kernel", Text(status, "kernel"));
        foreach (JsonElement probe in status.GetProperty("probes").EnumerateArray())
        {
            Line("", $"mode {Text(probe, "mode")} {(probe.GetProperty("canServe").GetBoolean()
                ? "can serve here" : $"cannot serve here: {Text(probe, "missing")}")}");
        }
    }

    private static void Line(string name, string text) => Console.WriteLine($"{name,-12} {text}");

    private static string Text(JsonElement from, string name) => from.GetProperty(name).GetString() ?? "";

    private static string Number(JsonElement from, string name) =>
        from.GetProperty(name).GetDouble().ToString(CultureInfo.InvariantCulture);

    private static int Fail(string message)
    {
        Console.Error.WriteLine($"portolan status: {message}");
        return NotAnswered;
    }
}
