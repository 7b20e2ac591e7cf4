using Portolan.Inet;
using Portolan.Inspect.Programmed;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Causes;

/// <summary>The proxy's table is switched off: its chains are attached to no hook.</summary>
internal sealed class DormantTableCause : Cause
{
    internal override CauseFound? Find(WhyCase question)
    {
        TableFamily family = question.Service.Family == IpFamily.IPv4 ? TableFamily.Ip : TableFamily.Ip6;
        return question.Rules.Tables.FirstOrDefault(table => table.IsDormant && table.Family == family && ServiceTables.EntryOf(table)
            is not null)
            is { } asleep
            ? new CauseFound("table-dormant", "not translated",
                $"table {asleep.Name} has the flag dormant: none of its rules is asked",
                $"nft add table {(family == TableFamily.Ip ? "ip" : "ip6")} {asleep.Name} (without the flag), or restart the proxy")
            : null;
    }
}
