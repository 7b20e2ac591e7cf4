using System.Collections.Immutable;
using System.CommandLine;
using Portolan.DataPlanes;
using Portolan.DataPlanes.Contract;

namespace Portolan.Proxy;

/// <summary>The command-line options that single kinds of data planes bring along.</summary>
internal sealed class PlaneFlags
{
    private readonly (PlaneOption Option, Option Flag)[] _options =
        [.. Registry.Providers.SelectMany(static provider => provider.Options).Select(static option => (option, Create(option)))];

    public void AddTo(Command command)
    {
        foreach ((_, Option flag) in _options)
            command.Options.Add(flag);
    }

    /// <summary>Those that were given, by name.</summary>
    public ImmutableDictionary<string, string> From(ParseResult parsed)
    {
        var given = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach ((PlaneOption option, Option flag) in _options)
        {
            if (parsed.GetResult(flag) is not { Implicit: false })
                continue;
            string? value = flag is Option<bool> isOn ? (parsed.GetValue(isOn) ? "true" : "false") : parsed.GetValue((Option<string>)flag);
            if (option.Values.FirstOrDefault(known => string.Equals(known, value, StringComparison.OrdinalIgnoreCase)) is { } known)
                given[option.Name] = known;
        }
        return given.ToImmutable();
    }

    private static Option Create(PlaneOption option)
    {
        if (option.IsSwitch)
            return new Option<bool>(option.Name) { Description = option.Help };
        var flag = new Option<string>(option.Name) { Description = option.Help };
        flag.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, [.. option.Values]);
        return flag;
    }
}
