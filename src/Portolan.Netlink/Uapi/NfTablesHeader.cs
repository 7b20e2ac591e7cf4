namespace Portolan.Netlink.Uapi;

#pragma warning disable CA1707 // The kernel's own spelling, so that a name can be searched for in its source.

/// <summary>linux/netfilter/nf_tables.h: messages, their attributes and the attributes of expressions.</summary>
internal static class NfTablesHeader
{
    // enum nf_tables_msg_types
    internal const byte NFT_MSG_NEWTABLE = 0;
    internal const byte NFT_MSG_GETTABLE = 1;
    internal const byte NFT_MSG_DELTABLE = 2;
    internal const byte NFT_MSG_NEWCHAIN = 3;
    internal const byte NFT_MSG_GETCHAIN = 4;
    internal const byte NFT_MSG_DELCHAIN = 5;
    internal const byte NFT_MSG_NEWRULE = 6;
    internal const byte NFT_MSG_GETRULE = 7;
    internal const byte NFT_MSG_DELRULE = 8;
    internal const byte NFT_MSG_NEWSET = 9;
    internal const byte NFT_MSG_GETSET = 10;
    internal const byte NFT_MSG_DELSET = 11;
    internal const byte NFT_MSG_NEWSETELEM = 12;
    internal const byte NFT_MSG_GETSETELEM = 13;
    internal const byte NFT_MSG_DELSETELEM = 14;
    internal const byte NFT_MSG_NEWGEN = 15;
    internal const byte NFT_MSG_GETGEN = 16;
    internal const byte NFT_MSG_TRACE = 17;
    internal const byte NFT_MSG_NEWOBJ = 18;
    internal const byte NFT_MSG_GETOBJ = 19;
    internal const byte NFT_MSG_DELOBJ = 20;
    internal const byte NFT_MSG_GETOBJ_RESET = 21;
    internal const byte NFT_MSG_NEWFLOWTABLE = 22;
    internal const byte NFT_MSG_GETFLOWTABLE = 23;
    internal const byte NFT_MSG_DELFLOWTABLE = 24;
    // Since Linux 6.3: delete, without an error if the object does not exist.
    internal const byte NFT_MSG_DESTROYTABLE = 26;
    internal const byte NFT_MSG_DESTROYCHAIN = 27;
    internal const byte NFT_MSG_DESTROYRULE = 28;
    internal const byte NFT_MSG_DESTROYSET = 29;
    internal const byte NFT_MSG_DESTROYSETELEM = 30;
    internal const byte NFT_MSG_DESTROYOBJ = 31;
    internal const byte NFT_MSG_DESTROYFLOWTABLE = 32;

    // enum nft_list_attributes
    internal const ushort NFTA_LIST_ELEM = 1;

    // enum nft_hook_attributes
    internal const ushort NFTA_HOOK_HOOKNUM = 1;
    internal const ushort NFTA_HOOK_PRIORITY = 2;
    internal const ushort NFTA_HOOK_DEV = 3;
    internal const ushort NFTA_HOOK_DEVS = 4;

    // enum nft_table_attributes
    internal const ushort NFTA_TABLE_NAME = 1;
    internal const ushort NFTA_TABLE_FLAGS = 2;
    internal const ushort NFTA_TABLE_USE = 3;
    internal const ushort NFTA_TABLE_HANDLE = 4;
    internal const ushort NFTA_TABLE_USERDATA = 6;
    internal const ushort NFTA_TABLE_OWNER = 7;

    // enum nft_chain_flags
    internal const uint NFT_CHAIN_BASE = 1;
    internal const uint NFT_CHAIN_HW_OFFLOAD = 2;
    internal const uint NFT_CHAIN_BINDING = 4;

    // enum nft_chain_attributes
    internal const ushort NFTA_CHAIN_TABLE = 1;
    internal const ushort NFTA_CHAIN_HANDLE = 2;
    internal const ushort NFTA_CHAIN_NAME = 3;
    internal const ushort NFTA_CHAIN_HOOK = 4;
    internal const ushort NFTA_CHAIN_POLICY = 5;
    internal const ushort NFTA_CHAIN_USE = 6;
    internal const ushort NFTA_CHAIN_TYPE = 7;
    internal const ushort NFTA_CHAIN_COUNTERS = 8;
    internal const ushort NFTA_CHAIN_FLAGS = 10;
    internal const ushort NFTA_CHAIN_ID = 11;
    internal const ushort NFTA_CHAIN_USERDATA = 12;

