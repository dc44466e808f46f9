"""The data plane of an emulated switch, and one interface's silence: nftables by netlink, without ``nft``.

``DataPlane`` turns a kernel bridge (``mcast_snooping 0``) into a switch's forwarding engine: sets of
members, registered groups and router ports decide which IPv4 multicast leaves which port. It decides
nothing itself: a control plane writes the sets. IGMP is trapped before the bridge sees it; a tap on the
port has seen it by then. ARP, unicast, broadcast, 224.0.0.0/24 and IPv6 always pass. ``SilentLink`` makes
an interface's frames vanish. Encoding is pyroute2's; register and payload layout follow
include/uapi/linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import cache
from ipaddress import IPv4Address
from typing import Any, assert_never

from pyroute2.netlink.nfnetlink import NFNL_SUBSYS_NFTABLES
from pyroute2.netlink.nfnetlink.nftsocket import (
    NFPROTO_BRIDGE,
    NFPROTO_NETDEV,
    NFT_MSG_DELRULE,
    NFT_MSG_DELSETELEM,
    NFT_MSG_DELTABLE,
    NFT_MSG_GETSETELEM,
    NFT_MSG_NEWCHAIN,
    NFT_MSG_NEWRULE,
    NFT_MSG_NEWSET,
    NFT_MSG_NEWSETELEM,
    NFT_MSG_NEWTABLE,
    Cmp,
    Meta,
    Regs,
    nft_chain_msg,
    nft_rule_msg,
    nft_set_elem_list_msg,
    nft_set_msg,
    nft_table_msg,
)

from harness.backends.netns.messages import name_field
from harness.backends.netns.namespaces import inside
from harness.backends.netns.netlink import (
    NETLINK_NETFILTER,
    NLM_F_APPEND,
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_EXCL,
    NLM_F_REQUEST,
    NetlinkSocket,
    RefusedError,
)
from harness.protocols.effects import Unregistered

TABLE = "asic"
MEMBERS = "members"
GROUPS = "groups"
ROUTERS = "routers"
IGMP_TRAP = "igmp_trap"
EGRESS_ACL = "egress_acl"

Membership = tuple[IPv4Address, str]
"""(group, port name)."""

_DROP = 0
_ACCEPT = 1
_HOOK_PREROUTING = 0
_HOOK_FORWARD = 2
_HOOK_NETDEV_EGRESS = 1
_TRAP_PRIORITY = -300
_TYPE_IPV4 = 7
_TYPE_IFNAME = 41
_TYPE_BITS = 6
"""nft(8) writes the type of a concatenation as its parts, six bits each."""
_HOST_ENDIAN = 1
_BIG_ENDIAN = 2
_NETWORK_HEADER = 1
_IPV4_PROTOCOL = (9, 1)
_IPV4_DESTINATION = (16, 4)
_KEY_LENGTHS = {MEMBERS: 20, GROUPS: 4, ROUTERS: 16}
_ETHERTYPE_IP = b"\x08\x00"
_IPPROTO_IGMP = b"\x02"
_ELEMENTS_A_MESSAGE = 1000
"""An attribute holds at most 65535 octets; an element of ``members`` takes 32."""

Expression = dict[str, Any]
Attributes = list[tuple[str, Any]]


# --- expressions and rules --------------------------------------------------------------------------------


def _expression(name: str, *values: tuple[str, Any]) -> Expression:
    attrs = [(f"NFTA_{name.upper()}_{key}", value) for key, value in values]
    return {"attrs": [("NFTA_EXPR_NAME", name), ("NFTA_EXPR_DATA", {"attrs": attrs})]}


def _value(data: bytes) -> dict[str, Any]:
    return {"attrs": [("NFTA_DATA_VALUE", data)]}


def _meta(key: Meta) -> Expression:
    return _expression("meta", ("DREG", Regs.NFT_REG_1), ("KEY", key))


def _payload(field: tuple[int, int], register: Regs = Regs.NFT_REG_1) -> Expression:
    offset, length = field
    return _expression(
        "payload", ("DREG", register), ("BASE", _NETWORK_HEADER), ("OFFSET", offset), ("LEN", length)
    )


def _compare(data: bytes, op: Cmp = Cmp.NFT_CMP_EQ) -> Expression:
    return _expression("cmp", ("SREG", Regs.NFT_REG_1), ("OP", op), ("DATA", _value(data)))


def _mask(data: bytes) -> Expression:
    return _expression(
        "bitwise",
        ("SREG", Regs.NFT_REG_1),
        ("DREG", Regs.NFT_REG_1),
        ("LEN", len(data)),
        ("MASK", _value(data)),
        ("XOR", _value(bytes(len(data)))),
    )


def _in_set(name: str, *, inverted: bool = False) -> Expression:
    values: Attributes = [("SET", name), ("SREG", Regs.NFT_REG_1)]
    if inverted:
        values.append(("FLAGS", ("NFT_LOOKUP_F_INV",)))
    return _expression("lookup", *values)


def _verdict(code: int) -> Expression:
    verdict = {"attrs": [("NFTA_DATA_VERDICT", {"attrs": [("NFTA_VERDICT_CODE", code)]})]}
    return _expression("immediate", ("DREG", Regs.NFT_REG_VERDICT), ("DATA", verdict))


Rule = tuple[Expression, ...]

_TRAP: Rule = (
    _meta(Meta.NFT_META_PROTOCOL),
    _compare(_ETHERTYPE_IP),
    _payload(_IPV4_PROTOCOL),
    _compare(_IPPROTO_IGMP),
    _verdict(_DROP),
)
_NOT_IP: Rule = (_meta(Meta.NFT_META_PROTOCOL), _compare(_ETHERTYPE_IP, Cmp.NFT_CMP_NEQ), _verdict(_ACCEPT))
# 224.0.0.0/24: the first three octets tell. RFC 4541 section 2.1.2 (2): always forwarded on all ports.
_LOCAL_CONTROL: Rule = (_payload((16, 3)), _compare(b"\xe0\x00\x00"), _verdict(_ACCEPT))
_NOT_MULTICAST: Rule = (
    _payload(_IPV4_DESTINATION),
    _mask(b"\xf0\x00\x00\x00"),
    _compare(b"\xe0\x00\x00\x00", Cmp.NFT_CMP_NEQ),
    _verdict(_ACCEPT),
)
# A name fills the sixteen octets of register 1, so the address goes to the register after it.
_TO_MEMBERS: Rule = (
    _meta(Meta.NFT_META_OIFNAME),
    _payload(_IPV4_DESTINATION, Regs.NFT_REG_2),
    _in_set(MEMBERS),
    _verdict(_ACCEPT),
)
_TO_ROUTERS: Rule = (_meta(Meta.NFT_META_OIFNAME), _in_set(ROUTERS), _verdict(_ACCEPT))
_REGISTERED: Rule = (_payload(_IPV4_DESTINATION), _in_set(GROUPS), _verdict(_DROP))
_UNREGISTERED: Rule = (_payload(_IPV4_DESTINATION), _in_set(GROUPS, inverted=True), _verdict(_DROP))


def _acl(*, snooping: bool, unregistered: Unregistered) -> tuple[Rule, ...]:
    if not snooping:
        return ((_verdict(_ACCEPT),),)
    always = (_NOT_IP, _LOCAL_CONTROL, _NOT_MULTICAST, _TO_MEMBERS)
    match unregistered:
        case Unregistered.FLOOD:
            return (*always, _TO_ROUTERS, _REGISTERED, (_verdict(_ACCEPT),))
        case Unregistered.ROUTER_PORTS:
            return (*always, _TO_ROUTERS, (_verdict(_DROP),))
        case Unregistered.DROP:
            return (*always, _UNREGISTERED, _TO_ROUTERS, (_verdict(_DROP),))
        case _:
            assert_never(unregistered)


# --- messages ---------------------------------------------------------------------------------------------


def _message(make: Callable[[], Any], kind: int, family: int, attrs: Attributes, flags: int = 0) -> bytes:
    message = make()
    message["header"]["type"] = NFNL_SUBSYS_NFTABLES << 8 | kind
    message["header"]["flags"] = NLM_F_REQUEST | flags
    message["nfgen_family"] = family
    message["attrs"] = attrs
    message.encode()
    return bytes(message.data)


def _new_table(family: int, name: str) -> bytes:
    attrs: Attributes = [("NFTA_TABLE_NAME", name)]
    return _message(nft_table_msg, NFT_MSG_NEWTABLE, family, attrs, NLM_F_CREATE | NLM_F_EXCL)


def _del_table(family: int, name: str) -> bytes:
    return _message(nft_table_msg, NFT_MSG_DELTABLE, family, [("NFTA_TABLE_NAME", name)])


def _new_chain(
    family: int, table: str, name: str, hook: int, priority: int, device: str | None = None
) -> bytes:
    where: Attributes = [("NFTA_HOOK_HOOKNUM", hook), ("NFTA_HOOK_PRIORITY", priority)]
    if device is not None:
        where.append(("NFTA_HOOK_DEV", device))
    attrs: Attributes = [
        ("NFTA_CHAIN_TABLE", table),
        ("NFTA_CHAIN_NAME", name),
        ("NFTA_CHAIN_HOOK", {"attrs": where}),
        ("NFTA_CHAIN_POLICY", _ACCEPT),
        ("NFTA_CHAIN_TYPE", "filter"),
    ]
    return _message(nft_chain_msg, NFT_MSG_NEWCHAIN, family, attrs, NLM_F_CREATE | NLM_F_EXCL)


def _new_rule(family: int, table: str, chain: str, rule: Rule) -> bytes:
    attrs: Attributes = [
        ("NFTA_RULE_TABLE", table),
        ("NFTA_RULE_CHAIN", chain),
        ("NFTA_RULE_EXPRESSIONS", list(rule)),
    ]
    return _message(nft_rule_msg, NFT_MSG_NEWRULE, family, attrs, NLM_F_CREATE | NLM_F_APPEND)


def _flush_chain(family: int, table: str, chain: str) -> bytes:
    attrs: Attributes = [("NFTA_RULE_TABLE", table), ("NFTA_RULE_CHAIN", chain)]
    return _message(nft_rule_msg, NFT_MSG_DELRULE, family, attrs)


def _new_set(number: int, name: str, key_type: int, byte_order: int = 0) -> bytes:
    attrs: Attributes = [
        ("NFTA_SET_TABLE", TABLE),
        ("NFTA_SET_NAME", name),
        ("NFTA_SET_FLAGS", ()),
        ("NFTA_SET_KEY_TYPE", key_type),
        ("NFTA_SET_KEY_LEN", _KEY_LENGTHS[name]),
        ("NFTA_SET_ID", number),
        # Only nft(8) reads this, to print the elements right.
        ("NFTA_SET_USERDATA", [("NFTNL_UDATA_SET_KEYBYTEORDER", struct.pack("=I", byte_order))]),
    ]
    return _message(nft_set_msg, NFT_MSG_NEWSET, NFPROTO_BRIDGE, attrs, NLM_F_CREATE | NLM_F_EXCL)


class _Elements:
    """Messages that add or delete elements of one set: pyroute2 encodes one element, the rest are copies."""

    def __init__(self, kind: int, flags: int, set_name: str, key_length: int) -> None:
        sentinel = bytes(range(0xA0, 0xA0 + key_length))
        element = {"attrs": [("NFTA_SET_ELEM_KEY", _value(sentinel))]}
        attrs: Attributes = [
            ("NFTA_SET_ELEM_LIST_TABLE", TABLE),
            ("NFTA_SET_ELEM_LIST_SET", set_name),
            ("NFTA_SET_ELEM_LIST_ELEMENTS", [element]),
        ]
        image = _message(nft_set_elem_list_msg, kind, NFPROTO_BRIDGE, attrs, flags)
        if image.count(sentinel) != 1 or not image.endswith(sentinel):
            raise AssertionError("the element is not the last of its message")
        # Three attribute headers of four octets stand before the key: element, key, value.
        self._start = len(image) - key_length - 12
        self._head = image[: self._start]
        self._element = image[self._start : len(image) - key_length]

    def messages(self, keys: Sequence[bytes]) -> list[bytes]:
        """Return as many messages as the keys need; none for no keys."""
        found = []
        for first in range(0, len(keys), _ELEMENTS_A_MESSAGE):
            body = b"".join(self._element + key for key in keys[first : first + _ELEMENTS_A_MESSAGE])
            message = bytearray(self._head + body)
            struct.pack_into("=I", message, 0, len(message))
            # The list's own header is the four octets before the first element.
            struct.pack_into("=H", message, self._start - 4, len(body) + 4)
            found.append(bytes(message))
        return found


_ADD = {name: _Elements(NFT_MSG_NEWSETELEM, NLM_F_CREATE, name, size) for name, size in _KEY_LENGTHS.items()}
_DELETE = {name: _Elements(NFT_MSG_DELSETELEM, 0, name, size) for name, size in _KEY_LENGTHS.items()}


def _member_key(member: Membership) -> bytes:
    group, port = member
    return name_field(port) + group.packed


class DataPlane:
    """The forwarding engine of one switch, in the namespace behind a descriptor.

    It remembers what it has written: to add what is there and to delete what is not are no errors.
    """

    def __init__(self, namespace: int) -> None:
        with inside(namespace):
            self._socket = NetlinkSocket(NETLINK_NETFILTER)
        self._written: dict[str, dict[bytes, None]] = {name: {} for name in _KEY_LENGTHS}

    def install(self, *, snooping: bool = False, unregistered: Unregistered = Unregistered.FLOOD) -> None:
        """Make table, sets, trap and rules, in one transaction. IGMP is trapped in every mode."""
        concatenated = _TYPE_IFNAME << _TYPE_BITS | _TYPE_IPV4
        self._socket.transaction(
            (
                _new_table(NFPROTO_BRIDGE, TABLE),
                _new_set(1, MEMBERS, concatenated),
                _new_set(2, GROUPS, _TYPE_IPV4, _BIG_ENDIAN),
                _new_set(3, ROUTERS, _TYPE_IFNAME, _HOST_ENDIAN),
                _new_chain(NFPROTO_BRIDGE, TABLE, IGMP_TRAP, _HOOK_PREROUTING, _TRAP_PRIORITY),
                _new_rule(NFPROTO_BRIDGE, TABLE, IGMP_TRAP, _TRAP),
                _new_chain(NFPROTO_BRIDGE, TABLE, EGRESS_ACL, _HOOK_FORWARD, 0),
                *_acl_messages(snooping=snooping, unregistered=unregistered),
            ),
            "data plane",
        )

    def set_mode(self, *, snooping: bool, unregistered: Unregistered) -> None:
        """Replace the rules in one transaction. ``snooping`` off: every datagram to every port."""
        messages = _acl_messages(snooping=snooping, unregistered=unregistered)
        self._socket.transaction((_flush_chain(NFPROTO_BRIDGE, TABLE, EGRESS_ACL), *messages))

    def apply(
        self,
        *,
        add_members: Iterable[Membership] = (),
        del_members: Iterable[Membership] = (),
        add_groups: Iterable[IPv4Address] = (),
        del_groups: Iterable[IPv4Address] = (),
        add_routers: Iterable[str] = (),
        del_routers: Iterable[str] = (),
    ) -> None:
        """Change the sets in one transaction, deletions first; refused (RefusedError), nothing changes."""
        changes = (
            (MEMBERS, map(_member_key, del_members), map(_member_key, add_members)),
            (GROUPS, (group.packed for group in del_groups), (group.packed for group in add_groups)),
            (ROUTERS, map(name_field, del_routers), map(name_field, add_routers)),
        )
        messages: list[bytes] = []
        after = dict(self._written)
        for name, deleted, added in changes:
            old = self._written[name]
            gone = dict.fromkeys(key for key in deleted if key in old)
            kept = {key: None for key in old if key not in gone} if gone else dict(old)
            new = dict.fromkeys(key for key in added if key not in kept)
            if gone or new:
                messages += _DELETE[name].messages(list(gone)) + _ADD[name].messages(list(new))
                after[name] = kept | new
        if messages:
            self._socket.transaction(messages)
            self._written = after

    def members(self) -> frozenset[Membership]:
        """Return what the kernel has in ``members``, for checks."""
        keys = self._elements(MEMBERS)
        return frozenset((IPv4Address(key[16:20]), key[:16].rstrip(b"\0").decode("ascii")) for key in keys)

    def groups(self) -> frozenset[IPv4Address]:
        """Return what the kernel has in ``groups``, for checks."""
        return frozenset(IPv4Address(key) for key in self._elements(GROUPS))

    def routers(self) -> frozenset[str]:
        """Return what the kernel has in ``routers``, for checks."""
        return frozenset(key.rstrip(b"\0").decode("ascii") for key in self._elements(ROUTERS))

    def close(self) -> None:
        """Close the socket. The rules stay: they end with the namespace."""
        self._socket.close()

    def _elements(self, set_name: str) -> list[bytes]:
        attrs: Attributes = [("NFTA_SET_ELEM_LIST_TABLE", TABLE), ("NFTA_SET_ELEM_LIST_SET", set_name)]
        request = _message(nft_set_elem_list_msg, NFT_MSG_GETSETELEM, NFPROTO_BRIDGE, attrs, NLM_F_DUMP)
        keys: list[bytes] = []
        for data in self._socket.dump(request):
            message = nft_set_elem_list_msg(data)
            message.decode()
            keys.extend(
                bytes(element.get_attr("NFTA_SET_ELEM_KEY").get_attr("NFTA_DATA_VALUE"))
                for element in message.get_attr("NFTA_SET_ELEM_LIST_ELEMENTS") or ()
            )
        return keys


@cache
def _acl_messages(*, snooping: bool, unregistered: Unregistered) -> tuple[bytes, ...]:
    rules = _acl(snooping=snooping, unregistered=unregistered)
    return tuple(_new_rule(NFPROTO_BRIDGE, TABLE, EGRESS_ACL, rule) for rule in rules)


# --- silence ----------------------------------------------------------------------------------------------


class Silence(Enum):
    """What a silent interface no longer sends."""

    ALL = "all"
    MULTICAST = "multicast"
    """IPv4 datagrams to 224.0.0.0/4, IGMP among them."""
    IGMP = "igmp"


def _silencing(what: Silence) -> tuple[Rule, ...]:
    match what:
        case Silence.ALL:
            return ((_verdict(_DROP),),)
        case Silence.IGMP:
            return (_TRAP,)
        case Silence.MULTICAST:
            return (_NOT_IP, _NOT_MULTICAST, (_verdict(_DROP),))
        case _:
            assert_never(what)


class SilentLink:
    """Frames that leave an interface vanish, without error to a UDP or raw IP sender.

    The netdev egress hook comes before the taps of AF_PACKET on that interface, so a capture there does not
    show them either. A sender on AF_PACKET itself gets ENOBUFS. What arrives is not touched.
    """

    @staticmethod
    def silence(namespace: int, device: str, what: Silence = Silence.ALL) -> None:
        """Silence a device in the namespace behind a descriptor, instead of any earlier silence of it."""
        table = _silence_table(device)
        rules = (_new_rule(NFPROTO_NETDEV, table, "egress", rule) for rule in _silencing(what))
        SilentLink.restore(namespace, device)
        with inside(namespace), NetlinkSocket(NETLINK_NETFILTER) as socket:
            socket.transaction(
                (
                    _new_table(NFPROTO_NETDEV, table),
                    _new_chain(NFPROTO_NETDEV, table, "egress", _HOOK_NETDEV_EGRESS, 0, device),
                    *rules,
                ),
                f"silence of {device}",
            )

    @staticmethod
    def restore(namespace: int, device: str) -> None:
        """Let a device speak again; nothing happens if it does already."""
        with inside(namespace), NetlinkSocket(NETLINK_NETFILTER) as socket:
            try:
                socket.transaction((_del_table(NFPROTO_NETDEV, _silence_table(device)),))
            except RefusedError as refused:
                if refused.errno != errno.ENOENT:
                    raise


def _silence_table(device: str) -> str:
    return f"silence-{device}"
