"""nftables by netlink, without ``nft``: rules, sets and the messages that make and change them.

Generic: what a table is for is known by ``data_plane`` (a switch's forwarding engine) and ``silence`` (links
that lose frames). Encoding is pyroute2's; register and payload layout follow
include/uapi/linux/netfilter/nf_tables.h. A rule is a tuple of expressions that use register 1 and those after
it; a name fills sixteen octets, so what is joined to it begins at register 2.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

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

from harness.backends.netns.netlink import (
    NLM_F_APPEND,
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_EXCL,
    NLM_F_REQUEST,
    NetlinkSocket,
)

__all__ = ["NFPROTO_BRIDGE", "NFPROTO_NETDEV", "Cmp", "Meta", "Regs"]  # of pyroute2, handed on

DROP = 0
ACCEPT = 1
_GOTO = -4

_BYTEORDER_HTON = 1
_NG_RANDOM = 1
_ELEMENTS_A_MESSAGE = 1000
"""An attribute holds at most 65535 octets; an element of a long key takes 60."""

Expression = dict[str, Any]
Attributes = list[tuple[str, Any]]
Rule = tuple[Expression, ...]


class Hook(IntEnum):
    """Where a chain is called; the numbers count for each family by itself."""

    PREROUTING = 0
    FORWARD = 2
    NETDEV_EGRESS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SetKind:
    """What the keys of a set are. ``key_type`` and ``byte_order`` only tell nft(8) how to print them."""

    name: str
    key_length: int
    key_type: int
    byte_order: int = 0


class Base(IntEnum):
    """What the offset of a payload counts from (NFT_PAYLOAD_*)."""

    LINK = 0
    NETWORK = 1
    TRANSPORT = 2


# --- expressions and rules --------------------------------------------------------------------------------


def expression(name: str, *values: tuple[str, Any], prefix: str = "") -> Expression:
    """Return an expression: its name, and its attributes without the prefix NFTA_NAME (or another)."""
    attrs = [(f"NFTA_{prefix or name.upper()}_{key}", value) for key, value in values]
    return {"attrs": [("NFTA_EXPR_NAME", name), ("NFTA_EXPR_DATA", {"attrs": attrs})]}


def value(data: bytes) -> dict[str, Any]:
    """Return octets as data of an expression."""
    return {"attrs": [("NFTA_DATA_VALUE", data)]}


def meta(key: Meta) -> Expression:
    """Load what the kernel knows of a packet: its protocol, length, interface ..."""
    return expression("meta", ("DREG", Regs.NFT_REG_1), ("KEY", key))


def payload(field: tuple[int, int], register: Regs = Regs.NFT_REG_1, base: Base = Base.NETWORK) -> Expression:
    """Load (offset, length) octets of a packet, counted from one of its headers."""
    offset, length = field
    return expression("payload", ("DREG", register), ("BASE", base), ("OFFSET", offset), ("LEN", length))


def compare(data: bytes, op: Cmp = Cmp.NFT_CMP_EQ) -> Expression:
    """Go on with the rule only if register 1 compares so with the octets, which are in network order."""
    return expression("cmp", ("SREG", Regs.NFT_REG_1), ("OP", op), ("DATA", value(data)))


def mask(data: bytes) -> Expression:
    """Keep of register 1 the bits that are set here."""
    return expression(
        "bitwise",
        ("SREG", Regs.NFT_REG_1),
        ("DREG", Regs.NFT_REG_1),
        ("LEN", len(data)),
        ("MASK", value(data)),
        ("XOR", value(bytes(len(data)))),
    )


def to_network_order() -> Expression:
    """Turn the number in register 1, as ``meta`` and ``random_below`` leave it, so that it compares."""
    return expression(
        "byteorder",
        ("SREG", Regs.NFT_REG_1),
        ("DREG", Regs.NFT_REG_1),
        ("OP", _BYTEORDER_HTON),
        ("LEN", 4),
        ("SIZE", 4),
    )


def random_below(limit: int) -> Expression:
    """Load a number from 0 up to ``limit`` (excluded), by the kernel's own chance, which has no seed."""
    return expression(
        "numgen",
        ("DREG", Regs.NFT_REG_1),
        ("MODULUS", limit),
        ("TYPE", _NG_RANDOM),
        ("OFFSET", 0),
        prefix="NG",
    )