    // enum nft_rule_attributes
    internal const ushort NFTA_RULE_TABLE = 1;
    internal const ushort NFTA_RULE_CHAIN = 2;
    internal const ushort NFTA_RULE_HANDLE = 3;
    internal const ushort NFTA_RULE_EXPRESSIONS = 4;
    internal const ushort NFTA_RULE_COMPAT = 5;
    internal const ushort NFTA_RULE_POSITION = 6;
    internal const ushort NFTA_RULE_USERDATA = 7;
    internal const ushort NFTA_RULE_ID = 9;
    internal const ushort NFTA_RULE_POSITION_ID = 10;
    internal const ushort NFTA_RULE_CHAIN_ID = 11;

    // enum nft_rule_compat_attributes
    internal const ushort NFTA_RULE_COMPAT_PROTO = 1;
    internal const ushort NFTA_RULE_COMPAT_FLAGS = 2;

    // enum nft_set_desc_attributes
    internal const ushort NFTA_SET_DESC_SIZE = 1;
    internal const ushort NFTA_SET_DESC_CONCAT = 2;

    // enum nft_set_field_attributes
    internal const ushort NFTA_SET_FIELD_LEN = 1;

    // enum nft_set_attributes
    internal const ushort NFTA_SET_TABLE = 1;
    internal const ushort NFTA_SET_NAME = 2;
    internal const ushort NFTA_SET_FLAGS = 3;
    internal const ushort NFTA_SET_KEY_TYPE = 4;
    internal const ushort NFTA_SET_KEY_LEN = 5;
    internal const ushort NFTA_SET_DATA_TYPE = 6;
    internal const ushort NFTA_SET_DATA_LEN = 7;
    internal const ushort NFTA_SET_POLICY = 8;
    internal const ushort NFTA_SET_DESC = 9;
    internal const ushort NFTA_SET_ID = 10;
    internal const ushort NFTA_SET_TIMEOUT = 11;
    internal const ushort NFTA_SET_GC_INTERVAL = 12;
    internal const ushort NFTA_SET_USERDATA = 13;
    internal const ushort NFTA_SET_OBJ_TYPE = 15;
    internal const ushort NFTA_SET_HANDLE = 16;
    internal const ushort NFTA_SET_EXPR = 17;
    internal const ushort NFTA_SET_EXPRESSIONS = 18;
    // Since Linux 6.16.
    internal const ushort NFTA_SET_COUNT = 20;

    // enum nft_set_elem_attributes
    internal const ushort NFTA_SET_ELEM_KEY = 1;
    internal const ushort NFTA_SET_ELEM_DATA = 2;
    internal const ushort NFTA_SET_ELEM_FLAGS = 3;
    internal const ushort NFTA_SET_ELEM_TIMEOUT = 4;
    internal const ushort NFTA_SET_ELEM_EXPIRATION = 5;
    internal const ushort NFTA_SET_ELEM_USERDATA = 6;
    internal const ushort NFTA_SET_ELEM_EXPR = 7;
    internal const ushort NFTA_SET_ELEM_OBJREF = 9;
    internal const ushort NFTA_SET_ELEM_KEY_END = 10;
    internal const ushort NFTA_SET_ELEM_EXPRESSIONS = 11;

    // enum nft_set_elem_list_attributes
    internal const ushort NFTA_SET_ELEM_LIST_TABLE = 1;
    internal const ushort NFTA_SET_ELEM_LIST_SET = 2;
    internal const ushort NFTA_SET_ELEM_LIST_ELEMENTS = 3;
    internal const ushort NFTA_SET_ELEM_LIST_SET_ID = 4;

    // enum nft_data_types
    internal const uint NFT_DATA_VALUE = 0;
    internal const uint NFT_DATA_VERDICT = 0xffffff00;

