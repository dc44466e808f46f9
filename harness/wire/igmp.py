"""IGMP messages of all three versions, and the Ethernet frames that carry them.

Pure codec: no timer, no state, no socket. Times are in seconds and take the resolution of the wire: tenths of
a second for the max response time, whole seconds for the query interval, with the floating form of version 3
from 128 units up. Values in between are rounded up, so that a host never gets less time than was meant.

Follows RFC 1112 appendix I, RFC 2236 section 2 and RFC 9776 section 4 (wire-compatible with RFC 3376).
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address
from typing import assert_never

from harness.wire import ethernet, ipv4
from harness.wire.checksum import checksum, with_checksum
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
from harness.wire.timecode import SHORT, whole_units

ALL_HOSTS = IPv4Address("224.0.0.1")
ALL_ROUTERS = IPv4Address("224.0.0.2")
ALL_V3_ROUTERS = IPv4Address("224.0.0.22")

_NO_GROUP = IPv4Address(0)
_TYPE_QUERY, _TYPE_REPORT_V1, _TYPE_REPORT_V2, _TYPE_LEAVE, _TYPE_REPORT_V3 = 0x11, 0x12, 0x16, 0x17, 0x22
_BASE = struct.Struct("!BBH4s")
_QUERY_V3_TAIL = struct.Struct("!BBH")
_REPORT_V3 = struct.Struct("!BBHHH")
_LONGEST_CODE_V2 = 255
_V1_RESPONSE_S = 10.0  # RFC 2236 section 4: a code of 0 is version 1 and means 100 tenths
_TTL, _TOS_INTERNETWORK_CONTROL = 1, 0xC0


def representable_response_s(seconds: float, version: int) -> float:
    """The max response time that hosts will read when a query of this version is sent with ``seconds``."""
    if version == 1:
        return _V1_RESPONSE_S
    code = _response_code(seconds, version)
    return (SHORT.decode(code) if version == 3 else code) / 10


def encode(message: Message) -> bytes:
    """The IGMP payload with its checksum.

    Raises ValueError for what the version cannot say, for times and counts that the wire has no room for, and
    for addresses of IPv6.
    """
    for address in addresses(message):
        _ipv4(address)
    match message:
        case Query():
            data = _encode_query(message)
        case Report(version=1 | 2):
            kind = _TYPE_REPORT_V1 if message.version == 1 else _TYPE_REPORT_V2
            data = _BASE.pack(kind, 0, 0, message.group.packed)
        case Report():
            msg = f"IGMP has reports of one group in versions 1 and 2, not {message.version}"
            raise ValueError(msg)
        case RecordReport():
            head = _REPORT_V3.pack(_TYPE_REPORT_V3, 0, 0, 0, count_field(message.records))
            data = head + encode_records(message.records)
        case Leave():
            data = _BASE.pack(_TYPE_LEAVE, 0, 0, message.group.packed)
        case _:
            assert_never(message)
    return with_checksum(data)


def decode(data: bytes) -> Message:
    """Read an IGMP payload.

    Bytes behind the message are part of the checksum and otherwise ignored (RFC 9776 sections 4.1.10 and
    4.2.11), as are records of unknown type (4.2.13). Raises Malformed, or UnknownType for an intact message
    of another kind.
    """
    if len(data) < _BASE.size:
        msg = f"an IGMP message has at least {_BASE.size} bytes, here are {len(data)}"
        raise Malformed(msg)
    if checksum(data):
        raise Malformed("the IGMP checksum is wrong")
    kind, code, _, packed = _BASE.unpack_from(data)
    if kind == _TYPE_QUERY:
        return _decode_query(data, code, ipv4.address_of(packed))
    if kind == _TYPE_REPORT_V3:
        count = _REPORT_V3.unpack_from(data)[4]
        return RecordReport(records=decode_records(data, _REPORT_V3.size, count, IPv4Address))
    if kind in (_TYPE_REPORT_V1, _TYPE_REPORT_V2):
        return Report(version=1 if kind == _TYPE_REPORT_V1 else 2, group=ipv4.address_of(packed))
    if kind == _TYPE_LEAVE:
        return Leave(group=ipv4.address_of(packed))
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
    ValueError when that is no multicast address and ``destination_mac`` is not given, and as ``encode``.
    """
    payload = encode(message)
    target = _destination(message) if destination is None else destination
    packet = ipv4.Ipv4Packet(
        source=source,
        destination=target,
        protocol=ipv4.PROTOCOL_IGMP,
        ttl=hops,
        tos=_TOS_INTERNETWORK_CONTROL,
        router_alert=router_alert,
        payload=payload,
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
    if outer.ethertype != ethernet.ETHERTYPE_IPV4 or not ipv4.carries(outer.payload, ipv4.PROTOCOL_IGMP):
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


def _ipv4(address: Address) -> IPv4Address:
    if isinstance(address, IPv4Address):
        return address
    msg = f"IGMP speaks of IPv4, and {address} is none of its addresses"
    raise ValueError(msg)


def _destination(message: Message) -> IPv4Address:
    match message:
        case Query():
            return ALL_HOSTS if message.group is None else _ipv4(message.group)
        case Report():
            return _ipv4(message.group)
        case RecordReport():
            return ALL_V3_ROUTERS
        case Leave():
            return ALL_ROUTERS
        case _:
            assert_never(message)


def _check_query(query: Query) -> None:
    """What the versions cannot say (RFC 1112 appendix I, RFC 2236 section 2)."""
    if query.version not in (1, 2, 3):
        msg = f"there is no query of IGMP version {query.version}"
        raise ValueError(msg)
    if query.version == 1 and query.group is not None:
        raise ValueError("a version 1 query names no group")
    if query.version == 2 and query.max_response_s <= 0:
        raise ValueError("a version 2 query with a max response time of 0 is a version 1 query")
    if query.version != 3 and (query.sources or query.robustness or query.query_interval_s or query.suppress):
        raise ValueError("sources, robustness, query interval and the S flag need version 3")


def _encode_query(query: Query) -> bytes:
    _check_query(query)
    group = (query.group or _NO_GROUP).packed
    head = _BASE.pack(_TYPE_QUERY, _response_code(query.max_response_s, query.version), 0, group)
    if query.version != 3:
        return head
    robustness = query.robustness if query.robustness <= 7 else 0  # RFC 9776 section 4.1.6
    flags = (0x08 if query.suppress else 0) | robustness
    interval = SHORT.encode(whole_units(query.query_interval_s, 1))
    return (
        head
        + _QUERY_V3_TAIL.pack(flags, interval, count_field(query.sources))
        + encode_addresses(query.sources)
    )


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
        max_response_s=SHORT.decode(code) / 10,
        sources=decode_addresses(data, _BASE.size + _QUERY_V3_TAIL.size, count, IPv4Address),
        robustness=flags & 0x07,
        query_interval_s=float(SHORT.decode(interval)),
        suppress=bool(flags & 0x08),
    )


def _response_code(seconds: float, version: int) -> int:
    """Tenths of a second, rounded up; above 0 stays above 0, which means something else."""
    if version == 1:
        return 0
    tenths = whole_units(seconds, 10)
    if version == 3:
        return SHORT.encode(max(tenths, 1) if seconds > 0 else tenths)
    if tenths > _LONGEST_CODE_V2:
        msg = (
            f"a version 2 query says at most {_LONGEST_CODE_V2 / 10} s of max response time, not {seconds} s"
        )
        raise ValueError(msg)
    return max(tenths, 1)
