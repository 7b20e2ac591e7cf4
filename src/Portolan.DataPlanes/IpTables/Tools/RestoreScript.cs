using System.Collections.Immutable;
using System.Text;
using Portolan.DataPlanes.IpTables.Model;
using Portolan.Services.Cluster;

namespace Portolan.DataPlanes.IpTables.Tools;

/// <summary>Writes the input of iptables-restore, and keeps one line and the service it is for.</summary>
/// <remarks>Rules are rendered with their strings quoted (<see cref="RuleText"/>); nothing passes through a shell.</remarks>
internal sealed class RestoreScript(Stream output) : IDisposable
{
    private readonly StreamWriter _writer = new(output, new UTF8Encoding(false), bufferSize: 1 << 16) { NewLine = "\n" };
    private readonly int[] _rules = new int[3];
    private IpTable? _table;

    /// <summary>Number of rules written so far, by table.</summary>
    public ImmutableDictionary<IpTable, int> Rules =>
        Enum.GetValues<IpTable>().ToImmutableDictionary(static table => table, table => _rules[(int)table]);

    /// <summary>Number of lines so far.</summary>
    public int Lines { get; private set; }

    /// <summary>Number of COMMIT lines so far: each is a separate transaction.</summary>
    public int Commits { get; private set; }

    /// <summary>Number of the line to keep in <see cref="KeptText"/> and <see cref="KeptOwner"/>; 0 for none.</summary>
    public int KeptLine { get; init; }

    public string KeptText { get; private set; } = "";

    public ObjectName? KeptOwner { get; private set; }

    /// <summary>Creates or empties a chain.</summary>
    public void Empty(ChainId chain)
    {
        Use(chain.Table);
        Line(null, ":", chain.Name, " - [0:0]");
    }

    /// <summary>Creates a chain that is known not to exist, without emptying one that was created meanwhile.</summary>
    public void Create(ChainId chain)
    {
        Use(chain.Table);
        Line(null, "-N ", chain.Name);
    }

    public void Append(ChainId chain, IpRule rule, ObjectName? owner) => Line(chain, "-A ", " ", rule, owner);

    public void Prepend(ChainId chain, IpRule rule, ObjectName? owner) => Line(chain, "-I ", " 1 ", rule, owner);

    public void Delete(ChainId chain, ShownRule rule, ObjectName? owner)
    {
        Use(chain.Table);
        Line(owner, "-D ", chain.Name, " ", rule.Text);
    }

    public void DeleteChain(ChainId chain)
    {
        Use(chain.Table);
        Line(null, "-X ", chain.Name);
    }

    /// <summary>Ends the current table, if there is one: what was written for it is committed at once.</summary>
    public void Commit()
    {
        if (_table is null)
            return;
        Line(null, "COMMIT");
        Commits++;
        _table = null;
    }

    /// <summary>Ends the script.</summary>
    public void Dispose()
    {
        Commit();
        _writer.Dispose();
    }

    /// <summary>Starts a table unless it is the current one.</summary>
    private void Use(IpTable table)
    {
        if (_table == table)
            return;
        Commit();
        _table = table;
        Line(null, "*", table.Text());
    }

    private void Line(ChainId chain, string command, string place, IpRule rule, ObjectName? owner)
    {
        Use(chain.Table);
        _rules[(int)chain.Table]++;
        if (++Lines == KeptLine)
            (KeptText, KeptOwner) = ($"{command}{chain.Name}{place}{rule}", owner);
        _writer.Write(command);
        _writer.Write(chain.Name);
        _writer.Write(place);
        RuleText.Write(_writer, rule);
        _writer.Write('\n');
    }

    private void Line(ObjectName? owner, string a, string b = "", string c = "", string d = "")
    {
        if (++Lines == KeptLine)
            (KeptText, KeptOwner) = (a + b + c + d, owner);
        _writer.Write(a);
        _writer.Write(b);
        _writer.Write(c);
        _writer.Write(d);
        _writer.Write('\n');
    }
}