    // enum nft_data_attributes
    internal const ushort NFTA_DATA_VALUE = 1;
    internal const ushort NFTA_DATA_VERDICT = 2;

    // enum nft_verdict_attributes
    internal const ushort NFTA_VERDICT_CODE = 1;
    internal const ushort NFTA_VERDICT_CHAIN = 2;
    internal const ushort NFTA_VERDICT_CHAIN_ID = 3;

    // enum nft_expr_attributes
    internal const ushort NFTA_EXPR_NAME = 1;
    internal const ushort NFTA_EXPR_DATA = 2;

    // enum nft_gen_attributes
    internal const ushort NFTA_GEN_ID = 1;
    internal const ushort NFTA_GEN_PROC_PID = 2;
    internal const ushort NFTA_GEN_PROC_NAME = 3;

    // enum nft_trace_attributes
    internal const ushort NFTA_TRACE_TABLE = 1;
    internal const ushort NFTA_TRACE_CHAIN = 2;
    internal const ushort NFTA_TRACE_RULE_HANDLE = 3;
    internal const ushort NFTA_TRACE_TYPE = 4;
    internal const ushort NFTA_TRACE_VERDICT = 5;
    internal const ushort NFTA_TRACE_ID = 6;
    internal const ushort NFTA_TRACE_LL_HEADER = 7;
    internal const ushort NFTA_TRACE_NETWORK_HEADER = 8;
    internal const ushort NFTA_TRACE_TRANSPORT_HEADER = 9;
    internal const ushort NFTA_TRACE_IIF = 10;
    internal const ushort NFTA_TRACE_IIFTYPE = 11;
    internal const ushort NFTA_TRACE_OIF = 12;
    internal const ushort NFTA_TRACE_OIFTYPE = 13;
    internal const ushort NFTA_TRACE_MARK = 14;
    internal const ushort NFTA_TRACE_NFPROTO = 15;
    internal const ushort NFTA_TRACE_POLICY = 16;
    // Since Linux 6.16.
    internal const ushort NFTA_TRACE_CT_ID = 18;

    // enum nft_object_attributes
    internal const ushort NFTA_OBJ_TABLE = 1;
    internal const ushort NFTA_OBJ_NAME = 2;
    internal const ushort NFTA_OBJ_TYPE = 3;
    internal const ushort NFTA_OBJ_DATA = 4;
    internal const ushort NFTA_OBJ_USE = 5;
    internal const ushort NFTA_OBJ_HANDLE = 6;
    internal const ushort NFTA_OBJ_USERDATA = 8;

    // enum nft_immediate_attributes
    internal const ushort NFTA_IMMEDIATE_DREG = 1;
    internal const ushort NFTA_IMMEDIATE_DATA = 2;

    // enum nft_bitwise_attributes
    internal const ushort NFTA_BITWISE_SREG = 1;
    internal const ushort NFTA_BITWISE_DREG = 2;
    internal const ushort NFTA_BITWISE_LEN = 3;
    internal const ushort NFTA_BITWISE_MASK = 4;
    internal const ushort NFTA_BITWISE_XOR = 5;
    internal const ushort NFTA_BITWISE_OP = 6;
    internal const ushort NFTA_BITWISE_DATA = 7;
    // Since Linux 6.13: the second operand of and, or, xor may be a register.
    internal const ushort NFTA_BITWISE_SREG2 = 8;

    // enum nft_byteorder_attributes
    internal const ushort NFTA_BYTEORDER_SREG = 1;
    internal const ushort NFTA_BYTEORDER_DREG = 2;
    internal const ushort NFTA_BYTEORDER_OP = 3;
    internal const ushort NFTA_BYTEORDER_LEN = 4;
    internal const ushort NFTA_BYTEORDER_SIZE = 5;

    // enum nft_cmp_attributes
    internal const ushort NFTA_CMP_SREG = 1;
    internal const ushort NFTA_CMP_OP = 2;
    internal const ushort NFTA_CMP_DATA = 3;

