using Portolan.Inet;
using Portolan.Netlink.NfTables;

namespace Portolan.DataPlanes.NfTables;

/// <summary>The element that a part of a transaction is for, as a refusal reports it.</summary>
/// <param name="Family">The family whose table it is in.</param>
/// <param name="Change">Whether it was to be added or deleted.</param>
/// <param name="Index">Its position in <see cref="FamilyTable.Added"/> or <see cref="FamilyTable.Removed"/> of that family.</param>
internal readonly record struct ElementTarget(IpFamily Family, NfElementChange Change, int Index)
{
    /// <summary>Its number in the transaction, 0 or more.</summary>
    internal int ToSubject() => (Index << 2) | (Change == NfElementChange.Delete ? 2 : 0) | (Family == IpFamily.IPv6 ? 1 : 0);

    /// <summary>The element that a refusal names; false for a refusal of something else.</summary>
    internal static bool TryParse(CommitRefusal refusal, out ElementTarget target)
    {
        int subject = refusal.Subject;
        target = new ElementTarget(
            (subject & 1) != 0 ? IpFamily.IPv6 : IpFamily.IPv4, (subject & 2) != 0 ? NfElementChange.Delete : NfElementChange.Add,
                subject >> 2);
        return subject != NfTransaction.NoSubject;
    }
}
