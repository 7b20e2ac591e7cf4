namespace Portolan.Rules.Model;

/// <summary>
/// Handles every kind of condition. A new <see cref="Match"/> needs a method here, so that code which evaluates or describes conditions
/// fails to compile until it handles the new kind.
/// </summary>
/// <typeparam name="TContext">What is passed to the methods.</typeparam>
/// <typeparam name="TResult">What they return.</typeparam>
public interface IMatchVisitor<TContext, out TResult>
{
    /// <summary>Handles <see cref="ProtocolMatch"/>.</summary>
    TResult Visit(ProtocolMatch match, in TContext context);

    /// <summary>Handles <see cref="AddressMatch"/>.</summary>
    TResult Visit(AddressMatch match, in TContext context);

    /// <summary>Handles <see cref="MaskedAddressMatch"/>.</summary>
    TResult Visit(MaskedAddressMatch match, in TContext context);

    /// <summary>Handles <see cref="AddressRangeMatch"/>.</summary>
    TResult Visit(AddressRangeMatch match, in TContext context);

    /// <summary>Handles <see cref="PortMatch"/>.</summary>
    TResult Visit(PortMatch match, in TContext context);

    /// <summary>Handles <see cref="InterfaceMatch"/>.</summary>
    TResult Visit(InterfaceMatch match, in TContext context);

    /// <summary>Handles <see cref="PhysdevMatch"/>.</summary>
    TResult Visit(PhysdevMatch match, in TContext context);

    /// <summary>Handles <see cref="MarkMatch"/>.</summary>
    TResult Visit(MarkMatch match, in TContext context);

    /// <summary>Handles <see cref="AddressTypeMatch"/>.</summary>
    TResult Visit(AddressTypeMatch match, in TContext context);

    /// <summary>Handles <see cref="StatisticRandomMatch"/>.</summary>
    TResult Visit(StatisticRandomMatch match, in TContext context);

    /// <summary>Handles <see cref="StatisticNthMatch"/>.</summary>
    TResult Visit(StatisticNthMatch match, in TContext context);

    /// <summary>Handles <see cref="IpSetMatch"/>.</summary>
    TResult Visit(IpSetMatch match, in TContext context);

    /// <summary>Handles <see cref="RecentMatch"/>.</summary>
    TResult Visit(RecentMatch match, in TContext context);

    /// <summary>Handles <see cref="LimitMatch"/>.</summary>
    TResult Visit(LimitMatch match, in TContext context);

    /// <summary>Handles <see cref="IcmpMatch"/>.</summary>
    TResult Visit(IcmpMatch match, in TContext context);

    /// <summary>Handles <see cref="OwnerMatch"/>.</summary>
    TResult Visit(OwnerMatch match, in TContext context);

    /// <summary>Handles <see cref="TcpFlagsMatch"/>.</summary>
    TResult Visit(TcpFlagsMatch match, in TContext context);

    /// <summary>Handles <see cref="TcpOptionMatch"/>.</summary>
    TResult Visit(TcpOptionMatch match, in TContext context);

    /// <summary>Handles <see cref="FragmentMatch"/>.</summary>
    TResult Visit(FragmentMatch match, in TContext context);

    /// <summary>Handles <see cref="AccountingMatch"/>.</summary>
    TResult Visit(AccountingMatch match, in TContext context);

    /// <summary>Handles <see cref="UnmodelledMatch"/>.</summary>
    TResult Visit(UnmodelledMatch match, in TContext context);

    /// <summary>Handles <see cref="ConntrackStateMatch"/>.</summary>
    TResult Visit(ConntrackStateMatch match, in TContext context);

    /// <summary>Handles <see cref="ConntrackStatusMatch"/>.</summary>
    TResult Visit(ConntrackStatusMatch match, in TContext context);

    /// <summary>Handles <see cref="ConntrackAddressMatch"/>.</summary>
    TResult Visit(ConntrackAddressMatch match, in TContext context);

    /// <summary>Handles <see cref="ConntrackPortMatch"/>.</summary>
    TResult Visit(ConntrackPortMatch match, in TContext context);

    /// <summary>Handles <see cref="ConntrackProtocolMatch"/>.</summary>
    TResult Visit(ConntrackProtocolMatch match, in TContext context);

    /// <summary>Handles <see cref="ConntrackDirectionMatch"/>.</summary>
    TResult Visit(ConntrackDirectionMatch match, in TContext context);

    /// <summary>Handles <see cref="ConntrackExpireMatch"/>.</summary>
    TResult Visit(ConntrackExpireMatch match, in TContext context);

    /// <summary>Handles <see cref="RelationalMatch"/>.</summary>
    TResult Visit(RelationalMatch match, in TContext context);
}
