using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;

namespace Portolan.Chart;

/// <summary>What people call services and clients: names, DNS names, addresses, node ports; pod, node, outside.</summary>
internal static class ServiceNames
{
    private const string ClusterSuffix = ".svc";

    /// <summary>Reads a client: a place, an address, or everywhere when nothing is given; false after an error.</summary>
    internal static bool TryClient(string? text, string option, ChartOutput chart, out ClientPlace[] places, out InetAddress? source)
    {
        places = [ClientPlace.Pod, ClientPlace.Node, ClientPlace.Outside];
        source = null;
        if (text is null)
            return true;
        if (InetAddress.TryParse(text, out InetAddress address))
        {
            source = address;
            return true;
        }
        if (text is not ("pod" or "node" or "outside"))
        {
            chart.Error($"{option}: '{text}' is neither pod, node, outside nor an address.");
            return false;
        }
        places = [Enum.Parse<ClientPlace>(text, ignoreCase: true)];
        return true;
    }

    /// <summary>"web.shop.svc.cluster.local:http" is shop/web:http.</summary>
    internal static string NameOf(string asked)
    {
        int colon = asked.LastIndexOf(':');
        string host = colon < 0 ? asked : asked[..colon], port = colon < 0 ? string.Empty : asked[colon..];
        int suffix = host.IndexOf(ClusterSuffix, StringComparison.Ordinal);
        string[] labels = (suffix > 0 ? host[..suffix] : host).Split('.');
        return labels is [{ Length: > 0 } name, { Length: > 0 } space] && !host.Contains('/', StringComparison.Ordinal)
            ? $"{space}/{name}{port}" : asked;
    }

    /// <summary>The service ports that a name or address means, each with the frontends that are meant; none when there is none.</summary>
    internal static List<(ProgrammedService Service, ProgrammedFrontend[] Frontends)> Find(string asked, ChartInput input)
    {
        List<(ProgrammedService, ProgrammedFrontend[])> At(Func<ProgrammedFrontend, bool> isMeant) =>
        [
            .. input.Services.Services.Select(service => (Service: service, Meant: service.Frontends.Where(isMeant).ToArray()))
                .Where(item => item.Meant.Length > 0),
        ];
        if (ushort.TryParse(asked, NumberStyles.None, CultureInfo.InvariantCulture, out ushort nodePort))
            return At(frontend => frontend.Kind == ProgrammedKind.NodePort && frontend.Port == nodePort);
        if (InetAddress.TryParse(asked, out InetAddress address))
            return At(frontend => frontend.Address == address);
        if (InetEndpoint.TryParse(asked, out InetEndpoint endpoint))
        {
            List<(ProgrammedService, ProgrammedFrontend[])> exact = At(frontend => frontend.Address == endpoint.Address
                && frontend.Port == endpoint.Port);
            return exact.Count > 0 ? exact : AtNodePort(input, endpoint);
        }
        return [.. input.Services.Find(NameOf(asked)).Select(service => (service, service.Frontends.ToArray()))];
    }

    /// <summary>
    /// Node ports at an address: as such when it may be this node's, even where they are not served at it; those of all addresses when it
    /// is another node's.
    /// </summary>
    private static List<(ProgrammedService, ProgrammedFrontend[])> AtNodePort(ChartInput input, InetEndpoint asked)
    {
        bool isElsewhere = input.Node.IsLocal(asked.Address) == false;
        var found = new List<(ProgrammedService, ProgrammedFrontend[])>();
        foreach (ProgrammedService service in input.Services.Services.Where(service => service.Family == asked.Address.Family))
        {
            ProgrammedFrontend[] ports = [.. service.Frontends.Where(frontend => frontend.Kind == ProgrammedKind.NodePort
                && frontend.Port == asked.Port)];
            if (Array.Find(ports, frontend => frontend.Address.Family == IpFamily.None) is { } everywhere)
                found.Add((service, [isElsewhere ? everywhere : everywhere with { Address = asked.Address }]));
            else if (ports.Length > 0 && !isElsewhere)
                found.Add((service, [ports[0] with { Address = asked.Address, State = ProgrammedState.Untouched }]));
        }
        return found;
    }
}
