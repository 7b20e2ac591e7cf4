namespace Portolan.Rules.Dialects;

/// <summary>Names of Docker's chains that help to recognise what a listing shows.</summary>
public static class Docker
{
    /// <summary>The chain of table nat with the published ports; the filter table has one of the same name.</summary>
    public const string PublishedPorts = "DOCKER";
}
