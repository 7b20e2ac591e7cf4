namespace Portolan.Inspect.Causes;

/// <summary>One kind of cause why a client gets no answer from a service.</summary>
internal abstract class Cause
{
    /// <summary>All kinds, those first that make the others pointless to ask for.</summary>
    internal static IReadOnlyList<Cause> All { get; } =
    [
        new DormantTableCause(), new MissingEntryCause(), new StaleBackEndCause(), new TakenEarlierCause(), new NodePortAddressCause(),
        new NoEndpointsCause(), new NoLocalEndpointsCause(), new SourceNotAllowedCause(), new StoppedCause(), new HairpinCause(),
        new NotMasqueradedCause(), new ReplyStoppedCause(), new PodRangeCause(), new SilentEndpointCause(), new RefusingEndpointCause(),
    ];

    /// <summary>The cause, when it is this one; null otherwise.</summary>
    internal abstract CauseFound? Find(WhyCase question);
}
