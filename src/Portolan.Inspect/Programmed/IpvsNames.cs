using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Plans;

namespace Portolan.Inspect.Programmed;

/// <summary>Gives services of IPVS the names that the cluster has for their addresses, and joins what belongs to one port.</summary>
internal static class IpvsNames
{
    /// <summary>What the cluster calls a place where clients reach a port of a service.</summary>
    /// <param name="Name">Service, port and protocol.</param>
    /// <param name="Kind">Of what kind the address is.</param>
    /// <param name="Address">The address; the default value for a NodePort.</param>
    /// <param name="Port">The port.</param>
    internal readonly record struct NamedFrontend(ServicePortName Name, FrontendKind Kind, InetAddress Address, ushort Port);

    /// <summary>The frontends of what this node should serve.</summary>
    internal static IEnumerable<NamedFrontend> FrontendsOf(IEnumerable<ServicePlan> plans) => plans.SelectMany(static plan => plan.Ports)
        .SelectMany(static port => port.Frontends.Select(frontend => new NamedFrontend(port.Name, frontend.Kind,
            frontend.Kind == FrontendKind.NodePort ? default : frontend.Address, frontend.Port)));

    /// <summary>The frontends that Services name.</summary>
    internal static IEnumerable<NamedFrontend> FrontendsOf(IEnumerable<ServiceObject> services)
    {
        foreach (ServiceObject service in services)
        {
            foreach (ServicePortObject port in service.Ports)
            {
                var name = new ServicePortName(service.Name, port.Name, port.Protocol);
                foreach (InetAddress address in service.ClusterIPs)
                    yield return new NamedFrontend(name, FrontendKind.ClusterIP, address, port.Port);
                foreach (InetAddress address in service.ExternalIPs)
                    yield return new NamedFrontend(name, FrontendKind.ExternalIP, address, port.Port);
                foreach (InetAddress address in service.LoadBalancerIPs)
                    yield return new NamedFrontend(name, FrontendKind.LoadBalancer, address, port.Port);
                if (port.NodePort != 0)
                    yield return new NamedFrontend(name, FrontendKind.NodePort, default, port.NodePort);
            }
        }
    }

    /// <summary>The services, with those of IPVS named where the cluster has one of their frontends.</summary>
    internal static IEnumerable<ProgrammedService> Of(IEnumerable<ProgrammedService> services, IEnumerable<NamedFrontend> frontends)
    {
        var names = new Dictionary<(IpProtocol, InetAddress, ushort), NamedFrontend>();
        foreach (NamedFrontend frontend in frontends)
            names.TryAdd((frontend.Name.Protocol, frontend.Address, frontend.Port), frontend);
        var found = new Dictionary<(ServicePortName, IpFamily), List<ProgrammedService>>();
        foreach (ProgrammedService service in services)
        {
            NamedFrontend? known = service is { Service: null } && service.Writer.IsIpvs()
                ? service.Frontends.Select(frontend => Find(service, frontend)).FirstOrDefault(static name => name is not null) : null;
            if (known is not { } match)
            {
                yield return service;
                continue;
            }
            if (!found.TryGetValue((match.Name, service.Family), out List<ProgrammedService>? parts))
                found[(match.Name, service.Family)] = parts = [];
            parts.Add(service with
            {
                Frontends = [.. service.Frontends.Select(frontend => frontend with { Kind = KindOf(match.Kind) })],
            });
        }
        foreach (((ServicePortName name, _), List<ProgrammedService> parts) in found)
            yield return Join(name, parts);

        NamedFrontend? Find(ProgrammedService service, ProgrammedFrontend frontend) =>
            names.TryGetValue((service.Protocol, frontend.Address, frontend.Port), out NamedFrontend name)
            || ((frontend.Kind is ProgrammedKind.NodePort or ProgrammedKind.VirtualServer)
                && names.TryGetValue((service.Protocol, default, frontend.Port), out name)) ? name : null;
    }

    private static ProgrammedService Join(ServicePortName name, List<ProgrammedService> parts)
    {
        ProgrammedService first = parts[0];
        ImmutableArray<ProgrammedFrontend> frontends = [.. parts.SelectMany(static part => part.Frontends)
            .OrderBy(static frontend => frontend.Kind).ThenBy(static frontend => frontend.Address)
            .ThenBy(static frontend => frontend.Port)];
        ImmutableArray<ProgrammedEndpoint> shortcut = parts.Select(static part => part.Endpoints)
            .FirstOrDefault(static endpoints => !endpoints.IsEmpty, []);
        return first with
        {
            Service = name.Service.ToString(),
            Port = name.Port,
            Frontends = frontends,
            Endpoints = frontends.FirstOrDefault(static frontend => !frontend.Endpoints.IsEmpty)?.Endpoints ?? shortcut,
            IsExternalLocal = parts.Select(static part => part.IsExternalLocal).FirstOrDefault(static policy => policy is not null),
            IsInternalLocal = parts.Select(static part => part.IsInternalLocal).FirstOrDefault(static policy => policy is not null),
            Affinity = parts.Select(static part => part.Affinity).FirstOrDefault(static affinity => affinity is not null),
            SourceRanges = [.. parts.SelectMany(static part => part.SourceRanges).Distinct()],
        };
    }

    private static ProgrammedKind KindOf(FrontendKind kind) => kind switch
    {
        FrontendKind.ClusterIP => ProgrammedKind.ClusterIP,
        FrontendKind.ExternalIP => ProgrammedKind.ExternalIP,
        FrontendKind.LoadBalancer => ProgrammedKind.LoadBalancer,
        _ => ProgrammedKind.NodePort,
    };
}
