"""The Internet checksum (RFC 1071), which IPv4, IGMP, ICMPv6 and PIM share, and the pseudo header of IPv6."""

from __future__ import annotations

import struct
from ipaddress import IPv6Address


def checksum(data: bytes) -> int:
    """The checksum of the data. Over data that already holds a right one it is 0."""
    if len(data) % 2:
        data = data + b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def with_checksum(data: bytes, *, before: bytes = b"") -> bytes:
    """A message whose third and fourth byte are its checksum; ``before`` is a pseudo header."""
    zeroed = data[:2] + b"\0\0" + data[4:]
    return data[:2] + struct.pack("!H", checksum(before + zeroed)) + data[4:]


def pseudo_header(source: IPv6Address, destination: IPv6Address, length: int, protocol: int) -> bytes:
    """What ICMPv6 and PIM put before themselves when they sum over IPv6 (RFC 8200 section 8.1)."""
    return source.packed + destination.packed + struct.pack("!II", length, protocol)
