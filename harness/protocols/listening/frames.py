"""What one frame is to a listener: a message of IGMP or MLD, a PIM hello, data for a group, or damaged.

Pure. The codecs are asked without the caches that machines of a lab share: what a stranger sends must not
fill memory. Headers of data are read here, because a listener is given no more of it than those.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address

from harness.protocols.dialect import Dialect
from harness.wire import ethernet, igmp, ipv4, ipv6, mld, pim
from harness.wire.malformed import Malformed, UnknownType
from harness.wire.membership import Address, ControlFrame

Vlans = tuple[int, ...]
"""The VLANs of a frame's tags from the outermost in; empty without a tag."""

PROTOCOL_UDP = 17
_FRAGMENT_OFFSET = 0x1FFF
_PORTS = struct.Struct("!HH")
_OF_OPTIONS_OR_ICMP = (0, ipv6.PROTOCOL_ICMPV6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Datagram:
    """Data for a group. ``port`` is UDP's at the destination; None where the packet has none, or not here."""

    source: Address
    group: Address
    protocol: int
    port: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """A message that cannot be read; ``why`` is a phrase."""

    why: str


Content = ControlFrame | pim.Hello | Datagram | Damaged


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A frame that says something of multicast. ``dialect`` stands for the network layer: IGMP is IPv4."""

    vlans: Vlans
    source_mac: bytes
    destination_mac: bytes
    dialect: Dialect
    content: Content


def read(frame: bytes) -> Frame | None:
    """Read a frame; None for whatever is not about multicast. Data may be cut behind its headers."""
    vlans, plain = ethernet.untagged(frame)
    dialect = Dialect.of_frame(plain)
    if dialect is None:
        return None
    packet = plain[ethernet.HEADER.size :]
    try:
        content = _of_ipv4(plain, packet) if dialect is Dialect.IGMP else _of_ipv6(plain, packet)
    except UnknownType:
        return None
    except Malformed as error:
        content = Damaged(why=str(error))
    if content is None:
        return None
    mac = ethernet.MAC_LENGTH
    return Frame(
        vlans=vlans,
        destination_mac=plain[:mac],
        source_mac=plain[mac : 2 * mac],
        dialect=dialect,
        content=content,
    )


def _of_ipv4(frame: bytes, packet: bytes) -> Content | None:
    if len(packet) < ipv4.HEADER.size:
        return None
    first, _, _, _, fragment, _, protocol, _, source, destination = ipv4.HEADER.unpack_from(packet)
    if protocol == ipv4.PROTOCOL_IGMP:
        return igmp.parse_igmp_frame(frame)
    if protocol == pim.PROTOCOL_PIM:
        return pim.parse_hello(frame)
    group = ipv4.address_of(destination)
    if first >> 4 != 4 or not group.is_multicast:
        return None
    begins = not fragment & _FRAGMENT_OFFSET
    return Datagram(
        source=ipv4.address_of(source),
        group=group,
        protocol=protocol,
        port=_port(packet, 4 * (first & 0x0F)) if begins and protocol == PROTOCOL_UDP else None,
    )


def _of_ipv6(frame: bytes, packet: bytes) -> Content | None:
    if len(packet) < ipv6.HEADER.size:
        return None
    first, _, protocol, _, source, destination = ipv6.HEADER.unpack_from(packet)
    group = _address_of(destination)
    if first >> 28 != 6:
        return None
    if protocol in _OF_OPTIONS_OR_ICMP:
        return mld.parse_mld_frame(frame) if group.is_multicast else None
    if protocol == pim.PROTOCOL_PIM:
        return pim.parse_hello(frame)
    if not group.is_multicast:
        return None
    port = _port(packet, ipv6.HEADER.size) if protocol == PROTOCOL_UDP else None
    return Datagram(source=_address_of(source), group=group, protocol=protocol, port=port)


@lru_cache(maxsize=4096)
def _address_of(packed: bytes) -> IPv6Address:
    return IPv6Address(packed)


def _port(packet: bytes, at: int) -> int | None:
    return int(_PORTS.unpack_from(packet, at)[1]) if len(packet) >= at + _PORTS.size else None
