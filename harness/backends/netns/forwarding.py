"""What an emulated switch's table looks like: its sets, and the rules of each network layer.

IPv4 (IGMP) and IPv6 (MLD) are independent of each other (RFC 4541 section 3): each has sets and a chain of
its own. Pure: decisions in, nftables rules and keys of sets out. ``data_plane`` writes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from harness.backends.netns import matches
from harness.backends.netns.messages import name_field
from harness.backends.netns.nft import (
    ACCEPT,
    DROP,
    Base,
    Expression,
    Meta,
    Regs,
    Rule,
    SetKind,
    in_set,
    meta,
    payload,
    verdict,
)
from harness.protocols.dialect import Dialect
from harness.protocols.effects import FilterMode, SourceFilter, Unregistered
from harness.protocols.snooping_config import Lookup
from harness.wire.ethernet import MAC_LENGTH, multicast_mac
from harness.wire.membership import Address

Entry = tuple[Address, str]
"""(group, port name)."""
SetKey = tuple[str, bytes]
"""A set's name and one of its keys."""

_TYPE_IPV4, _TYPE_IPV6, _TYPE_MAC, _TYPE_IFNAME = 7, 8, 9, 41
_TYPE_BITS = 6
"""nft(8) writes the type of a concatenation as its parts, six bits each."""
_HOST_ENDIAN, _BIG_ENDIAN = 1, 2
_NAME_LENGTH = 16
_MAC_FIELD = 8
"""In a concatenation every part takes whole registers of four octets."""


class Kind(Enum):
    """What a set says; its name in the table, for IPv6 with a 6 behind."""

    MEMBERS = "members"
    """port . group: receives it from every source but the refused ones."""
    SOURCES = "sources"
    """port . group . source: receives it from this source."""
    REFUSED = "refused"
    """port . group . source: does not."""
    GROUPS = "groups"
    """Groups with any member, which makes them registered."""
    MEMBER_MACS = "member_macs"
    """port . MAC address: as members, of a switch that looks MAC addresses up."""
    GROUP_MACS = "group_macs"
    ROUTERS = "routers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """How the datagrams of one network layer are forwarded. ``snooping`` off: every one to every port.

    ``source_filtering`` off: a member receives its group from every source, whatever its filter says.
    """

    snooping: bool = False
    unregistered: Unregistered = Unregistered.FLOOD
    lookup: Lookup = Lookup.IP
    source_filtering: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One network layer: where a packet has its addresses, and what is never held back.

    ``always`` are the conditions for groups that are flooded whatever the tables say, ``always_by_mac`` the
    same for a switch that looks MAC addresses up, ``not_to_group`` and ``not_to_group_mac`` those for what is
    no multicast.
    """

    dialect: Dialect
    suffix: str
    ethertype: bytes
    address_type: int
    address_length: int
    source: tuple[int, int]
    destination: tuple[int, int]
    source_register: Regs
    traps: tuple[Rule, ...]
    always: tuple[Rule, ...]
    always_by_mac: tuple[Rule, ...]
    not_to_group: Rule
    not_to_group_mac: Rule

    def name(self, kind: Kind) -> str:
        """The name of a set of this layer."""
        return f"{kind.value}{self.suffix}"

    @property
    def chain(self) -> str:
        """The name of the chain that decides on this layer's packets."""
        return f"{self.dialect.value}_acl"


LAYERS = {
    Dialect.IGMP: Layer(
        dialect=Dialect.IGMP,
        suffix="",
        ethertype=matches.ETHERTYPE_IPV4,
        address_type=_TYPE_IPV4,
        address_length=4,
        source=matches.IPV4_SOURCE,
        destination=matches.IPV4_DESTINATION,
        source_register=Regs.NFT_REG32_05,
        traps=(matches.IGMP,),
        always=(matches.TO_IPV4_LINK,),
        always_by_mac=(matches.TO_IPV4_LINK_MAC,),
        not_to_group=matches.NOT_TO_IPV4_GROUP,
        not_to_group_mac=matches.NOT_TO_IPV4_GROUP_MAC,
    ),
    Dialect.MLD: Layer(
        dialect=Dialect.MLD,
        suffix="6",
        ethertype=matches.ETHERTYPE_IPV6,
        address_type=_TYPE_IPV6,
        address_length=16,
        source=matches.IPV6_SOURCE,
        destination=matches.IPV6_DESTINATION,
        source_register=Regs.NFT_REG_3,
        traps=matches.MLD,
        always=(matches.TO_IPV6_INTERFACE, matches.TO_IPV6_LINK),
        # By address: every MAC address of a group is also one of some group of ff02::/16.
        always_by_mac=(matches.TO_IPV6_INTERFACE, matches.TO_IPV6_LINK),
        not_to_group=matches.NOT_TO_IPV6_GROUP,
        not_to_group_mac=matches.NOT_TO_IPV6_GROUP_MAC,
    ),
}


_IPV4, _IPV6 = LAYERS[Dialect.IGMP], LAYERS[Dialect.MLD]


def layer_of(group: Address) -> Layer:
    """The layer that a group is of."""
    return _IPV4 if group.version == 4 else _IPV6


# --- sets -------------------------------------------------------------------------------------------------


def _concatenation(*types: int) -> int:
    found = 0
    for part in types:
        found = found << _TYPE_BITS | part
    return found


