"""IPv6 packets: just enough header for MLD, PIM and for probes seen in a capture.

Of the extension headers the hop-by-hop options are read, and of those only Router Alert with the value of MLD
has a meaning (RFC 2711); destination options and routing headers are stepped over. A fragment keeps its
fragment header: it is a packet of protocol 44, since MLD and PIM are never sent in pieces. Follows RFC 8200.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv6Address

from harness.wire.malformed import Malformed

HEADER = struct.Struct("!IHBB16s16s")
PROTOCOL_ICMPV6 = 58
PROTOCOL_FRAGMENT = 44
LONGEST_PAYLOAD = 65535

_HOP_BY_HOP, _ROUTING, _DESTINATION_OPTIONS = 0, 43, 60
_PAD_1, _PAD_N, _ROUTER_ALERT = 0, 1, 5
_ALERT_MLD = bytes([_ROUTER_ALERT, 2, 0, 0])
_PAD_2 = bytes([_PAD_N, 0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ipv6Packet:
    """A packet taken apart. ``protocol`` is the IANA number of what the payload is, behind all options."""

    source: IPv6Address
    destination: IPv6Address
    protocol: int
    hop_limit: int
    traffic_class: int = 0
    router_alert: bool = False
    payload: bytes


def encode(packet: Ipv6Packet) -> bytes:
    """The bytes of a packet. Raises ValueError when its payload would be longer than 65535 bytes."""
    options = bytes([packet.protocol, 0]) + _ALERT_MLD + _PAD_2 if packet.router_alert else b""
    length = len(options) + len(packet.payload)
    if length > LONGEST_PAYLOAD:
        msg = f"an IPv6 packet has at most {LONGEST_PAYLOAD} bytes of payload, not {length}"
        raise ValueError(msg)
    header = HEADER.pack(
        6 << 28 | packet.traffic_class << 20,
        length,
        _HOP_BY_HOP if packet.router_alert else packet.protocol,
        packet.hop_limit,
        packet.source.packed,
        packet.destination.packed,
    )
    return header + options + packet.payload


def decode(data: bytes) -> Ipv6Packet:
    """Take a packet apart; bytes behind its length are padding. Raises Malformed for a damaged one."""
    if len(data) < HEADER.size:
        msg = f"an IPv6 header has {HEADER.size} bytes, here are {len(data)}"
        raise Malformed(msg)
    first, length, kind, hop_limit, source, destination = HEADER.unpack_from(data)
    if first >> 28 != 6 or HEADER.size + length > len(data):
        raise Malformed("the version or the length in the IPv6 header does not fit the frame")
    rest = data[HEADER.size : HEADER.size + length]
    alert = False
    if kind == _HOP_BY_HOP:
        kind, options, rest = _extension(rest)
        alert = _has_router_alert(options)
    while kind in (_ROUTING, _DESTINATION_OPTIONS):
        kind, _, rest = _extension(rest)
    return Ipv6Packet(
        source=IPv6Address(source),
        destination=IPv6Address(destination),
        protocol=kind,
        hop_limit=hop_limit,
        traffic_class=first >> 20 & 0xFF,
        router_alert=alert,
        payload=bytes(rest),
    )


def _extension(data: bytes) -> tuple[int, bytes, bytes]:
    """What follows an extension header, what is in it, and the rest (RFC 8200 section 4.3)."""
    if len(data) < 8 or len(data) < (length := 8 * (data[1] + 1)):
        raise Malformed("an extension header of IPv6 points past the end of the packet")
    return data[0], data[2:length], data[length:]


def _has_router_alert(options: bytes) -> bool:
    """RFC 8200 section 4.2: each option has a length, but for the padding of one octet."""
    at, found = 0, False
    while at < len(options):
        if options[at] == _PAD_1:
            at += 1
            continue
        if at + 1 >= len(options) or at + 2 + options[at + 1] > len(options):
            raise Malformed("a hop-by-hop option of IPv6 points past the end of its header")
        found = found or options[at : at + len(_ALERT_MLD)] == _ALERT_MLD
        at += 2 + options[at + 1]
    return found
