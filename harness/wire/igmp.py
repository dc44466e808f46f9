"""IGMP messages of all three versions, and the Ethernet frames that carry them.

Pure codec: no timer, no state, no socket. Times are in seconds and take the resolution of the wire: tenths of
a second for the max response time, whole seconds for the query interval, with the floating form of version 3
from 128 units up. Values in between are rounded up, so that a host never gets less time than was meant.

Follows RFC 1112 appendix I, RFC 2236 section 2 and RFC 9776 section 4 (wire-compatible with RFC 3376).
"""

from __future__ import annotations

import math
import struct
from ipaddress import IPv4Address
from typing import assert_never

from harness.wire import ethernet, ipv4
from harness.wire.malformed import Malformed, UnknownType
from harness.wire.membership import (
    ControlFrame,
    GroupRecord,
    Leave,
    Message,
    Query,
    RecordReport,
    RecordType,
    Report,
)

ALL_HOSTS = IPv4Address("224.0.0.1")
ALL_ROUTERS = IPv4Address("224.0.0.2")
ALL_V3_ROUTERS = IPv4Address("224.0.0.22")

_NO_GROUP = IPv4Address(0)
_TYPE_QUERY, _TYPE_REPORT_V1, _TYPE_REPORT_V2, _TYPE_LEAVE, _TYPE_REPORT_V3 = 0x11, 0x12, 0x16, 0x17, 0x22
_BASE = struct.Struct("!BBH4s")
_QUERY_V3_TAIL = struct.Struct("!BBH")
_REPORT_V3 = struct.Struct("!BBHHH")
_RECORD = struct.Struct("!BBH4s")
_FLOATING_FROM, _LONGEST_CODE_V2, _LONGEST_V3 = 128, 255, 0x1F << 10
_V1_RESPONSE_S = 10.0  # RFC 2236 section 4: a code of 0 is version 1 and means 100 tenths
_TTL, _TOS_INTERNETWORK_CONTROL = 1, 0xC0


def representable_response_s(seconds: float, version: int) -> float:
    """The max response time that hosts will read when a query of this version is sent with ``seconds``."""
    if version == 1:
        return _V1_RESPONSE_S
    code = _response_code(seconds, version)
    return (_decode_units(code) if version == 3 else code) / 10


def encode(message: Message) -> bytes:
    """The IGMP payload with its checksum. Raises ValueError for times and counts the wire has no room for."""
    match message:
        case Query():
            data = _encode_query(message)
        case Report():
            kind = _TYPE_REPORT_V1 if message.version == 1 else _TYPE_REPORT_V2
            data = _BASE.pack(kind, 0, 0, message.group.packed)
        case RecordReport():
            head = _REPORT_V3.pack(_TYPE_REPORT_V3, 0, 0, 0, _count(message.records))
            data = head + b"".join(_encode_record(record) for record in message.records)
        case Leave():
            data = _BASE.pack(_TYPE_LEAVE, 0, 0, message.group.packed)
        case _:
            assert_never(message)
    return data[:2] + struct.pack("!H", ipv4.checksum(data)) + data[4:]


def decode(data: bytes) -> Message:
    """Read an IGMP payload.

    Bytes behind the message are part of the checksum and otherwise ignored (RFC 9776 sections 4.1.10 and
    4.2.11), as are records of unknown type (4.2.13). Raises Malformed, or UnknownType for an intact message
    of another kind.
    """
    if len(data) < _BASE.size:
        msg = f"an IGMP message has at least {_BASE.size} bytes, here are {len(data)}"
        raise Malformed(msg)
    if ipv4.checksum(data):
        raise Malformed("the IGMP checksum is wrong")
    kind, code, _, packed = _BASE.unpack_from(data)
    if kind == _TYPE_QUERY:
        return _decode_query(data, code, IPv4Address(packed))
    if kind == _TYPE_REPORT_V3:
        return _decode_report_v3(data)
    if kind in (_TYPE_REPORT_V1, _TYPE_REPORT_V2):
        return Report(version=1 if kind == _TYPE_REPORT_V1 else 2, group=IPv4Address(packed))
    if kind == _TYPE_LEAVE:
        return Leave(group=IPv4Address(packed))
    msg = f"IGMP type {kind:#04x} is not spoken here"
    raise UnknownType(msg)


def igmp_frame(
    message: Message,
    *,
    source_mac: bytes,
    source: IPv4Address,
    destination: IPv4Address | None = None,
    destination_mac: bytes | None = None,
    hops: int = _TTL,
    router_alert: bool = True,
) -> bytes:
    """A whole frame: TTL 1, ToS 0xC0, Router Alert (RFC 9776 section 4), unless it is to be a wrong one.

    ``destination`` is that of the RFCs unless given: reports of version 1 and 2 and group queries go to the
    group, general queries to 224.0.0.1, leaves to 224.0.0.2, version 3 reports to 224.0.0.22. Raises
    ValueError when that is no multicast address and ``destination_mac`` is not given.
    """
    target = _destination(message) if destination is None else destination
    packet = ipv4.Ipv4Packet(
        source=source,
        destination=target,
        protocol=ipv4.PROTOCOL_IGMP,
        ttl=hops,
        tos=_TOS_INTERNETWORK_CONTROL,
        router_alert=router_alert,
        payload=encode(message),
    )
    return ethernet.encode(
        ethernet.EthernetFrame(
            destination=ethernet.multicast_mac(target) if destination_mac is None else destination_mac,
            source=source_mac,
            ethertype=ethernet.ETHERTYPE_IPV4,
            payload=ipv4.encode(packet),
        )
    )


