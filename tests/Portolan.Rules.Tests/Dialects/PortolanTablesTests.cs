using Portolan.Rules.Dialects;

namespace Portolan.Rules.Tests.Dialects;

/// <summary>Names of Portolan's own tables: what is written is recognised, and nothing else.</summary>
public sealed class PortolanTablesTests
{
    private static readonly PortolanView[] s_views = [PortolanView.All, PortolanView.Inside, PortolanView.NodePorts,
        PortolanView.NodePorts | PortolanView.Inside];

    [Fact]
    public void Every_set_of_a_layout_is_recognised_by_its_name()
    {
        foreach (PortolanLayout layout in PortolanTables.Layouts)
        {
            foreach (PortolanSet set in Enum.GetValues<PortolanSet>().Where(layout.Has))
            {
                int variant = layout.NameOf(set, 7).EndsWith('7') ? 7 : 0;
                Assert.True(layout.TryParseSet(layout.NameOf(set, variant), out PortolanSet found, out int foundVariant));
                Assert.Equal((set, variant), (found, foundVariant));
            }
        }
    }

    [Fact]
    public void Every_chain_of_a_layout_is_recognised_by_its_name()
    {
        foreach (PortolanLayout layout in PortolanTables.Layouts)
        {
            foreach (PortolanChainKind kind in Enum.GetValues<PortolanChainKind>().Where(layout.Has))
            {
                foreach (PortolanView view in s_views)
                {
                    int number = layout.NameOf(kind, view, 12).Contains("12", StringComparison.Ordinal) ? 12 : 0;
                    var chain = new PortolanChain(kind, view, number);
                    Assert.True(layout.TryParseChain(layout.NameOf(chain), out PortolanChain found), layout.NameOf(chain));
                    Assert.Equal(chain, found);
                }
            }
        }
    }

    [Theory]
    [InlineData("affinity-frontends-")]
    [InlineData("affinity-frontends-x")]
    [InlineData("affinity-frontends-010")]
    [InlineData("source-ranges--1")]
    [InlineData("Endpoints")]
    [InlineData("")]
    public void Other_names_are_no_sets_of_ours(string name) => Assert.False(PortolanTables.TryParseSet(name, out _, out _));

    [Theory]
    [InlineData("pick-")]
    [InlineData("pick-08")]
    [InlineData("affinity-10800-lost")]
    [InlineData("KUBE-SERVICES")]
    public void Other_names_are_no_chains_of_ours(string name) => Assert.False(PortolanTables.TryParseChain(name, out _));

    [Fact]
    public void A_table_says_its_layout()
    {
        Assert.Equal($"portolan 0.4.1 layout {PortolanTables.Current.Number}", PortolanTables.CommentOf(new Version(0, 4, 1, 0)));
        Assert.Same(PortolanTables.Current, PortolanTables.LayoutOf(PortolanTables.CommentOf(new Version(0, 4, 1)), []));
        Assert.Null(PortolanTables.LayoutOf("portolan 9.0.0 layout 999", []));
        // nft before 1.0.8 lists no comment of a table: its sets tell.
        Assert.Same(PortolanTables.Layout1, PortolanTables.LayoutOf(null, ["endpoints", "cluster-ips"]));
        Assert.Same(PortolanTables.Layout2, PortolanTables.LayoutOf(null, ["frontends", "endpoints", "cluster-ips"]));
    }
}