def in_set(name: str, *, inverted: bool = False) -> Expression:
    """Go on with the rule only if what begins in register 1 is in a set of the same table, or is not."""
    values: Attributes = [("SET", name), ("SREG", Regs.NFT_REG_1)]
    if inverted:
        values.append(("FLAGS", ("NFT_LOOKUP_F_INV",)))
    return expression("lookup", *values)


def verdict(code: int) -> Expression:
    """End the chain: DROP or ACCEPT."""
    verdict = {"attrs": [("NFTA_DATA_VERDICT", {"attrs": [("NFTA_VERDICT_CODE", code)]})]}
    return expression("immediate", ("DREG", Regs.NFT_REG_VERDICT), ("DATA", verdict))


def go_to(chain: str) -> Expression:
    """Go on in another chain of the table for good; what no rule of it matches gets the hook's policy."""
    attrs: Attributes = [("NFTA_VERDICT_CODE", _GOTO), ("NFTA_VERDICT_CHAIN", chain)]
    verdict = {"attrs": [("NFTA_DATA_VERDICT", {"attrs": attrs})]}
    return expression("immediate", ("DREG", Regs.NFT_REG_VERDICT), ("DATA", verdict))


# --- messages ---------------------------------------------------------------------------------------------


def message(make: Callable[[], Any], kind: int, family: int, attrs: Attributes, flags: int = 0) -> bytes:
    """Encode one message of nftables; NLM_F_REQUEST is always set."""
    found = make()
    found["header"]["type"] = NFNL_SUBSYS_NFTABLES << 8 | kind
    found["header"]["flags"] = NLM_F_REQUEST | flags
    found["nfgen_family"] = family
    found["attrs"] = attrs
    found.encode()
    return bytes(found.data)


def new_table(family: int, name: str) -> bytes:
    """Make a table; one of that name is an error (EEXIST)."""
    attrs: Attributes = [("NFTA_TABLE_NAME", name)]
    return message(nft_table_msg, NFT_MSG_NEWTABLE, family, attrs, NLM_F_CREATE | NLM_F_EXCL)


def del_table(family: int, name: str) -> bytes:
    """Remove a table with all that is in it; none of that name is an error (ENOENT)."""
    return message(nft_table_msg, NFT_MSG_DELTABLE, family, [("NFTA_TABLE_NAME", name)])


def new_chain(
    family: int,
    table: str,
    name: str,
    hook: Hook | None = None,
    priority: int = 0,
    device: str | None = None,
) -> bytes:
    """Make a chain: one that a hook calls and that accepts what its rules leave, or one to go to."""
    attrs: Attributes = [("NFTA_CHAIN_TABLE", table), ("NFTA_CHAIN_NAME", name)]
    if hook is not None:
        where: Attributes = [("NFTA_HOOK_HOOKNUM", hook), ("NFTA_HOOK_PRIORITY", priority)]
        if device is not None:
            where.append(("NFTA_HOOK_DEV", device))
        attrs += [
            ("NFTA_CHAIN_HOOK", {"attrs": where}),
            ("NFTA_CHAIN_POLICY", ACCEPT),
            ("NFTA_CHAIN_TYPE", "filter"),
        ]
    return message(nft_chain_msg, NFT_MSG_NEWCHAIN, family, attrs, NLM_F_CREATE | NLM_F_EXCL)


def new_rule(family: int, table: str, chain: str, rule: Rule) -> bytes:
    """Append a rule to a chain."""
    attrs: Attributes = [
        ("NFTA_RULE_TABLE", table),
        ("NFTA_RULE_CHAIN", chain),
        ("NFTA_RULE_EXPRESSIONS", list(rule)),
    ]
    return message(nft_rule_msg, NFT_MSG_NEWRULE, family, attrs, NLM_F_CREATE | NLM_F_APPEND)


