using System.Runtime.InteropServices;

namespace Portolan.Chart;

/// <summary>Signals by which people and terminals end a command that has something to put in order first.</summary>
internal sealed class EndingSignals : IDisposable
{
    private readonly PosixSignalRegistration[] _registrations;

    private EndingSignals(PosixSignalRegistration[] registrations) => _registrations = registrations;

    /// <summary>Lets SIGINT, SIGTERM and SIGHUP cancel a source instead of ending the program.</summary>
    internal static EndingSignals Cancelling(CancellationTokenSource stop) =>
        new([.. ((PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP]).Select(signal =>
            PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                stop.Cancel();
            }))]);

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
            registration.Dispose();
    }
}
