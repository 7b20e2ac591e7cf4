using System.Diagnostics.CodeAnalysis;
using Portolan.Netlink.Core;
using static Portolan.Netlink.Uapi.NfnetlinkHeader;
using static Portolan.Netlink.Uapi.NfTablesHeader;

namespace Portolan.Netlink.NfTables;

/// <summary>Reads notifications of nf_tables.</summary>
internal static class NfEventDecoder
{
    /// <summary>Reads one message; null if it is not an event this library knows, or malformed.</summary>
    internal static NfEvent? Read(ushort type, uint portId, ReadOnlySpan<byte> payload)
    {
        if (type >> 8 != NFNL_SUBSYS_NFTABLES)
            return null;
        switch ((byte)type)
        {
            case NFT_MSG_NEWGEN:
                return TryReadGeneration(payload, out NfGeneration? generation) ? new NfGenerationEvent(portId, generation) : null;
            case NFT_MSG_NEWTABLE or NFT_MSG_DELTABLE:
                return NfObjectDecoder.TryReadTable(payload, out NfTable? table)
                    ? new NfTableEvent(portId, (byte)type == NFT_MSG_DELTABLE, table) : null;
            case NFT_MSG_NEWCHAIN or NFT_MSG_DELCHAIN:
                return NfObjectDecoder.TryReadChain(payload, out NfChain? chain)
                    ? new NfChainEvent(portId, (byte)type == NFT_MSG_DELCHAIN, chain) : null;
            case NFT_MSG_NEWRULE or NFT_MSG_DELRULE:
                return NfObjectDecoder.TryReadRule(payload, out NfRule? rule)
                    ? new NfRuleEvent(portId, (byte)type == NFT_MSG_DELRULE, rule) : null;
            case NFT_MSG_NEWSET or NFT_MSG_DELSET:
                return NfObjectDecoder.TryReadSet(payload, out NfSet? set)
                    ? new NfSetEvent(portId, (byte)type == NFT_MSG_DELSET, set) : null;
            case NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM:
                return ReadElements((byte)type == NFT_MSG_DELSETELEM, portId, payload);
            case NFT_MSG_TRACE:
                return ReadTrace(payload);
            default:
                return null;
        }
    }

    internal static bool TryReadGeneration(ReadOnlySpan<byte> payload, [NotNullWhen(true)] out NfGeneration? generation)
    {
        generation = null;
        if (!NfObjectDecoder.TryBegin(payload, out _, out AttributeReader a))
            return false;
        uint id = 0, process = 0;
        string name = string.Empty;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_GEN_ID: id = a.UInt32BigEndian(); break;
                case NFTA_GEN_PROC_PID: process = a.UInt32BigEndian(); break;
                case NFTA_GEN_PROC_NAME: name = a.String(); break;
            }
        }
        if (a.IsMalformed)
            return false;
        generation = new NfGeneration(id, (int)process, name);
        return true;
    }

    private static NfElementsEvent? ReadElements(bool deleted, uint portId, ReadOnlySpan<byte> payload)
    {
        if (!NfObjectDecoder.TryBegin(payload, out NfFamily family, out AttributeReader a))
            return null;
        string? table = null, set = null;
        int count = 0;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_SET_ELEM_LIST_TABLE: table = a.String(); break;
                case NFTA_SET_ELEM_LIST_SET: set = a.String(); break;
                case NFTA_SET_ELEM_LIST_ELEMENTS:
                    AttributeReader list = a.Nested();
                    while (list.MoveNext())
                        count++;
                    a.Require(!list.IsMalformed);
                    break;
            }
        }
        return a.IsMalformed || table is null || set is null
            ? null
            : new NfElementsEvent(portId, deleted, new NfTableId(family, table), set, count);
    }

    private static NfTraceEvent? ReadTrace(ReadOnlySpan<byte> payload)
    {
        if (!NfObjectDecoder.TryBegin(payload, out NfFamily family, out AttributeReader a))
            return null;
        string? table = null, chain = null;
        uint id = 0, kind = 0, packetFamily = 0, input = 0, output = 0, mark = 0, connection = 0;
        uint? policy = null;
        ulong rule = 0;
        NfVerdict? verdict = null;
        NfData link = default, network = default, transport = default;
        while (a.MoveNext())
        {
            switch (a.Type)
            {
                case NFTA_TRACE_TABLE: table = a.String(); break;
                case NFTA_TRACE_CHAIN: chain = a.String(); break;
                case NFTA_TRACE_ID: id = a.UInt32BigEndian(); break;
                case NFTA_TRACE_TYPE: kind = a.UInt32BigEndian(); break;
                case NFTA_TRACE_RULE_HANDLE: rule = a.UInt64BigEndian(); break;
                case NFTA_TRACE_VERDICT:
                    a.Require(NfElementCodec.TryReadVerdict(a.Nested(), out NfDataView view));
                    verdict = view.ToVerdict();
                    break;
                case NFTA_TRACE_POLICY: policy = a.UInt32BigEndian(); break;
                case NFTA_TRACE_NFPROTO: packetFamily = a.UInt32BigEndian(); break;
                case NFTA_TRACE_IIF: input = a.UInt32BigEndian(); break;
                case NFTA_TRACE_OIF: output = a.UInt32BigEndian(); break;
                case NFTA_TRACE_MARK: mark = a.UInt32BigEndian(); break;
                case NFTA_TRACE_LL_HEADER: link = new NfData(a.Value); break;
                case NFTA_TRACE_NETWORK_HEADER: network = new NfData(a.Value); break;
                case NFTA_TRACE_TRANSPORT_HEADER: transport = new NfData(a.Value); break;
                case NFTA_TRACE_CT_ID: connection = a.UInt32BigEndian(); break;
            }
        }
        if (a.IsMalformed || table is null || chain is null)
            return null;
        return new NfTraceEvent(id, (NfTraceKind)kind, new NfTableId(family, table), chain)
        {
            RuleHandle = rule,
            Verdict = verdict,
            Policy = (NfPolicy?)policy,
            PacketFamily = (NfFamily)packetFamily,
            InputInterface = input,
            OutputInterface = output,
            Mark = mark,
            LinkHeader = link,
            NetworkHeader = network,
            TransportHeader = transport,
            ConnectionId = connection,
        };
    }
}