def parse_igmp_frame(frame: bytes) -> ControlFrame | None:
    """Read a frame; None when it carries something else than IGMP. Raises Malformed for a damaged one."""
    outer = ethernet.decode(frame)
    if outer.ethertype != ethernet.ETHERTYPE_IPV4:
        return None
    if (
        len(outer.payload) > ipv4.PROTOCOL_OFFSET
        and outer.payload[ipv4.PROTOCOL_OFFSET] != ipv4.PROTOCOL_IGMP
    ):
        return None
    packet = ipv4.decode(outer.payload)
    return ControlFrame(
        source_mac=outer.source,
        source=packet.source,
        destination=packet.destination,
        hops=packet.ttl,
        traffic_class=packet.tos,
        router_alert=packet.router_alert,
        message=decode(packet.payload),
    )


def _destination(message: Message) -> IPv4Address:
    match message:
        case Query():
            return ALL_HOSTS if message.group is None else message.group
        case Report():
            return message.group
        case RecordReport():
            return ALL_V3_ROUTERS
        case Leave():
            return ALL_ROUTERS
        case _:
            assert_never(message)


def _count(items: tuple[object, ...]) -> int:
    if len(items) > 0xFFFF:
        msg = f"a field of 16 bits cannot count {len(items)} items"
        raise ValueError(msg)
    return len(items)


def _encode_query(query: Query) -> bytes:
    group = (query.group or _NO_GROUP).packed
    head = _BASE.pack(_TYPE_QUERY, _response_code(query.max_response_s, query.version), 0, group)
    if query.version != 3:
        return head
    robustness = query.robustness if query.robustness <= 7 else 0  # RFC 9776 section 4.1.6
    flags = (0x08 if query.suppress else 0) | robustness
    interval = _encode_units(math.ceil(round(query.query_interval_s, 6)))
    tail = _QUERY_V3_TAIL.pack(flags, interval, _count(query.sources))
    return head + tail + b"".join(source.packed for source in query.sources)


def _decode_query(data: bytes, code: int, group: IPv4Address) -> Query:
    """The length tells the versions apart (RFC 9776 section 7.1)."""
    named = None if group == _NO_GROUP else group
    if len(data) == _BASE.size:
        if code == 0:
            return Query(version=1)
        return Query(version=2, group=named, max_response_s=code / 10)
    if len(data) < _BASE.size + _QUERY_V3_TAIL.size:
        msg = f"no version of the query has {len(data)} bytes"
        raise Malformed(msg)
    flags, interval, count = _QUERY_V3_TAIL.unpack_from(data, _BASE.size)
    return Query(
        version=3,
        group=named,
        max_response_s=_decode_units(code) / 10,
        sources=_decode_sources(data, _BASE.size + _QUERY_V3_TAIL.size, count),
        robustness=flags & 0x07,
        query_interval_s=float(_decode_units(interval)),
        suppress=bool(flags & 0x08),
    )


def _encode_record(record: GroupRecord) -> bytes:
    head = _RECORD.pack(record.type, 0, _count(record.sources), record.group.packed)
    return head + b"".join(source.packed for source in record.sources)


def _decode_report_v3(data: bytes) -> RecordReport:
    records = []
    count = _REPORT_V3.unpack_from(data)[4]
    at = _REPORT_V3.size
    for _ in range(count):
        if at + _RECORD.size > len(data):
            raise Malformed("a group record points past the end of the report")
        kind, auxiliary_words, sources, group = _RECORD.unpack_from(data, at)
        found = _decode_sources(data, at + _RECORD.size, sources)
        at += _RECORD.size + 4 * (sources + auxiliary_words)
        if RecordType.IS_IN <= kind <= RecordType.BLOCK:
            records.append(GroupRecord(type=RecordType(kind), group=IPv4Address(group), sources=found))
    if at > len(data):
        raise Malformed("the auxiliary data of a group record points past the end of the report")
    return RecordReport(records=tuple(records))


def _decode_sources(data: bytes, at: int, count: int) -> tuple[IPv4Address, ...]:
    end = at + 4 * count
    if end > len(data):
        raise Malformed("a list of sources points past the end of the message")
    return tuple(IPv4Address(data[start : start + 4]) for start in range(at, end, 4))


def _response_code(seconds: float, version: int) -> int:
    """Tenths of a second, rounded up; the rounding before takes back what the multiplication added."""
    if version == 1:
        return 0
    tenths = math.ceil(round(seconds * 10, 6))
    if version == 3:
        return _encode_units(max(tenths, 1) if seconds > 0 else tenths)
    if tenths > _LONGEST_CODE_V2:
        msg = (
            f"a version 2 query says at most {_LONGEST_CODE_V2 / 10} s of max response time, not {seconds} s"
        )
        raise ValueError(msg)
    return max(tenths, 1)


def _encode_units(units: int) -> int:
    """The code of RFC 9776 sections 4.1.1 and 4.1.7: as it stands below 128, floating from there."""
    if not 0 <= units <= _LONGEST_V3:
        msg = f"a code of version 3 holds 0 to {_LONGEST_V3} units, not {units}"
        raise ValueError(msg)
    if units < _FLOATING_FROM:
        return units
    exponent = 0
    while (mantissa := -(-units >> (exponent + 3))) > 0x1F:
        exponent += 1
    return 0x80 | exponent << 4 | mantissa & 0x0F


def _decode_units(code: int) -> int:
    if code < _FLOATING_FROM:
        return code
    return (code & 0x0F | 0x10) << ((code >> 4 & 0x07) + 3)
