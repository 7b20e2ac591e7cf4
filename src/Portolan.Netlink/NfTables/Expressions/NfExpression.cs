using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables.Expressions;

/// <summary>One instruction of a rule's register program. Values are compared by content.</summary>
public abstract record NfExpression
{
    private protected NfExpression()
    {
    }

    /// <summary>The kernel's name for the kind of expression: "payload", "cmp", "nat".</summary>
    public abstract string Name { get; }

    /// <summary>Writes the expression as one NFTA_LIST_ELEM of a list.</summary>
    internal void Write(MessageWriter writer) => Write(writer, NFTA_LIST_ELEM);

    /// <summary>Writes the expression as an attribute with any type number.</summary>
    internal void Write(MessageWriter writer, ushort attribute)
    {
        int element = writer.BeginNest(attribute);
        writer.PutString(NFTA_EXPR_NAME, Name);
        if (HasData)
        {
            int data = writer.BeginNest(NFTA_EXPR_DATA);
            WriteData(writer);
            writer.EndNest(data);
        }
        writer.EndNest(element);
    }

    internal static void WriteList(MessageWriter writer, ushort attribute, ReadOnlySpan<NfExpression> expressions)
    {
        int list = writer.BeginNest(attribute);
        foreach (NfExpression expression in expressions)
            expression.Write(writer);
        writer.EndNest(list);
    }

    /// <summary>False for an expression that has no attributes and never will.</summary>
    private protected virtual bool HasData => true;

    private protected abstract void WriteData(MessageWriter writer);
}

/// <summary>An expression this library does not know, kept as the kernel sent it.</summary>
/// <param name="KernelName">The kernel's name for the kind of expression.</param>
/// <param name="Attributes">The content of NFTA_EXPR_DATA.</param>
public sealed record NfUnknownExpression(string KernelName, NfData Attributes) : NfExpression
{
    /// <inheritdoc/>
    public override string Name => KernelName;

    private protected override void WriteData(MessageWriter writer) => writer.PutRaw(Attributes.Span);
}

/// <summary>How registers and data are encoded in attributes.</summary>
internal static class NfExpressionAttributes
{
    internal static void PutRegister(this MessageWriter writer, ushort type, NfRegister register) =>
        writer.PutUInt32BigEndian(type, register.Number);

    internal static void PutRegister(this MessageWriter writer, ushort type, NfRegister? register)
    {
        if (register is { } present)
            writer.PutRegister(type, present);
    }

    internal static void PutData(this MessageWriter writer, ushort type, ReadOnlySpan<byte> value)
    {
        int nest = writer.BeginNest(type);
        writer.PutBytes(NFTA_DATA_VALUE, value);
        writer.EndNest(nest);
    }

    internal static void PutVerdict(this MessageWriter writer, ushort type, NfVerdict verdict)
    {
        int data = writer.BeginNest(type);
        int nest = writer.BeginNest(NFTA_DATA_VERDICT);
        writer.PutUInt32BigEndian(NFTA_VERDICT_CODE, (uint)verdict.Code);
        if (verdict.Chain is { } chain)
            writer.PutString(NFTA_VERDICT_CHAIN, chain);
        writer.EndNest(nest);
        writer.EndNest(data);
    }

    internal static NfRegister Register(this ref AttributeReader attribute)
    {
        attribute.Require(NfRegister.TryFromNumber(attribute.UInt32BigEndian(), out NfRegister register));
        return register;
    }

    /// <summary>The plain bytes inside an NFTA_DATA_VALUE nest.</summary>
    internal static NfData Data(this ref AttributeReader attribute)
    {
        AttributeReader nested = attribute.Nested();
        NfData data = default;
        while (nested.MoveNext())
        {
            if (nested.Type == NFTA_DATA_VALUE)
                data = new NfData(nested.Value);
        }
        attribute.Require(!nested.IsMalformed);
        return data;
    }
}
