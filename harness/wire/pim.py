"""PIM hello messages: how a switch hears that a multicast router is on a port.

Nothing else of PIM is spoken here, and no other option of the hello is kept. Both families are: hellos go to
224.0.0.13 and ff02::d. Follows RFC 7761 sections 4.3 and 4.9.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from harness.wire import ethernet, ipv4, ipv6
from harness.wire.checksum import checksum, pseudo_header, with_checksum
from harness.wire.malformed import Malformed
from harness.wire.membership import Address

ALL_PIM_ROUTERS_V4 = IPv4Address("224.0.0.13")
ALL_PIM_ROUTERS_V6 = IPv6Address("ff02::d")
PROTOCOL_PIM = 103
DEFAULT_HOLD_TIME_S = 105.0
"""RFC 7761 section 4.11: Default_Hello_Holdtime."""

_HEADER = struct.Struct("!BBH")
_OPTION = struct.Struct("!HH")
_VERSION, _TYPE_HELLO, _OPTION_HOLD_TIME = 2, 0, 1
_FOR_EVER = 0xFFFF
_TTL, _TOS_INTERNETWORK_CONTROL = 1, 0xC0
_TYPE_IPV4 = ethernet.ETHERTYPE_IPV4.to_bytes(2, "big")
_PROTOCOL_AT_V4, _PROTOCOL_AT_V6 = 23, 20
"""Where a whole frame names the protocol that its packet carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """A router says that it is there; ``hold_time_s`` is how long that holds.

    Infinity is for ever, and 0 is goodbye. A hello that says nothing holds for the default of 105 s.
    """

    source: Address
    hold_time_s: float = DEFAULT_HOLD_TIME_S


def hello_frame(hello: Hello, *, source_mac: bytes) -> bytes:
    """A whole frame to all PIM routers with TTL 1. ValueError for a hold time of no or too many seconds.

    The wire counts whole seconds; what is between them is rounded up.
    """
    hold_time = _FOR_EVER if hello.hold_time_s == math.inf else math.ceil(hello.hold_time_s)
    if not 0 <= hold_time < _FOR_EVER and hello.hold_time_s != math.inf:
        msg = f"a hello holds for 0 to {_FOR_EVER - 1} s or for ever, not for {hello.hold_time_s} s"
        raise ValueError(msg)
    head = _HEADER.pack(_VERSION << 4 | _TYPE_HELLO, 0, 0)
    data = head + _OPTION.pack(_OPTION_HOLD_TIME, 2) + struct.pack("!H", hold_time)
    destination: Address
    match hello.source:
        case IPv4Address():
            destination, ethertype = ALL_PIM_ROUTERS_V4, ethernet.ETHERTYPE_IPV4
            packet = _ipv4_packet(hello.source, with_checksum(data))
        case IPv6Address():
            destination, ethertype = ALL_PIM_ROUTERS_V6, ethernet.ETHERTYPE_IPV6
            before = pseudo_header(hello.source, destination, len(data), PROTOCOL_PIM)
            packet = _ipv6_packet(hello.source, with_checksum(data, before=before))
    return ethernet.encode(
        ethernet.EthernetFrame(
            destination=ethernet.multicast_mac(destination),
            source=source_mac,
            ethertype=ethertype,
            payload=packet,
        )
    )


def carries_pim(frame: bytes) -> bool:
    """Whether a whole frame of IPv4 or IPv6 carries PIM, by the protocol that its packet names."""
    at = _PROTOCOL_AT_V4 if frame[12:14] == _TYPE_IPV4 else _PROTOCOL_AT_V6
    return frame[at] == PROTOCOL_PIM


def parse_hello(frame: bytes) -> Hello | None:
    """Read a frame; None when it carries something else than a hello. Raises Malformed for a damaged one."""
    outer = ethernet.decode(frame)
    if outer.ethertype == ethernet.ETHERTYPE_IPV4 and ipv4.carries(outer.payload, PROTOCOL_PIM):
        four = ipv4.decode(outer.payload)
        return _decode(four.payload, four.source, before=b"")
    if outer.ethertype == ethernet.ETHERTYPE_IPV6:
        six = ipv6.decode(outer.payload)
        if six.protocol == PROTOCOL_PIM:
            before = pseudo_header(six.source, six.destination, len(six.payload), PROTOCOL_PIM)
            return _decode(six.payload, six.source, before=before)
    return None


def _decode(data: bytes, source: Address, *, before: bytes) -> Hello | None:
    if len(data) < _HEADER.size:
        msg = f"a PIM message has at least {_HEADER.size} bytes, here are {len(data)}"
        raise Malformed(msg)
    if data[0] != _VERSION << 4 | _TYPE_HELLO:
        return None
    if checksum(before + data):
        raise Malformed("the PIM checksum is wrong")
    return Hello(source=source, hold_time_s=_hold_time_s(data))


def _hold_time_s(data: bytes) -> float:
    """The last option of that type counts; unknown ones are stepped over (RFC 7761 section 4.9.2)."""
    at, found = _HEADER.size, DEFAULT_HOLD_TIME_S
    while at < len(data):
        if at + _OPTION.size > len(data):
            raise Malformed("an option of a PIM hello points past the end of the message")
        kind, length = _OPTION.unpack_from(data, at)
        value = data[at + _OPTION.size : at + _OPTION.size + length]
        if len(value) < length:
            raise Malformed("an option of a PIM hello points past the end of the message")
        if kind == _OPTION_HOLD_TIME:
            if length != 2:
                raise Malformed("the hold time of a PIM hello has 2 bytes")
            seconds = int.from_bytes(value, "big")
            found = math.inf if seconds == _FOR_EVER else float(seconds)
        at += _OPTION.size + length
    return found


def _ipv4_packet(source: IPv4Address, payload: bytes) -> bytes:
    return ipv4.encode(
        ipv4.Ipv4Packet(
            source=source,
            destination=ALL_PIM_ROUTERS_V4,
            protocol=PROTOCOL_PIM,
            ttl=_TTL,
            tos=_TOS_INTERNETWORK_CONTROL,
            payload=payload,
        )
    )


def _ipv6_packet(source: IPv6Address, payload: bytes) -> bytes:
    return ipv6.encode(
        ipv6.Ipv6Packet(
            source=source,
            destination=ALL_PIM_ROUTERS_V6,
            protocol=PROTOCOL_PIM,
            hop_limit=_TTL,
            traffic_class=_TOS_INTERNETWORK_CONTROL,
            payload=payload,
        )
    )
