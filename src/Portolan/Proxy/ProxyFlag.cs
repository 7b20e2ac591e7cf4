using System.CommandLine;
using Portolan.Sources.Configuration;

namespace Portolan.Proxy;

/// <summary>A flag of kube-proxy.</summary>
/// <param name="Name">"--cluster-cidr".</param>
/// <param name="Fields">The field of KubeProxyConfiguration it stands for; several separated by '|'; empty for none.</param>
/// <param name="Form">How its value is read.</param>
/// <param name="Help">A sentence for --help.</param>
/// <param name="Aliases">Other names.</param>
internal sealed record ProxyFlag(string Name, string Fields, ConfigFlagForm Form, string Help, params string[] Aliases)
{
    /// <summary>It holds beside a configuration file as well: kube-proxy keeps the node's name and what is logged.</summary>
    public bool HoldsBesideFile => Fields is "" or "hostnameOverride" || Fields.StartsWith("logging.", StringComparison.Ordinal);

    /// <summary>For the parser. One value each: PflagArguments has joined lists and settled repeated flags before it sees them.</summary>
    public Option<string> ToOption() => new(Name, Aliases) { Description = Help, Arity = ArgumentArity.ExactlyOne };

    /// <summary>As pflag reads it.</summary>
    public IEnumerable<PflagFlag> ToPflags() => Aliases.Prepend(Name).Select(name => new PflagFlag(
        name.TrimStart('-'),
        IsSwitch: Form == ConfigFlagForm.Boolean,
        IsList: Form is ConfigFlagForm.List or ConfigFlagForm.Switches,
        // The range of pods is the one text that kube-proxy does not take empty.
        TakesEmpty: Name == "--cluster-cidr"));
}
