"""Ethernet II headers and the mapping of groups to multicast MAC addresses.

Frames are whole frames without the checksum at the end, as AF_PACKET sockets and captures carry them. A VLAN
tag is not read: the kernel takes it off before a socket sees the frame. Follows RFC 894, RFC 1112 section 6.4
and RFC 2464.
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
MAC_LENGTH = 6

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
