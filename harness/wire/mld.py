"""MLD messages of both versions, and the Ethernet frames that carry them.

Pure codec, the counterpart of ``harness.wire.igmp`` with functions of the same names. Times are in seconds
and take the resolution of the wire: milliseconds for the max response delay, in version 2 with a floating
form from 32768 ms up, and whole seconds for the query interval. Values in between are rounded up.

Follows RFC 2710 section 3 and RFC 9777 section 5 (wire-compatible with RFC 3810), over ICMPv6 (RFC 4443) with
hop limit 1 and a Router Alert among the hop-by-hop options (RFC 2711).
"""

from __future__ import annotations

import struct
from ipaddress import IPv6Address
from typing import assert_never

from harness.wire import ethernet, ipv6
from harness.wire.checksum import checksum, pseudo_header, with_checksum
from harness.wire.malformed import Malformed, UnknownType
from harness.wire.membership import (
    Address,
    ControlFrame,
    Leave,
    Message,
    Query,
    RecordReport,
    Report,
    addresses,
)
from harness.wire.records import (
    count_field,
    decode_addresses,
    decode_records,
    encode_addresses,
    encode_records,
)
from harness.wire.timecode import LONG, SHORT, whole_units

ALL_NODES = IPv6Address("ff02::1")
ALL_ROUTERS = IPv6Address("ff02::2")
ALL_V2_ROUTERS = IPv6Address("ff02::16")

_NO_GROUP = IPv6Address(0)
_TYPE_QUERY, _TYPE_REPORT_V1, _TYPE_DONE, _TYPE_REPORT_V2 = 130, 131, 132, 143
TYPES = (_TYPE_QUERY, _TYPE_REPORT_V1, _TYPE_DONE, _TYPE_REPORT_V2)
"""Of ICMPv6, those that are MLD."""
_TYPE_OCTETS = tuple(bytes([kind]) for kind in TYPES)
_BASE = struct.Struct("!BBHHH16s")
_QUERY_V2_TAIL = struct.Struct("!BBH")
_REPORT_V2 = struct.Struct("!BBHHH")
_LONGEST_DELAY_V1 = 65535
_HOP_LIMIT = 1


def representable_response_s(seconds: float, version: int) -> float:
    """The max response delay that hosts will read when a query of this version is sent with ``seconds``."""
    code = _response_code(seconds, version)
    return (LONG.decode(code) if version == 2 else code) / 1000


def encode(message: Message, *, source: IPv6Address, destination: IPv6Address) -> bytes:
    """The ICMPv6 message; its checksum covers the addresses of the packet that will carry it.

    Raises ValueError for what the version cannot say, for times and counts that the wire has no room for, and
    for addresses of IPv4.
    """
    for address in addresses(message):
        _ipv6(address)
    match message:
        case Query():
            data = _encode_query(message)
        case Report(version=1):
            data = _BASE.pack(_TYPE_REPORT_V1, 0, 0, 0, 0, message.group.packed)
        case Report():
            msg = f"MLD has reports of one group in version 1 only, not {message.version}"
            raise ValueError(msg)
        case RecordReport():
            head = _REPORT_V2.pack(_TYPE_REPORT_V2, 0, 0, 0, count_field(message.records))
            data = head + encode_records(message.records)
        case Leave():
            data = _BASE.pack(_TYPE_DONE, 0, 0, 0, 0, message.group.packed)
        case _:
            assert_never(message)
    return with_checksum(data, before=_pseudo_header(source, destination, data))


def decode(data: bytes, *, source: IPv6Address, destination: IPv6Address) -> Message:
    """Read an ICMPv6 message that came in a packet with these addresses.

    Bytes behind the message are part of the checksum and otherwise ignored (RFC 9777 sections 5.1.12 and
    5.2.11), as are records of unknown type (5.2.12). Raises Malformed, or UnknownType for an intact message
    of another kind.
    """
    if len(data) < _REPORT_V2.size:
        msg = f"an MLD message has at least {_REPORT_V2.size} bytes, here are {len(data)}"
        raise Malformed(msg)
    if checksum(_pseudo_header(source, destination, data) + data):
        raise Malformed("the ICMPv6 checksum is wrong")
    kind = data[0]
    if kind not in TYPES:
        msg = f"ICMPv6 type {kind} is no MLD"
        raise UnknownType(msg)
    if kind == _TYPE_REPORT_V2:
        count = _REPORT_V2.unpack_from(data)[4]
        return RecordReport(records=decode_records(data, _REPORT_V2.size, count, IPv6Address))
    if len(data) < _BASE.size:
        msg = f"an MLD message of type {kind} has at least {_BASE.size} bytes, here are {len(data)}"
        raise Malformed(msg)
    _, _, _, code, _, packed = _BASE.unpack_from(data)
    group = IPv6Address(packed)
    if kind == _TYPE_QUERY:
        return _decode_query(data, code, group)
    return Report(version=1, group=group) if kind == _TYPE_REPORT_V1 else Leave(group=group)


