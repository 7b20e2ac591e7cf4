using System.CommandLine;

namespace Portolan.Proxy;

/// <summary>"portolan configuration-page": the tables of docs/configuration.md, for whoever edits the page.</summary>
internal static class ConfigurationPageCommand
{
    public static Command Create()
    {
        var command = new Command("configuration-page", "Print what becomes of each field and flag of kube-proxy, in Markdown.")
        {
            Hidden = true,
        };
        command.SetAction(static _ => Console.Out.Write(ConfigFields.Page()));
        return command;
    }
}
