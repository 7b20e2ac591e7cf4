using Portolan.Rules.Model;

namespace Portolan.Inspect.Simulation;

/// <summary>What the sender of a rejected packet receives, in words.</summary>
internal static class RejectText
{
    internal static string Of(RejectWith with) => with switch
    {
        RejectWith.PortUnreachable => "port unreachable",
        RejectWith.NetUnreachable => "net unreachable",
        RejectWith.HostUnreachable => "host unreachable",
        RejectWith.ProtocolUnreachable => "protocol unreachable",
        RejectWith.NetProhibited => "net prohibited",
        RejectWith.HostProhibited => "host prohibited",
        RejectWith.AdminProhibited => "administratively prohibited",
        RejectWith.PolicyFail => "policy fail",
        RejectWith.RejectRoute => "reject route",
        RejectWith.TcpReset => "TCP reset",
        _ => with.ToString(),
    };
}