def mld_frame(
    message: Message,
    *,
    source_mac: bytes,
    source: IPv6Address,
    destination: IPv6Address | None = None,
    destination_mac: bytes | None = None,
    hops: int = _HOP_LIMIT,
    router_alert: bool = True,
) -> bytes:
    """A whole frame: hop limit 1, Router Alert (RFC 9777 section 5), unless it is to be a wrong one.

    ``destination`` is that of the RFCs unless given: reports of version 1 and group queries go to the group,
    general queries to ff02::1, done messages to ff02::2, version 2 reports to ff02::16. Raises ValueError
    when that is no multicast address and ``destination_mac`` is not given, and as ``encode``.
    """
    target = _destination(message) if destination is None else destination
    packet = ipv6.Ipv6Packet(
        source=source,
        destination=target,
        protocol=ipv6.PROTOCOL_ICMPV6,
        hop_limit=hops,
        router_alert=router_alert,
        payload=encode(message, source=source, destination=target),
    )
    return ethernet.encode(
        ethernet.EthernetFrame(
            destination=ethernet.multicast_mac(target) if destination_mac is None else destination_mac,
            source=source_mac,
            ethertype=ethernet.ETHERTYPE_IPV6,
            payload=ipv6.encode(packet),
        )
    )


def parse_mld_frame(frame: bytes) -> ControlFrame | None:
    """Read a frame; None when it carries something else than MLD. Raises Malformed for a damaged one.

    Other ICMPv6, such as the discovery of neighbours, is something else.
    """
    outer = ethernet.decode(frame)
    if outer.ethertype != ethernet.ETHERTYPE_IPV6:
        return None
    packet = ipv6.decode(outer.payload)
    if packet.protocol != ipv6.PROTOCOL_ICMPV6 or packet.payload[:1] not in _TYPE_OCTETS:
        return None
    return ControlFrame(
        source_mac=outer.source,
        source=packet.source,
        destination=packet.destination,
        hops=packet.hop_limit,
        traffic_class=packet.traffic_class,
        router_alert=packet.router_alert,
        message=decode(packet.payload, source=packet.source, destination=packet.destination),
    )


def _pseudo_header(source: IPv6Address, destination: IPv6Address, data: bytes) -> bytes:
    return pseudo_header(source, destination, len(data), ipv6.PROTOCOL_ICMPV6)


def _ipv6(address: Address) -> IPv6Address:
    if isinstance(address, IPv6Address):
        return address
    msg = f"MLD speaks of IPv6, and {address} is none of its addresses"
    raise ValueError(msg)


def _destination(message: Message) -> IPv6Address:
    match message:
        case Query():
            return ALL_NODES if message.group is None else _ipv6(message.group)
        case Report():
            return _ipv6(message.group)
        case RecordReport():
            return ALL_V2_ROUTERS
        case Leave():
            return ALL_ROUTERS
        case _:
            assert_never(message)


def _encode_query(query: Query) -> bytes:
    code = _response_code(query.max_response_s, query.version)
    head = _BASE.pack(_TYPE_QUERY, 0, 0, code, 0, (query.group or _NO_GROUP).packed)
    if query.version == 1:
        if query.sources or query.robustness or query.query_interval_s or query.suppress:
            raise ValueError("sources, robustness, query interval and the S flag need version 2 of MLD")
        return head
    robustness = query.robustness if query.robustness <= 7 else 0  # RFC 9777 section 5.1.8
    flags = (0x08 if query.suppress else 0) | robustness
    interval = SHORT.encode(whole_units(query.query_interval_s, 1))
    return (
        head
        + _QUERY_V2_TAIL.pack(flags, interval, count_field(query.sources))
        + encode_addresses(query.sources)
    )


def _decode_query(data: bytes, code: int, group: IPv6Address) -> Query:
    """The length tells the versions apart (RFC 9777 section 8.1)."""
    named = None if group == _NO_GROUP else group
    if len(data) == _BASE.size:
        return Query(version=1, group=named, max_response_s=code / 1000)
    if len(data) < _BASE.size + _QUERY_V2_TAIL.size:
        msg = f"no version of the query has {len(data)} bytes"
        raise Malformed(msg)
    flags, interval, count = _QUERY_V2_TAIL.unpack_from(data, _BASE.size)
    return Query(
        version=2,
        group=named,
        max_response_s=LONG.decode(code) / 1000,
        sources=decode_addresses(data, _BASE.size + _QUERY_V2_TAIL.size, count, IPv6Address),
        robustness=flags & 0x07,
        query_interval_s=float(SHORT.decode(interval)),
        suppress=bool(flags & 0x08),
    )


def _response_code(seconds: float, version: int) -> int:
    """Milliseconds, rounded up; above 0 stays above 0."""
    if version not in (1, 2):
        msg = f"there is no query of MLD version {version}"
        raise ValueError(msg)
    milliseconds = whole_units(seconds, 1000)
    if seconds > 0:
        milliseconds = max(milliseconds, 1)
    if version == 2:
        return LONG.encode(milliseconds)
    if not 0 <= milliseconds <= _LONGEST_DELAY_V1:
        longest_s = _LONGEST_DELAY_V1 / 1000
        msg = f"a version 1 query says at most {longest_s} s of max response delay, not {seconds} s"
        raise ValueError(msg)
    return milliseconds
