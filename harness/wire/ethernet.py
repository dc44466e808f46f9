"""Ethernet II headers and the mapping of groups to multicast MAC addresses.

Frames are whole frames without the checksum at the end, as AF_PACKET sockets and captures carry them. VLAN
tags are taken off by ``untagged``; ``decode`` reads none. Follows RFC 894, RFC 1112 section 6.4, RFC 2464 and
IEEE 802.1Q clause 9.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from harness.wire.malformed import Malformed
from harness.wire.membership import Address

HEADER = struct.Struct("!6s6sH")
ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_IPV6 = 0x86DD
ETHERTYPES_OF_TAGS = (0x8100, 0x88A8)
"""Of a customer's and of a provider's VLAN tag."""
MAC_LENGTH = 6

_TAG = struct.Struct("!HH")
_TAG_AT = 2 * MAC_LENGTH
_VLAN_BITS = 0x0FFF
_GROUP_PREFIX_V4 = 0x01005E000000
_GROUP_PREFIX_V6 = 0x333300000000


@dataclass(frozen=True, slots=True, kw_only=True)
class EthernetFrame:
    """A frame taken apart. ``payload`` may carry the padding of a short frame behind the packet."""

    destination: bytes
    source: bytes
    ethertype: int
    payload: bytes


def multicast_mac(group: Address) -> bytes:
    """The MAC address of a group, which it shares with others.

    Of IPv4, 01:00:5e and the low 23 bits, so 32 groups share each (RFC 1112 section 6.4); of IPv6, 33:33 and
    the low 32 bits (RFC 2464 section 7). Raises ValueError for an address that is no group.
    """
    if not group.is_multicast:
        msg = f"{group} is not a multicast group"
        raise ValueError(msg)
    if isinstance(group, IPv4Address):
        return (_GROUP_PREFIX_V4 | int(group) & 0x7FFFFF).to_bytes(MAC_LENGTH, "big")
    return (_GROUP_PREFIX_V6 | int(group) & 0xFFFFFFFF).to_bytes(MAC_LENGTH, "big")


def encode(frame: EthernetFrame) -> bytes:
    """The bytes of a frame, unpadded. Raises ValueError for a MAC address that is not 6 bytes long."""
    if len(frame.destination) != MAC_LENGTH or len(frame.source) != MAC_LENGTH:
        raise ValueError("a MAC address has 6 bytes")
    return HEADER.pack(frame.destination, frame.source, frame.ethertype) + frame.payload


def decode(data: bytes) -> EthernetFrame:
    """Take a frame apart. Raises Malformed when the header is not whole."""
    if len(data) < HEADER.size:
        msg = f"an Ethernet header has {HEADER.size} bytes, here are {len(data)}"
        raise Malformed(msg)
    destination, source, ethertype = HEADER.unpack_from(data)
    return EthernetFrame(
        destination=destination, source=source, ethertype=ethertype, payload=bytes(data[HEADER.size :])
    )


def tagged(frame: bytes, control: int, ethertype: int = ETHERTYPES_OF_TAGS[0]) -> bytes:
    """The frame with a VLAN tag before all others; ``control`` is priority and VLAN, 16 bits."""
    return frame[:_TAG_AT] + _TAG.pack(ethertype, control) + frame[_TAG_AT:]


def untagged(frame: bytes) -> tuple[tuple[int, ...], bytes]:
    """The VLANs of a frame, from the outermost in, and the frame without its tags.

    VLAN 0 is none: such a tag gives a priority only (IEEE 802.1Q clause 6.9). A frame that ends inside a tag
    is given back with what is left of it.
    """
    at, vlans = _TAG_AT, []
    while len(frame) >= at + _TAG.size:
        kind, control = _TAG.unpack_from(frame, at)
        if kind not in ETHERTYPES_OF_TAGS:
            break
        if control & _VLAN_BITS:
            vlans.append(control & _VLAN_BITS)
        at += _TAG.size
    return tuple(vlans), frame if at == _TAG_AT else frame[:_TAG_AT] + frame[at:]
