namespace Portolan.Testing.Scenarios;

/// <summary>A scenario file says something that the format does not know.</summary>
public sealed class ScenarioFormatException : Exception
{
    public ScenarioFormatException(string file, int line, string message)
        : base($"{file}:{line}: {message}")
    {
    }

    public ScenarioFormatException(string file, int line, string message, Exception inner)
        : base($"{file}:{line}: {message}", inner)
    {
    }
}
