namespace Portolan.Sources.Nodes;

/// <summary>Takes what a command in a pod writes; the bytes are good during the call only. Never called by two threads at once.</summary>
/// <param name="bytes">What was written.</param>
/// <param name="isError">True for standard error.</param>
public delegate void ExecOutput(ReadOnlySpan<byte> bytes, bool isError);