    // enum nft_range_attributes
    internal const ushort NFTA_RANGE_SREG = 1;
    internal const ushort NFTA_RANGE_OP = 2;
    internal const ushort NFTA_RANGE_FROM_DATA = 3;
    internal const ushort NFTA_RANGE_TO_DATA = 4;

    // enum nft_lookup_attributes
    internal const ushort NFTA_LOOKUP_SET = 1;
    internal const ushort NFTA_LOOKUP_SREG = 2;
    internal const ushort NFTA_LOOKUP_DREG = 3;
    internal const ushort NFTA_LOOKUP_SET_ID = 4;
    internal const ushort NFTA_LOOKUP_FLAGS = 5;

    // enum nft_dynset_attributes
    internal const ushort NFTA_DYNSET_SET_NAME = 1;
    internal const ushort NFTA_DYNSET_SET_ID = 2;
    internal const ushort NFTA_DYNSET_OP = 3;
    internal const ushort NFTA_DYNSET_SREG_KEY = 4;
    internal const ushort NFTA_DYNSET_SREG_DATA = 5;
    internal const ushort NFTA_DYNSET_TIMEOUT = 6;
    internal const ushort NFTA_DYNSET_EXPR = 7;
    internal const ushort NFTA_DYNSET_FLAGS = 9;
    internal const ushort NFTA_DYNSET_EXPRESSIONS = 10;

    // enum nft_payload_attributes
    internal const ushort NFTA_PAYLOAD_DREG = 1;
    internal const ushort NFTA_PAYLOAD_BASE = 2;
    internal const ushort NFTA_PAYLOAD_OFFSET = 3;
    internal const ushort NFTA_PAYLOAD_LEN = 4;
    internal const ushort NFTA_PAYLOAD_SREG = 5;
    internal const ushort NFTA_PAYLOAD_CSUM_TYPE = 6;
    internal const ushort NFTA_PAYLOAD_CSUM_OFFSET = 7;
    internal const ushort NFTA_PAYLOAD_CSUM_FLAGS = 8;

    // enum nft_exthdr_attributes
    internal const ushort NFTA_EXTHDR_DREG = 1;
    internal const ushort NFTA_EXTHDR_TYPE = 2;
    internal const ushort NFTA_EXTHDR_OFFSET = 3;
    internal const ushort NFTA_EXTHDR_LEN = 4;
    internal const ushort NFTA_EXTHDR_FLAGS = 5;
    internal const ushort NFTA_EXTHDR_OP = 6;
    internal const ushort NFTA_EXTHDR_SREG = 7;

    // enum nft_hash_attributes
    internal const ushort NFTA_HASH_SREG = 1;
    internal const ushort NFTA_HASH_DREG = 2;
    internal const ushort NFTA_HASH_LEN = 3;
    internal const ushort NFTA_HASH_MODULUS = 4;
    internal const ushort NFTA_HASH_SEED = 5;
    internal const ushort NFTA_HASH_OFFSET = 6;
    internal const ushort NFTA_HASH_TYPE = 7;
    internal const ushort NFTA_HASH_SET_NAME = 8;
    internal const ushort NFTA_HASH_SET_ID = 9;

    // enum nft_meta_attributes
    internal const ushort NFTA_META_DREG = 1;
    internal const ushort NFTA_META_KEY = 2;
    internal const ushort NFTA_META_SREG = 3;

    // enum nft_rt_attributes
    internal const ushort NFTA_RT_DREG = 1;
    internal const ushort NFTA_RT_KEY = 2;

    // enum nft_socket_attributes
    internal const ushort NFTA_SOCKET_KEY = 1;
    internal const ushort NFTA_SOCKET_DREG = 2;
    internal const ushort NFTA_SOCKET_LEVEL = 3;

    // enum nft_ct_attributes
    internal const ushort NFTA_CT_DREG = 1;
    internal const ushort NFTA_CT_KEY = 2;
    internal const ushort NFTA_CT_DIRECTION = 3;
    internal const ushort NFTA_CT_SREG = 4;

