"""IGMP or MLD: the one thing that tells a protocol machine which of the two it speaks.

The machines know memberships, queries and reports; what differs between the families (addresses, codecs,
version numbers, which groups are never pruned) is asked here. Both are spoken independently of each other:
a switch that does both runs two machines.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from harness.wire import ethernet, igmp, mld
from harness.wire.malformed import Malformed
from harness.wire.membership import Address, ControlFrame, Message, Query

_MULTICAST_V4 = 0xE  # 224.0.0.0/4
_LINK_LOCAL_V4 = 0xE00000  # 224.0.0.0/24
_SOURCE_SPECIFIC_V4 = 0xE8  # 232.0.0.0/8
_MULTICAST_V6 = 0xFF  # ff00::/8
_NEVER_PRUNED_V6 = (0xFF00, 0xFF01, 0xFF02)
_SOURCE_SPECIFIC_V6 = 0xFF3  # ff3x::/32
_OF_EVERY_NODE = (IPv4Address("224.0.0.1"), mld.ALL_NODES)
_SCOPE_OF_A_LINK = 2
_FRAMES_REMEMBERED = 1 << 17
"""One frame is read by every switch and host that it comes to, and hosts answer with the same frame again."""


class Dialect(Enum):
    """The protocol of a machine."""

    IGMP = "igmp"
    MLD = "mld"

    __hash__ = object.__hash__
    """Enums work out the hash of their name each time; as keys of dictionaries these are looked up a lot."""

    @classmethod
    def of(cls, address: Address) -> Dialect:
        """The protocol that this address, or group, is one of."""
        return cls.IGMP if address.version == 4 else cls.MLD

    @classmethod
    def of_frame(cls, frame: bytes) -> Dialect | None:
        """The protocol that a frame can hold by its network layer; None for other layers."""
        return _BY_ETHERTYPE.get(frame[12:14])

    @property
    def unspecified(self) -> Address:
        """The address of a device that has none: 0.0.0.0 or ::."""
        return IPv4Address(0) if self is Dialect.IGMP else IPv6Address(0)

    @property
    def records_version(self) -> int:
        """The version whose reports hold records with sources (RFC 9776, RFC 9777)."""
        return 3 if self is Dialect.IGMP else 2

    @property
    def leaves_version(self) -> int:
        """The lowest version with group queries and leaves (RFC 2236, RFC 2710)."""
        return 2 if self is Dialect.IGMP else 1

    def speaks(self, address: Address) -> bool:
        """Whether the address is one of this protocol's network layer."""
        return self is Dialect.of(address)

    def can_query_from(self, address: Address) -> bool:
        """Whether hosts heed a query from this address.

        MLD takes queries from link-local addresses only (RFC 9777 section 5.1.14). IGMP takes any, also
        0.0.0.0, which some hosts ignore.
        """
        return self is Dialect.IGMP or address.is_link_local

    def discards(self, frame: ControlFrame) -> bool:
        """Whether no host may heed this frame.

        Of MLD all must come from a link-local address (RFC 2710 section 5, RFC 9777 section 5.1.14), and
        queries with hop limit 1 and a Router Alert (RFC 9777 section 6.2). IGMP demands nothing of hosts.
        """
        if self is Dialect.IGMP:
            return False
        intact = frame.router_alert and frame.hops == 1
        return not frame.source.is_link_local or (isinstance(frame.message, Query) and not intact)

    def parse(self, frame: bytes) -> ControlFrame | None:
        """Read a frame; None when it carries something else. Raises Malformed for a damaged one."""
        return _read_igmp(frame) if self is Dialect.IGMP else _read_mld(frame)

    def frame(
        self,
        message: Message,
        *,
        source_mac: bytes,
        source: Address,
        destination: Address | None = None,
        destination_mac: bytes | None = None,
        hops: int = 1,
        router_alert: bool = True,
    ) -> bytes:
        """A whole frame, to the destination of the RFCs unless another is given.

        ValueError for an address of the other family.
        """
        match self, source, destination:
            case Dialect.IGMP, IPv4Address(), IPv4Address() | None:
                return igmp.igmp_frame(
                    message,
                    source_mac=source_mac,
                    source=source,
                    destination=destination,
                    destination_mac=destination_mac,
                    hops=hops,
                    router_alert=router_alert,
                )
            case Dialect.MLD, IPv6Address(), IPv6Address() | None:
                return mld.mld_frame(
                    message,
                    source_mac=source_mac,
                    source=source,
                    destination=destination,
                    destination_mac=destination_mac,
                    hops=hops,
                    router_alert=router_alert,
                )
            case _:
                msg = f"{self.name} is not spoken from {source} to {destination or 'a group of its own'}"
                raise ValueError(msg)

    def representable_response_s(self, seconds: float, version: int) -> float:
        """The max response time that hosts read when a query of this version is sent with ``seconds``."""
        if self is Dialect.IGMP:
            return igmp.representable_response_s(seconds, version)
        return mld.representable_response_s(seconds, version)