def flush_chain(family: int, table: str, chain: str) -> bytes:
    """Remove all rules of a chain."""
    attrs: Attributes = [("NFTA_RULE_TABLE", table), ("NFTA_RULE_CHAIN", chain)]
    return message(nft_rule_msg, NFT_MSG_DELRULE, family, attrs)


def new_set(family: int, table: str, number: int, kind: SetKind) -> bytes:
    """Make a set; ``number`` is its own within the transaction."""
    attrs: Attributes = [
        ("NFTA_SET_TABLE", table),
        ("NFTA_SET_NAME", kind.name),
        ("NFTA_SET_FLAGS", ()),
        ("NFTA_SET_KEY_TYPE", kind.key_type),
        ("NFTA_SET_KEY_LEN", kind.key_length),
        ("NFTA_SET_ID", number),
        # Only nft(8) reads this, to print the elements right.
        ("NFTA_SET_USERDATA", [("NFTNL_UDATA_SET_KEYBYTEORDER", struct.pack("=I", kind.byte_order))]),
    ]
    return message(nft_set_msg, NFT_MSG_NEWSET, family, attrs, NLM_F_CREATE | NLM_F_EXCL)


class Elements:
    """Messages that add or delete elements of one set: pyroute2 encodes one element, the rest are copies."""

    def __init__(self, family: int, table: str, kind: SetKind, *, add: bool) -> None:
        sentinel = bytes(range(0xA0, 0xA0 + kind.key_length))
        element = {"attrs": [("NFTA_SET_ELEM_KEY", value(sentinel))]}
        attrs = _of_set(table, kind.name)
        attrs.append(("NFTA_SET_ELEM_LIST_ELEMENTS", [element]))
        type_, flags = (NFT_MSG_NEWSETELEM, NLM_F_CREATE) if add else (NFT_MSG_DELSETELEM, 0)
        image = message(nft_set_elem_list_msg, type_, family, attrs, flags)
        self._padding = bytes(-kind.key_length % 4)
        tail = sentinel + self._padding
        if image.count(sentinel) != 1 or not image.endswith(tail):
            raise AssertionError("the element is not the last of its message")
        # Three attribute headers of four octets stand before the key: element, key, value.
        self._start = len(image) - len(tail) - 12
        self._head = image[: self._start]
        self._element = image[self._start : len(image) - len(tail)]

    def messages(self, keys: Sequence[bytes]) -> list[bytes]:
        """Return as many messages as the keys need; none for no keys."""
        found = []
        between = self._padding + self._element
        for first in range(0, len(keys), _ELEMENTS_A_MESSAGE):
            body = self._element + between.join(keys[first : first + _ELEMENTS_A_MESSAGE]) + self._padding
            message = bytearray(self._head + body)
            struct.pack_into("=I", message, 0, len(message))
            # The list's own header is the four octets before the first element.
            struct.pack_into("=H", message, self._start - 4, len(body) + 4)
            found.append(bytes(message))
        return found


def read_elements(socket: NetlinkSocket, family: int, table: str, set_name: str) -> list[bytes]:
    """Return the keys that the kernel has in a set."""
    attrs = _of_set(table, set_name)
    request = message(nft_set_elem_list_msg, NFT_MSG_GETSETELEM, family, attrs, NLM_F_DUMP)
    keys: list[bytes] = []
    for data in socket.dump(request):
        found = nft_set_elem_list_msg(data)
        found.decode()
        keys.extend(
            bytes(element.get_attr("NFTA_SET_ELEM_KEY").get_attr("NFTA_DATA_VALUE"))
            for element in found.get_attr("NFTA_SET_ELEM_LIST_ELEMENTS") or ()
        )
    return keys


def _of_set(table: str, set_name: str) -> Attributes:
    return [("NFTA_SET_ELEM_LIST_TABLE", table), ("NFTA_SET_ELEM_LIST_SET", set_name)]