    // enum nft_limit_attributes
    internal const ushort NFTA_LIMIT_RATE = 1;
    internal const ushort NFTA_LIMIT_UNIT = 2;
    internal const ushort NFTA_LIMIT_BURST = 3;
    internal const ushort NFTA_LIMIT_TYPE = 4;
    internal const ushort NFTA_LIMIT_FLAGS = 5;

    // enum nft_counter_attributes
    internal const ushort NFTA_COUNTER_BYTES = 1;
    internal const ushort NFTA_COUNTER_PACKETS = 2;

    // enum nft_log_attributes
    internal const ushort NFTA_LOG_GROUP = 1;
    internal const ushort NFTA_LOG_PREFIX = 2;
    internal const ushort NFTA_LOG_SNAPLEN = 3;
    internal const ushort NFTA_LOG_QTHRESHOLD = 4;
    internal const ushort NFTA_LOG_LEVEL = 5;
    internal const ushort NFTA_LOG_FLAGS = 6;

    // enum nft_quota_attributes
    internal const ushort NFTA_QUOTA_BYTES = 1;
    internal const ushort NFTA_QUOTA_FLAGS = 2;
    internal const ushort NFTA_QUOTA_CONSUMED = 4;

    // enum nft_reject_attributes
    internal const ushort NFTA_REJECT_TYPE = 1;
    internal const ushort NFTA_REJECT_ICMP_CODE = 2;

    // enum nft_nat_attributes
    internal const ushort NFTA_NAT_TYPE = 1;
    internal const ushort NFTA_NAT_FAMILY = 2;
    internal const ushort NFTA_NAT_REG_ADDR_MIN = 3;
    internal const ushort NFTA_NAT_REG_ADDR_MAX = 4;
    internal const ushort NFTA_NAT_REG_PROTO_MIN = 5;
    internal const ushort NFTA_NAT_REG_PROTO_MAX = 6;
    internal const ushort NFTA_NAT_FLAGS = 7;

    // enum nft_masq_attributes
    internal const ushort NFTA_MASQ_FLAGS = 1;
    internal const ushort NFTA_MASQ_REG_PROTO_MIN = 2;
    internal const ushort NFTA_MASQ_REG_PROTO_MAX = 3;

    // enum nft_redir_attributes
    internal const ushort NFTA_REDIR_REG_PROTO_MIN = 1;
    internal const ushort NFTA_REDIR_REG_PROTO_MAX = 2;
    internal const ushort NFTA_REDIR_FLAGS = 3;

    // enum nft_objref_attributes
    internal const ushort NFTA_OBJREF_IMM_TYPE = 1;
    internal const ushort NFTA_OBJREF_IMM_NAME = 2;
    internal const ushort NFTA_OBJREF_SET_SREG = 3;
    internal const ushort NFTA_OBJREF_SET_NAME = 4;
    internal const ushort NFTA_OBJREF_SET_ID = 5;

    // enum nft_fib_attributes
    internal const ushort NFTA_FIB_DREG = 1;
    internal const ushort NFTA_FIB_RESULT = 2;
    internal const ushort NFTA_FIB_FLAGS = 3;

    // enum nft_ng_attributes
    internal const ushort NFTA_NG_DREG = 1;
    internal const ushort NFTA_NG_MODULUS = 2;
    internal const ushort NFTA_NG_TYPE = 3;
    internal const ushort NFTA_NG_OFFSET = 4;
    internal const ushort NFTA_NG_SET_NAME = 5;
    internal const ushort NFTA_NG_SET_ID = 6;

    // enum nft_connlimit_attributes
    internal const ushort NFTA_CONNLIMIT_COUNT = 1;
    internal const ushort NFTA_CONNLIMIT_FLAGS = 2;

    // enum nft_lookup_flags
    internal const uint NFT_LOOKUP_F_INV = 1;

    // enum nft_dynset_flags
    internal const uint NFT_DYNSET_F_INV = 1;
    internal const uint NFT_DYNSET_F_EXPR = 2;

    // enum nft_limit_flags
    internal const uint NFT_LIMIT_F_INV = 1;

    // enum nft_quota_flags
    internal const uint NFT_QUOTA_F_INV = 1;
    internal const uint NFT_QUOTA_F_DEPLETED = 2;
}