_BY_ETHERTYPE = {
    ethernet.ETHERTYPE_IPV4.to_bytes(2, "big"): Dialect.IGMP,
    ethernet.ETHERTYPE_IPV6.to_bytes(2, "big"): Dialect.MLD,
}


def read(frame: bytes) -> tuple[Dialect, ControlFrame] | None:
    """Read a frame of either protocol; None for a damaged one and for whatever else it carries."""
    dialect = Dialect.of_frame(frame)
    if dialect is None:
        return None
    try:
        found = dialect.parse(frame)
    except Malformed:
        return None
    return None if found is None else (dialect, found)


def is_of_a_member(frame: bytes) -> bool:
    """Whether a frame is a report or a leave; damaged ones are neither."""
    found = read(frame)
    return found is not None and not isinstance(found[1].message, Query)


def never_reported(group: Address) -> bool:
    """Whether no host says that it is a member: of a group that every node is in, or that is on no link.

    224.0.0.1 (RFC 2236 section 6); ff02::1, and the scopes 0 and 1 (RFC 2710 section 5, RFC 9777 section 6).
    """
    return group in _OF_EVERY_NODE or (group.version == 6 and int(group) >> 112 & 0xF < _SCOPE_OF_A_LINK)


def never_pruned(group: Address) -> bool:
    """Whether a switch floods the group whatever its tables say.

    224.0.0.0/24 (RFC 4541 section 2.1.2 (2)); of IPv6 the groups of one interface and of one link, ff01::/16
    and ff02::/16 (RFC 4541 section 3), and the reserved ff00::/16, which is never on a link. The Linux bridge
    prunes ff02::/16 all the same, but for ff02::1.
    """
    if group.version == 4:
        return int(group) >> 8 == _LINK_LOCAL_V4
    return int(group) >> 112 in _NEVER_PRUNED_V6


def can_have_members(group: Address) -> bool:
    """Whether a switch keeps entries for this address: a group that it may prune."""
    number = int(group)
    if group.version == 4:
        return number >> 28 == _MULTICAST_V4 and number >> 8 != _LINK_LOCAL_V4
    return number >> 120 == _MULTICAST_V6 and number >> 112 not in _NEVER_PRUNED_V6


def source_specific(group: Address) -> bool:
    """Whether the group is of the range for source-specific multicast (RFC 4607 section 1).

    232.0.0.0/8, and ff3x::/32 whatever the scope x is.
    """
    number = int(group)
    if group.version == 4:
        return number >> 24 == _SOURCE_SPECIFIC_V4
    return number >> 116 == _SOURCE_SPECIFIC_V6 and number >> 96 & 0xFFFF == 0


@lru_cache(maxsize=_FRAMES_REMEMBERED)
def _read_igmp(frame: bytes) -> ControlFrame | None:
    return igmp.parse_igmp_frame(frame)


@lru_cache(maxsize=_FRAMES_REMEMBERED)
def _read_mld(frame: bytes) -> ControlFrame | None:
    return mld.parse_mld_frame(frame)
