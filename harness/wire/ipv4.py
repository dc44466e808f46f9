"""IPv4 packets: just enough header for IGMP, PIM and for probes seen in a capture.

Of the options only Router Alert (RFC 2113) has a meaning here; the others are stepped over. Packets are never
fragmented on sending, and a fragment is Malformed on receipt: nothing that is read here is long enough to
need it. Follows RFC 791.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address

from harness.wire.checksum import checksum
from harness.wire.malformed import Malformed

HEADER = struct.Struct("!BBHHHBBH4s4s")
PROTOCOL_IGMP = 2
ROUTER_ALERT = b"\x94\x04\x00\x00"
LONGEST = 65535

_PROTOCOL_OFFSET = 9
_DONT_FRAGMENT = 0x4000
_MORE_OR_OFFSET = 0x3FFF
_OPTION_END, _OPTION_NOP, _OPTION_ROUTER_ALERT = 0, 1, 0x94


@dataclass(frozen=True, slots=True, kw_only=True)
class Ipv4Packet:
    """A packet taken apart. ``protocol`` is the IANA number, ``tos`` the whole octet."""

    source: IPv4Address
    destination: IPv4Address
    protocol: int
    ttl: int
    tos: int = 0
    router_alert: bool = False
    payload: bytes


@lru_cache(maxsize=1 << 16)
def address_of(packed: bytes) -> IPv4Address:
    """The address of four octets: the same object for the same address, which are quicker to tell apart."""
    return IPv4Address(packed)


def carries(data: bytes, protocol: int) -> bool:
    """Whether a packet is of this protocol; a stump too short to tell may be of any."""
    return len(data) <= _PROTOCOL_OFFSET or data[_PROTOCOL_OFFSET] == protocol


def encode(packet: Ipv4Packet) -> bytes:
    """The bytes of a packet. Raises ValueError when it would be longer than 65535 bytes."""
    options = ROUTER_ALERT if packet.router_alert else b""
    header_length = HEADER.size + len(options)
    length = header_length + len(packet.payload)
    if length > LONGEST:
        msg = f"an IPv4 packet has at most {LONGEST} bytes, not {length}"
        raise ValueError(msg)
    header = bytearray(
        HEADER.pack(
            0x40 | header_length // 4,
            packet.tos,
            length,
            0,
            _DONT_FRAGMENT,
            packet.ttl,
            packet.protocol,
            0,
            packet.source.packed,
            packet.destination.packed,
        )
        + options
    )
    struct.pack_into("!H", header, 10, checksum(bytes(header)))
    return bytes(header) + packet.payload


def decode(data: bytes) -> Ipv4Packet:
    """Take a packet apart; bytes behind its total length are padding. Raises Malformed for a damaged one."""
    if len(data) < HEADER.size:
        msg = f"an IPv4 header has {HEADER.size} bytes, here are {len(data)}"
        raise Malformed(msg)
    first, tos, length, _, fragment, ttl, protocol, _, source, destination = HEADER.unpack_from(data)
    header_length = (first & 0x0F) * 4
    if first >> 4 != 4 or not HEADER.size <= header_length <= length <= len(data):
        raise Malformed("the lengths in the IPv4 header do not fit the frame")
    if checksum(data[:header_length]):
        raise Malformed("the checksum of the IPv4 header is wrong")
    if fragment & _MORE_OR_OFFSET:
        raise Malformed("a fragment of an IPv4 packet")
    return Ipv4Packet(
        source=address_of(source),
        destination=address_of(destination),
        protocol=protocol,
        ttl=ttl,
        tos=tos,
        router_alert=_has_router_alert(data[HEADER.size : header_length]),
        payload=bytes(data[header_length:length]),
    )


def _has_router_alert(options: bytes) -> bool:
    at = 0
    while at < len(options):
        kind = options[at]
        if kind == _OPTION_ROUTER_ALERT:
            return True
        if kind == _OPTION_END:
            return False
        if kind == _OPTION_NOP:
            at += 1
        elif at + 1 < len(options) and options[at + 1] >= 2:
            at += options[at + 1]
        else:
            raise Malformed("an IPv4 option without a length")
    return False
