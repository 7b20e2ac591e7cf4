using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Descriptions;

/// <summary>The parts of an explanation that are the same on a terminal and in a file.</summary>
public static class ExplainText
{
    /// <summary>The facts about a service that need no packet.</summary>
    public static IEnumerable<string> Facts(ProgrammedService service)
    {
        ArgumentNullException.ThrowIfNull(service);
        yield return service.Frontends.IsEmpty ? $"reached at  not in the input, which begins at chain {service.EntryChain}"
            : $"reached at  " +
                $"{string.Join(", ", service.Frontends.Select(frontend => $"{frontend.Text} ({Explainer.KindText(frontend.Kind)})"))}";
        if (service.Endpoints.IsEmpty)
        {
            yield return "endpoints   none";
        }
        else
        {
            double spread = service.Endpoints.Max(endpoint => endpoint.Share) - service.Endpoints.Min(endpoint => endpoint.Share);
            string shares = service.Endpoints.Length == 1
                ? service.Endpoints[0].Share is > 0.9999 ? "it gets every connection"
                    : $"with a share of {ShareText.Of(service.Endpoints[0].Share)}"
                : double.IsNaN(spread) ? "shares that the input does not show"
                : spread < ShareText.Rounding ? $"equal shares of {ShareText.Of(service.Endpoints[0].Share)}"
                : "unequal shares";
            yield return $"endpoints   {Number(service.Endpoints.Length)}, {shares}";
        }
        if (service.IsExternalLocal == true)
            yield return "policy      externalTrafficPolicy Local: clients from outside get endpoints of this node only";
        if (service.IsInternalLocal == true)
            yield return "policy      internalTrafficPolicy Local: the cluster IP leads to endpoints of this node only";
        if (service.Affinity is { } affinity)
            yield return $"affinity    a client keeps its endpoint for {Number((int)affinity.TotalSeconds)} s after its last connection";
        if (!service.SourceRanges.IsEmpty)
            yield return $"sources     only {string.Join(", ", service.SourceRanges)} may use the load balancer";
    }

    /// <summary>How an endpoint is chosen, line by line.</summary>
    public static IEnumerable<string> Choice(EndpointChoice choice)
    {
        ArgumentNullException.ThrowIfNull(choice);
        int count = choice.Endpoints.Length;
        if (!choice.IsByStatistics)
        {
            yield return choice.IsByIpvs ? $"IPVS chooses one of {Number(count)} real servers:"
                : $"One random number picks the endpoint; each of the {Number(count)} is equally likely:";
            foreach (ProgrammedEndpoint endpoint in choice.Endpoints)
                yield return $"    {ShareText.Of(endpoint.Share),-8} {endpoint.Text}";
            yield break;
        }
        if (count < 2)
            yield break;
        yield return $"{choice.Place?.Chain.Name} evaluates its rules from the top, one endpoint each:";
        yield return "    rule says      reached by   gets     endpoint";
        double left = 1;
        foreach (ProgrammedEndpoint endpoint in choice.Endpoints)
        {
            string printed = endpoint.Printed.Length == 0 ? "(no figure)" : endpoint.Printed;
            string name = endpoint.Address.Family == IpFamily.None ? $"{endpoint.Chain} (its address is not in the input)" : endpoint.Text;
            yield return $"    {printed,-14} {OutcomeText.Percent(left),-12} {ShareText.Of(endpoint.Share),-8} {name}";
            left = Math.Max(0, left - endpoint.Share);
        }
        if (choice.Endpoints.FirstOrDefault(endpoint => endpoint.Share == 0) is { } none)
        {
            yield return $"{none.Text} gets nothing: an earlier rule takes every packet.";
            yield break;
        }
        bool isEven = choice.Endpoints.All(endpoint => Math.Abs(endpoint.Share - 1.0 / count) < ShareText.Rounding);
        if (isEven && count > 2)
        {
            yield return $"The figures rise because each rule sees only what the rules above it leave: the second takes " +
                $"1/{Number(count - 1)} of the remaining {Number(count - 1)}/{Number(count)}, which is 1/{Number(count)} again.";
        }
        if (choice.Endpoints[^1] is { Printed.Length: 0, Share: > 0 })
            yield return "The last rule has no probability: it takes all that is left.";
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
