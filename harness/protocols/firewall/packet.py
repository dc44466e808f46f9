"""A packet as a host's firewall sees it: data, no bytes.

What a rule can ask of a packet stands here, and how the kernel answers where the packet does not say it
itself: the kind of its addresses (the local table of the FIB, ipv6_addr_type), the type of its frame, the
state of its connection. Nothing here knows a rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface

from harness.wire.membership import Address

ICMP, IGMP, UDP, ICMPV6 = 1, 2, 17, 58
"""Protocol numbers (IANA) of what moves in a network of the harness."""
INTERFACE = "eth0"
"""Where it moves; a host has ``lo`` beside it."""
OwnAddress = IPv4Interface | IPv6Interface

_UNTRACKED_ICMPV6 = frozenset({130, 131, 132, 133, 134, 135, 136, 137, 143})
"""MLD and neighbour discovery pass conntrack without an entry (Linux nf_conntrack_proto_icmpv6.c)."""


class Direction(Enum):
    """Which way a packet goes through a host's stack."""

    IN = "in"
    OUT = "out"


class State(Enum):
    """What connection tracking says of a packet."""

    NEW = "new"
    ESTABLISHED = "established"
    RELATED = "related"
    INVALID = "invalid"
    UNTRACKED = "untracked"


class Kind(Enum):
    """What an address is to a host, in the words of nft's ``fib`` and of iptables' ``addrtype``."""

    UNICAST = "unicast"
    LOCAL = "local"
    BROADCAST = "broadcast"
    MULTICAST = "multicast"
    UNSPEC = "unspec"


class LinkType(Enum):
    """To whom a frame was addressed; what a host sends itself has the first type."""

    HOST = "host"
    BROADCAST = "broadcast"
    MULTICAST = "multicast"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One packet that a host receives or sends through its stack.

    Frames that packet sockets send (routers, emulated hosts, forged packets) never meet a firewall, and what
    a packet socket hears it hears before. ``protocol`` is that of the last header, ``message_type`` the
    first octet of IGMP, ICMP and ICMPv6. ``size`` is that of the IP packet with its header, ``hops`` its TTL
    or hop limit. ``hop_by_hop``: an IPv6 hop-by-hop header stands before the payload, as MLD demands.
    ``fragments`` are the sizes of the IP packets that a datagram arrives in, if more than one.
    """

    protocol: int
    source: Address
    destination: Address
    source_port: int | None = None
    destination_port: int | None = None
    message_type: int | None = None
    message_code: int = 0
    hops: int = 1
    size: int = 0
    interface: str = INTERFACE
    hop_by_hop: bool = False
    fragments: tuple[int, ...] = ()
    state: State | None = None
    """None: what conntrack says of a packet that answers none. The reply to a group would come from the
    group, so datagrams to groups stay new however many were seen."""

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.destination.version

    @property
    def tracked_state(self) -> State:
        """The state once conntrack has seen it."""
        if self.state is not None:
            return self.state
        if self.protocol == ICMPV6 and self.message_type in _UNTRACKED_ICMPV6:
            return State.UNTRACKED
        return State.NEW


def kind_of(address: Address, own: Sequence[OwnAddress]) -> Kind:
    """What an address is to a host with these addresses on its interface."""
    if address.is_multicast:
        return Kind.MULTICAST
    if isinstance(address, IPv4Address):
        if int(address) >> 24 == 0 or int(address) == 0xFFFFFFFF:
            return Kind.BROADCAST
        if any(address == one.network.broadcast_address and one.network.prefixlen < 31 for one in own):
            return Kind.BROADCAST
    elif address.is_unspecified:
        return Kind.UNSPEC
    return Kind.LOCAL if address.is_loopback or any(address == one.ip for one in own) else Kind.UNICAST


def link_type(packet: Packet, direction: Direction, own: Sequence[OwnAddress]) -> LinkType:
    """The type of its frame as rules see it; on the way out it is not decided yet."""
    if direction is Direction.IN:
        kind = kind_of(packet.destination, own)
        if kind is Kind.MULTICAST:
            return LinkType.MULTICAST
        if kind is Kind.BROADCAST:
            return LinkType.BROADCAST
    return LinkType.HOST
