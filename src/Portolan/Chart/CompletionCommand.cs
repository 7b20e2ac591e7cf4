using System.CommandLine;

namespace Portolan.Chart;

/// <summary>portolan completion: scripts that let shells complete commands, options and service names.</summary>
internal static class CompletionCommand
{
    // Each calls the program itself ("[suggest:POSITION] LINE"), so that the scripts always match its options.
    private const string Bash = """
        _portolan_complete() {
            local IFS=$'\n' word="${COMP_WORDS[COMP_CWORD]}"
            COMPREPLY=($(compgen -W "$(portolan "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)" -- "$word"))
        }
        complete -o default -F _portolan_complete portolan
        """;

    private const string Zsh = """
        #compdef portolan
        _portolan() {
            local -a found
            found=("${(@f)$(portolan "[suggest:${#BUFFER}]" "$BUFFER" 2>/dev/null)}")
            [[ -n "$found" ]] && compadd -- "${found[@]}" || _files
        }
        compdef _portolan portolan
        """;

    private const string Fish = """
        complete -c portolan -a '(portolan "[suggest:"(commandline -C)"]" (commandline -cp) 2>/dev/null)'
        """;

    internal static Command Create()
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh or fish." };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command =
            new Command("completion", "Print a script that completes portolan's commands, options and, with --rules, names of services.\n\n"
            + "Examples:\n  source <(portolan completion bash)\n  portolan completion zsh > \"${fpath[1]}/_portolan\"\n  portolan " +
                "completion fish > ~/.config/fish/completions/portolan.fish")
        {
            shell,
        };
        command.SetAction(parsed => new ChartOutput().Line(parsed.GetValue(shell) switch { "bash" => Bash, "zsh" => Zsh, _ => Fish }));
        return command;
    }
}
