namespace Portolan.Proxy;

/// <summary>A flag as pflag, the command line library of kube-proxy, reads it.</summary>
/// <param name="Name">Without leading dashes: "masquerade-all", or one letter.</param>
/// <param name="IsSwitch">It needs no value and never takes the next argument as its value.</param>
/// <param name="IsList">Given again, it adds to what was given before.</param>
/// <param name="TakesEmpty">An empty value is a value (and refused later), not the default.</param>
internal readonly record struct PflagFlag(string Name, bool IsSwitch, bool IsList, bool TakesEmpty);

/// <summary>
/// Normalises a kube-proxy command line: "--name=value", each flag once. pflag takes underscores for
/// dashes, "-v2" for "--v=2", an empty value for the default, and of a flag that is given twice the last.
/// </summary>
internal static class PflagArguments
{
    /// <summary>The same arguments; what is not in <paramref name="flags"/> stays as it is, in front.</summary>
    /// <param name="args">The arguments behind the command's name.</param>
    /// <param name="flags">The flags of kube-proxy.</param>
    internal static string[] Normalize(IReadOnlyList<string> args, IEnumerable<PflagFlag> flags)
    {
        Dictionary<string, PflagFlag> known = flags.DistinctBy(static flag => flag.Name)
            .ToDictionary(static flag => flag.Name, StringComparer.Ordinal);
        List<string> others = [];
        // In the order in which each flag was first given.
        OrderedDictionary<string, string> values = new(StringComparer.Ordinal);
        for (int i = 0; i < args.Count; i++)
        {
            if (!TryFind(args[i], known, out PflagFlag flag, out string? value))
            {
                others.Add(args[i]);
                continue;
            }
            if (value is null)
            {
                if (flag.IsSwitch)
                    value = "true";
                else if (i + 1 < args.Count)
                    value = args[++i];
                else
                {
                    // The parser says that the value is missing.
                    others.Add(args[i]);
                    continue;
                }
            }
            if (flag.IsList && value.Length > 0 && values.TryGetValue(flag.Name, out string? before))
                value = $"{before},{value}";
            if (value.Length == 0 && !flag.TakesEmpty)
                values.Remove(flag.Name);
            else
                values[flag.Name] = value;
        }
        return [.. others,
            .. values.Select(static given => given.Key.Length == 1 ? $"-{given.Key}={given.Value}" : $"--{given.Key}={given.Value}")];
    }

    private static bool TryFind(string argument, Dictionary<string, PflagFlag> known, out PflagFlag flag, out string? value)
    {
        flag = default;
        value = null;
        // A single dash starts one-letter flags, whose value may follow at once.
        if (argument is ['-', not '-', ..])
        {
            if (!known.TryGetValue(argument[1..2], out flag))
                return false;
            if (argument.Length > 2)
                value = argument[2] == '=' ? argument[3..] : argument[2..];
            return true;
        }
        if (argument is not ['-', '-', _, ..])
            return false;
        int equals = argument.IndexOf('=', StringComparison.Ordinal);
        string name = (equals < 0 ? argument[2..] : argument[2..equals]).Replace('_', '-');
        if (equals >= 0)
            value = argument[(equals + 1)..];
        return known.TryGetValue(name, out flag);
    }
}
