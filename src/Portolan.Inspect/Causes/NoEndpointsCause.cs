using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Programmed;
using Portolan.Services.Cluster;

namespace Portolan.Inspect.Causes;

/// <summary>The service has no usable endpoint; the cluster, where it was asked, says why.</summary>
internal sealed class NoEndpointsCause : Cause
{
    internal override CauseFound? Find(WhyCase question)
    {
        if (question.Refusal is not { Cause: UnservedCause.NoEndpoints } refusal)
            return question.IsRefusedAs(ProgrammedState.Rejected) ? Reason(question) : null;
        return Reason(question).At(refusal.Place);
    }

    private static CauseFound Reason(WhyCase question)
    {
        (string space, string name) = question.Names;
        string verdict = question.VerdictText;
        if (question.ServiceObject is not { } service)
        {
            return new CauseFound("no-endpoints", verdict, $"{question.Service.DisplayName} has no usable endpoint",
                $"kubectl get endpointslices -n {space} -l kubernetes.io/service-name={name}; with --manifests or --kubeconfig this " +
                    "command says which of the usual reasons it is");
        }
        EndpointSliceObject[] slices = [.. question.Cluster!.SlicesOf(service.Name).Where(slice =>
            slice.Family == question.Service.Family)];
        if (slices.Length == 0)
        {
            return new CauseFound("no-slice", verdict, $"no EndpointSlice names service {service.Name}: its selector matches no pod",
                $"compare the selector with the pods' labels: kubectl get service -n {space} {name} -o wide; kubectl get pods -n {space} " +
                "--show-labels");
        }
        string port = question.Service.Port;
        SlicePortObject[] ports = [.. slices.SelectMany(slice => slice.Ports).Distinct()];
        if (!ports.Any(item => item.Name == port))
        {
            return new CauseFound("port-name", verdict,
                $"the service's port is named {Named(port)}, and the slices have " +
                    $"{string.Join(", ", ports.Select(item => Named(item.Name)))}",
                "give the port of the Service the name that the endpoints' port has, or set its targetPort to the name in the pods");
        }
        if (!ports.Any(item => item.Name == port && item.Protocol == question.Service.Protocol))
        {
            return new CauseFound("port-protocol", verdict,
                $"the service's port {Named(port)} is {question.Service.Protocol.ToRuleText()}, and the slices have it as "
                    + string.Join(", ", ports.Where(item => item.Name == port).Select(item => item.Protocol.ToRuleText())),
                "give the port of the Service the protocol of the pods' port");
        }
        int endpoints = slices.Sum(slice => slice.Endpoints.Length);
        string many = endpoints.ToString(CultureInfo.InvariantCulture);
        return endpoints == 0
            ? new CauseFound("no-endpoints", verdict, $"the slices of {service.Name} have no endpoints: no pod matches the selector",
                $"kubectl get pods -n {space} --show-labels")
            : new CauseFound("no-ready-endpoint", verdict, $"none of the {many} endpoints of {service.Name} is ready",
                $"kubectl get pods -n {space} shows what they wait for; kubectl describe pod names the probe that fails");
    }

    private static string Named(string port) => port.Length == 0 ? "(without a name)" : $"'{port}'";
}
