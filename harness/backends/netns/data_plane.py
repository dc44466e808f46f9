"""The data plane of an emulated switch: an nftables table of the bridge family.

``DataPlane`` turns a kernel bridge (``mcast_snooping 0``) into a switch's forwarding engine: sets of
members, registered groups and router ports decide which IPv4 multicast leaves which port. It decides
nothing itself: a control plane writes the sets. IGMP is trapped before the bridge sees it; a tap on the
port has seen it by then. ARP, unicast, broadcast, 224.0.0.0/24 and IPv6 always pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from ipaddress import IPv4Address
from typing import assert_never

from harness.backends.netns.matches import IGMP, IPV4_DESTINATION, NOT_IPV4, NOT_TO_GROUP
from harness.backends.netns.messages import name_field
from harness.backends.netns.namespaces import inside
from harness.backends.netns.netlink import NETLINK_NETFILTER, NetlinkSocket
from harness.backends.netns.nft import (
    ACCEPT,
    DROP,
    NFPROTO_BRIDGE,
    Elements,
    Hook,
    Meta,
    Regs,
    Rule,
    SetKind,
    compare,
    flush_chain,
    in_set,
    meta,
    new_chain,
    new_rule,
    new_set,
    new_table,
    payload,
    read_elements,
    verdict,
)
from harness.protocols.effects import Unregistered
from harness.wire.membership import Address

TABLE = "asic"
MEMBERS = "members"
GROUPS = "groups"
ROUTERS = "routers"
IGMP_TRAP = "igmp_trap"
EGRESS_ACL = "egress_acl"

Membership = tuple[Address, str]
"""(group, port name)."""

_TRAP_PRIORITY = -300
_TYPE_IPV4 = 7
_TYPE_IFNAME = 41
_TYPE_BITS = 6
"""nft(8) writes the type of a concatenation as its parts, six bits each."""
_HOST_ENDIAN = 1
_BIG_ENDIAN = 2
_SETS = {
    kind.name: kind
    for kind in (
        SetKind(name=MEMBERS, key_length=20, key_type=_TYPE_IFNAME << _TYPE_BITS | _TYPE_IPV4),
        SetKind(name=GROUPS, key_length=4, key_type=_TYPE_IPV4, byte_order=_BIG_ENDIAN),
        SetKind(name=ROUTERS, key_length=16, key_type=_TYPE_IFNAME, byte_order=_HOST_ENDIAN),
    )
}

_TRAP: Rule = (*IGMP, verdict(DROP))
_NOT_IP: Rule = (*NOT_IPV4, verdict(ACCEPT))
_NOT_MULTICAST: Rule = (*NOT_TO_GROUP, verdict(ACCEPT))
# 224.0.0.0/24: the first three octets tell. RFC 4541 section 2.1.2 (2): always forwarded on all ports.
_LOCAL_CONTROL: Rule = (payload((16, 3)), compare(b"\xe0\x00\x00"), verdict(ACCEPT))
# A name fills the sixteen octets of register 1, so the address goes to the register after it.
_TO_MEMBERS: Rule = (
    meta(Meta.NFT_META_OIFNAME),
    payload(IPV4_DESTINATION, Regs.NFT_REG_2),
    in_set(MEMBERS),
    verdict(ACCEPT),
)
_TO_ROUTERS: Rule = (meta(Meta.NFT_META_OIFNAME), in_set(ROUTERS), verdict(ACCEPT))
_REGISTERED: Rule = (payload(IPV4_DESTINATION), in_set(GROUPS), verdict(DROP))
_UNREGISTERED: Rule = (payload(IPV4_DESTINATION), in_set(GROUPS, inverted=True), verdict(DROP))


def _acl(*, snooping: bool, unregistered: Unregistered) -> tuple[Rule, ...]:
    if not snooping:
        return ((verdict(ACCEPT),),)
    always = (_NOT_IP, _LOCAL_CONTROL, _NOT_MULTICAST, _TO_MEMBERS)
    match unregistered:
        case Unregistered.FLOOD:
            return (*always, _TO_ROUTERS, _REGISTERED, (verdict(ACCEPT),))
        case Unregistered.ROUTER_PORTS:
            return (*always, _TO_ROUTERS, (verdict(DROP),))
        case Unregistered.DROP:
            return (*always, _UNREGISTERED, _TO_ROUTERS, (verdict(DROP),))
        case _:
            assert_never(unregistered)


_ADD = {name: Elements(NFPROTO_BRIDGE, TABLE, kind, add=True) for name, kind in _SETS.items()}
_DELETE = {name: Elements(NFPROTO_BRIDGE, TABLE, kind, add=False) for name, kind in _SETS.items()}


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
        self._written: dict[str, dict[bytes, None]] = {name: {} for name in _SETS}

    def install(self, *, snooping: bool = False, unregistered: Unregistered = Unregistered.FLOOD) -> None:
        """Make table, sets, trap and rules, in one transaction. IGMP is trapped in every mode."""
        self._socket.transaction(
            (
                new_table(NFPROTO_BRIDGE, TABLE),
                *(new_set(NFPROTO_BRIDGE, TABLE, n, kind) for n, kind in enumerate(_SETS.values(), 1)),
                new_chain(NFPROTO_BRIDGE, TABLE, IGMP_TRAP, Hook.PREROUTING, _TRAP_PRIORITY),
                new_rule(NFPROTO_BRIDGE, TABLE, IGMP_TRAP, _TRAP),
                new_chain(NFPROTO_BRIDGE, TABLE, EGRESS_ACL, Hook.FORWARD, 0),
                *_acl_messages(snooping=snooping, unregistered=unregistered),
            ),
            "data plane",
        )

    def set_mode(self, *, snooping: bool, unregistered: Unregistered) -> None:
        """Replace the rules in one transaction. ``snooping`` off: every datagram to every port."""
        messages = _acl_messages(snooping=snooping, unregistered=unregistered)
        self._socket.transaction((flush_chain(NFPROTO_BRIDGE, TABLE, EGRESS_ACL), *messages))

    def apply(
        self,
        *,
        add_members: Iterable[Membership] = (),
        del_members: Iterable[Membership] = (),
        add_groups: Iterable[Address] = (),
        del_groups: Iterable[Address] = (),
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
        return read_elements(self._socket, NFPROTO_BRIDGE, TABLE, set_name)


@cache
def _acl_messages(*, snooping: bool, unregistered: Unregistered) -> tuple[bytes, ...]:
    rules = _acl(snooping=snooping, unregistered=unregistered)
    return tuple(new_rule(NFPROTO_BRIDGE, TABLE, EGRESS_ACL, rule) for rule in rules)