def sets_of(layer: Layer) -> tuple[SetKind, ...]:
    """The sets of one layer, one for each kind."""
    name, address, size = _TYPE_IFNAME, layer.address_type, layer.address_length
    keys = {
        Kind.MEMBERS: (_NAME_LENGTH + size, _concatenation(name, address), 0),
        Kind.SOURCES: (_NAME_LENGTH + 2 * size, _concatenation(name, address, address), 0),
        Kind.REFUSED: (_NAME_LENGTH + 2 * size, _concatenation(name, address, address), 0),
        Kind.GROUPS: (size, address, _BIG_ENDIAN),
        Kind.MEMBER_MACS: (_NAME_LENGTH + _MAC_FIELD, _concatenation(name, _TYPE_MAC), 0),
        Kind.GROUP_MACS: (MAC_LENGTH, _TYPE_MAC, _BIG_ENDIAN),
        Kind.ROUTERS: (_NAME_LENGTH, name, _HOST_ENDIAN),
    }
    return tuple(
        SetKind(name=layer.name(kind), key_length=length, key_type=key_type, byte_order=order)
        for kind, (length, key_type, order) in keys.items()
    )


class _Names:
    """The sets' names of a layer as attributes, for speed: hundreds of ports may join at once."""

    def __init__(self, layer: Layer) -> None:
        self.members = layer.name(Kind.MEMBERS)
        self.sources = layer.name(Kind.SOURCES)
        self.refused = layer.name(Kind.REFUSED)
        self.groups = layer.name(Kind.GROUPS)
        self.member_macs = layer.name(Kind.MEMBER_MACS)
        self.group_macs = layer.name(Kind.GROUP_MACS)


_NAMES_V4, _NAMES_V6 = _Names(_IPV4), _Names(_IPV6)


def keys_of(entry: Entry, sources: SourceFilter, mode: Mode) -> Iterator[SetKey]:
    """The keys that let a port receive a group from what a filter lets pass."""
    group, port = entry
    names, name = (_NAMES_V4 if group.version == 4 else _NAMES_V6), name_field(port)
    if mode.lookup is Lookup.MAC:
        mac = multicast_mac(group)
        yield names.group_macs, mac
        yield names.member_macs, name + mac.ljust(_MAC_FIELD, b"\0")
        return
    packed = group.packed
    member = name + packed
    yield names.groups, packed
    if mode.source_filtering and sources.mode is FilterMode.INCLUDE:
        for source in sources.sources:
            yield names.sources, member + source.packed
        return
    yield names.members, member
    if mode.source_filtering:
        for source in sources.sources:
            yield names.refused, member + source.packed


# --- rules ------------------------------------------------------------------------------------------------


def rules_of(layer: Layer, mode: Mode) -> tuple[Rule, ...]:
    """The chain of one layer, first match first; what no rule matches passes."""
    if not mode.snooping:
        return ()
    by_mac = mode.lookup is Lookup.MAC
    always = layer.always_by_mac if by_mac else layer.always
    not_to_group = layer.not_to_group_mac if by_mac else layer.not_to_group
    passed = tuple((*condition, verdict(ACCEPT)) for condition in (*always, not_to_group))
    group, groups = _group(layer, by_mac=by_mac), layer.name(Kind.GROUP_MACS if by_mac else Kind.GROUPS)
    registered = (group, in_set(groups), verdict(DROP))
    unregistered = (group, in_set(groups, inverted=True), verdict(DROP))
    match mode.unregistered:
        case Unregistered.FLOOD:
            return (*passed, *_receivers(layer, mode), registered)
        case Unregistered.ROUTER_PORTS:
            return (*passed, *_receivers(layer, mode), (verdict(DROP),))
        case Unregistered.DROP:
            return (*passed, *_receivers(layer, mode, unregistered), (verdict(DROP),))
        case _:
            assert_never(mode.unregistered)


def _group(layer: Layer, register: Regs = Regs.NFT_REG_1, *, by_mac: bool) -> Expression:
    if by_mac:
        return payload(matches.MAC_DESTINATION, register, Base.LINK)
    return payload(layer.destination, register)


def _receivers(layer: Layer, mode: Mode, *not_to_routers: Rule) -> tuple[Rule, ...]:
    """The rules for members and router ports; ``not_to_routers`` stand before those for the latter.

    A router port gets every registered group (RFC 4541 section 2.1.2 (1)), also from a source that the hosts
    behind it refuse. So with sources it comes first; without, the likeliest receivers do.
    """
    by_mac = mode.lookup is Lookup.MAC
    routers = (meta(Meta.NFT_META_OIFNAME), in_set(layer.name(Kind.ROUTERS)), verdict(ACCEPT))
    # A name fills the sixteen octets of register 1, so the group goes to the register after it.
    entry = (meta(Meta.NFT_META_OIFNAME), _group(layer, Regs.NFT_REG_2, by_mac=by_mac))
    members = layer.name(Kind.MEMBER_MACS if by_mac else Kind.MEMBERS)
    to_members = (*entry, in_set(members), verdict(ACCEPT))
    if by_mac or not mode.source_filtering:
        return (to_members, *not_to_routers, routers)
    of_source = (*entry, payload(layer.source, layer.source_register))
    return (
        *not_to_routers,
        routers,
        (*of_source, in_set(layer.name(Kind.REFUSED)), verdict(DROP)),
        to_members,
        (*of_source, in_set(layer.name(Kind.SOURCES)), verdict(ACCEPT)),
    )
