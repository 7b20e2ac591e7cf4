namespace Portolan.DataPlanes.IpTables.Model;

/// <summary>The iptables tables that our chains are in.</summary>
internal enum IpTable : byte
{
    Filter,
    Nat,
    Mangle,
}

/// <summary>The tables' names as the tools spell them.</summary>
internal static class IpTableNames
{
    /// <summary>"nat".</summary>
    public static string Text(this IpTable table) => table switch
    {
        IpTable.Filter => "filter",
        IpTable.Nat => "nat",
        _ => "mangle",
    };

    /// <summary>The table with a name; null for one without rules of ours (raw, security).</summary>
    public static IpTable? Parse(string text) => text switch
    {
        "filter" => IpTable.Filter,
        "nat" => IpTable.Nat,
        "mangle" => IpTable.Mangle,
        _ => null,
    };
}

/// <summary>A chain of one family's tables.</summary>
/// <param name="Table">Its table.</param>
/// <param name="Name">Its name, at most 28 characters.</param>
internal readonly record struct ChainId(IpTable Table, string Name)
{
    public static ChainId Filter(string name) => new(IpTable.Filter, name);

    public static ChainId Nat(string name) => new(IpTable.Nat, name);

    public static ChainId Mangle(string name) => new(IpTable.Mangle, name);

    public override string ToString() => $"{Table.Text()} {Name}";
}
