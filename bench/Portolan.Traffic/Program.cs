using System.CommandLine;
using System.Net;
using Portolan.Traffic;

// Servers and load for the demo and the benchmarks. It sees the network namespace that it is started in (`ip netns exec`).
var port = new Option<int>("--port") { Description = "TCP and UDP port.", DefaultValueFactory = static _ => 8080 };
var name = new Option<string>("--name") { Description = "What the server answers.", Required = true };
var server = new Option<IPEndPoint>("--server")
{
    Description = "Address and port, such as 172.30.0.80:80 or [fd00::1]:80.",
    Required = true,
    CustomParser = static result =>
    {
        if (IPEndPoint.TryParse(result.Tokens[0].Value, out IPEndPoint? endpoint) && endpoint.Port != 0)
            return endpoint;
        result.AddError($"'{result.Tokens[0].Value}' is no address with a port.");
        return null;
    },
};
var requests = new Option<int>("--requests") { Description = "Number of requests.", DefaultValueFactory = static _ => 3000 };
var atOnce = new Option<int>("--at-once") { Description = "Requests under way at a time.", DefaultValueFactory = static _ => 16 };
var perSecond = new Option<double>("--per-second") { Description = "New connections a second.", DefaultValueFactory = static _ => 200 };
var seconds = new Option<double>("--seconds") { Description = "Length of the run.", DefaultValueFactory = static _ => 5 };
var json = new Option<bool>("--json") { Description = "Print one line of JSON instead of text." };

var serve = new Command("serve", "Answer HTTP requests and datagrams with a name until SIGTERM.") { name, port };
serve.SetAction((line, cancel) => Commands.ServeAsync(line.GetValue(name)!, line.GetValue(port), cancel));

var share = new Command("share", "Make requests, each over a new connection, and draw who answered.") { server, requests, atOnce };
share.SetAction((line, _) => Commands.ShareAsync(line.GetValue(server)!, line.GetValue(requests), line.GetValue(atOnce)));

var steady = new Command("steady", "Open connections at a fixed rate and count what fails.") { server, perSecond, seconds, json };
steady.SetAction((line, cancel) =>
    Commands.SteadyAsync(line.GetValue(server)!, line.GetValue(perSecond), line.GetValue(seconds), line.GetValue(json), cancel));

var outage =
    new Command("outage", "Connect again and again; print the length of the first time without success, in milliseconds.") { server,
    seconds };
outage.SetAction((line, _) => Commands.OutageAsync(line.GetValue(server)!, line.GetValue(seconds)));

var connect = new Command("connect", "Short connections as fast as they go: connections a second and time to the first answer.") { server,
    seconds, atOnce, json };
connect.SetAction((line, cancel) =>
    Commands.ConnectAsync(line.GetValue(server)!, line.GetValue(seconds), line.GetValue(atOnce), line.GetValue(json), cancel));

var paths = new Option<ConnectLatency.Path[]>("--path")
{
    Description = "NAME=NAMESPACE,ADDRESS:PORT; the first is what the others are compared with.",
    Required = true,
    CustomParser = static result => [.. result.Tokens.Select(token =>
    {
        if (!ConnectLatency.Path.TryParse(token.Value, out ConnectLatency.Path path))
            result.AddError($"'{token.Value}' is not NAME=NAMESPACE,ADDRESS:PORT.");
        return path;
    })],
};
var rounds = new Option<int>("--rounds") { Description = "How often each path has its turn.", DefaultValueFactory = static _ => 40 };
var perTurn = new Option<int>("--per-turn") { Description = "Connections in a turn.", DefaultValueFactory = static _ => 200 };
var latency =
    new Command("latency", "connect() on several paths that take turns: NAME MEDIAN and the quartiles of what it takes more than " +
    "the first, in microseconds.") { paths, rounds, perTurn };
latency.SetAction(line => ConnectLatency.Run(line.GetValue(paths)!, line.GetValue(rounds), line.GetValue(perTurn)));

return await new RootCommand("Servers and load for Portolan's demo and benchmarks.") { serve, share, steady, outage, connect,
    latency }.Parse(args)
    .InvokeAsync();
