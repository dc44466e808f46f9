"""The parts of a message that IGMPv3 and MLDv2 lay out alike: lists of sources, and group records.

Only the length of an address differs, so the family is an argument. What holds them is for
``harness.wire.igmp`` and ``harness.wire.mld``. Follows RFC 9776 section 4.2 and RFC 9777 section 5.2.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address

from harness.wire.malformed import Malformed
from harness.wire.membership import Address, GroupRecord, RecordType

_HEAD = struct.Struct("!BBH")


def count_field(items: tuple[object, ...]) -> int:
    """How many there are. Raises ValueError for more than a field of 16 bits can say."""
    if len(items) > 0xFFFF:
        msg = f"a field of 16 bits cannot count {len(items)} items"
        raise ValueError(msg)
    return len(items)


def encode_addresses(addresses: Iterable[Address]) -> bytes:
    """Addresses one behind the other."""
    return b"".join(address.packed for address in addresses)


@lru_cache(maxsize=1 << 16)
def _address(packed: bytes) -> Address:
    return ip_address(packed)


def decode_addresses(data: bytes, at: int, count: int, family: type[Address]) -> tuple[Address, ...]:
    """``count`` addresses from ``at`` on. Raises Malformed where the message ends before them."""
    width = family(0).max_prefixlen // 8
    end = at + width * count
    if end > len(data):
        raise Malformed("a list of sources points past the end of the message")
    return tuple(_address(data[start : start + width]) for start in range(at, end, width))


def encode_records(records: tuple[GroupRecord, ...]) -> bytes:
    """Group records one behind the other, without auxiliary data."""
    return b"".join(
        _HEAD.pack(record.type, 0, count_field(record.sources))
        + record.group.packed
        + encode_addresses(record.sources)
        for record in records
    )


def decode_records(data: bytes, at: int, count: int, family: type[Address]) -> tuple[GroupRecord, ...]:
    """``count`` group records from ``at`` on, without those of unknown type (RFC 9776 section 4.2.13).

    Auxiliary data is stepped over. Raises Malformed where the message ends before the records do.
    """
    width = family(0).max_prefixlen // 8
    records = []
    for _ in range(count):
        if at + _HEAD.size + width > len(data):
            raise Malformed("a group record points past the end of the report")
        kind, auxiliary_words, sources = _HEAD.unpack_from(data, at)
        (group,) = decode_addresses(data, at + _HEAD.size, 1, family)
        found = decode_addresses(data, at + _HEAD.size + width, sources, family)
        at += _HEAD.size + width * (1 + sources) + 4 * auxiliary_words
        if RecordType.IS_IN <= kind <= RecordType.BLOCK:
            records.append(GroupRecord(type=RecordType(kind), group=group, sources=found))
    if at > len(data):
        raise Malformed("the auxiliary data of a group record points past the end of the report")
    return tuple(records)
