namespace Portolan.Chart;

/// <summary>An answer cannot be written: the disk is full, or standard output is closed.</summary>
/// <param name="error">What the system said.</param>
internal sealed class OutputException(IOException error) : Exception(error.Message, error);
