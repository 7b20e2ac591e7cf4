using System.CommandLine;
using Portolan.FakeApi;

var services = new Option<int>("--services") { Description = "services to begin with", DefaultValueFactory = _ => 10 };
var endpoints = new Option<int>("--endpoints") { Description = "endpoints of each", DefaultValueFactory = _ => 5 };
var nodes = new Option<int>("--nodes") { Description = "nodes the endpoints are spread over (node-0 ...)", DefaultValueFactory = _ => 100 };
var port = new Option<int>("--port") { Description = "port on 127.0.0.1, 0 for a free one" };
var bookmarks = new Option<double>("--bookmarks") { Description = "seconds between bookmarks, 0 for none", DefaultValueFactory = _ => 60 };
var kubeconfig = new Option<string?>("--kubeconfig") { Description = "write a kubeconfig for this server to this file" };

var root = new RootCommand("An API server for measurements and end-to-end tests: enough of one for a service proxy.")
{
    services, endpoints, nodes, port, bookmarks, kubeconfig,
};
root.SetAction(async (parsed, cancel) =>
{
    await using var server = new ControlledServer(
        parsed.GetValue(services), parsed.GetValue(endpoints), parsed.GetValue(nodes), parsed.GetValue(port), parsed.GetValue(bookmarks));
    if (parsed.GetValue(kubeconfig) is { } path)
        await File.WriteAllTextAsync(path, server.Kubeconfig, cancel);
    Console.WriteLine($"listening on {server.Address}");
    try
    {
        await Task.Delay(Timeout.Infinite, cancel);
    }
    catch (OperationCanceledException)
    {
        // Ctrl-C and SIGTERM end it.
    }
});
return await root.Parse(args).InvokeAsync();
