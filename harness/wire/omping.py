"""Messages of omping 0.0.5: the Multicast Ping Protocol as draft-ietf-mboned-ssmping-08 has it, version 2.

One byte of type, then options of type, length and value (``harness.wire.tlv``). It is not the older protocol
of ssmping, and RFC 6450, which came of the draft, changed it again. A known option with a length that it
cannot have is taken as not there, as omping does; of a repeated one the last counts, but for prefixes, which
are a list. What is asked and answered a thousand times a second is read and written by fixed layouts: a query
is answered by copying its bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from harness.wire import tlv
from harness.wire.malformed import Malformed, UnknownType
from harness.wire.membership import Address

VERSION = 2
CLIENT_ID_BYTES = 24
SESSION_BYTES = 16
MOST_SEQUENCE = (1 << 32) - 1


class Kind(IntEnum):
    """The type of a message, its first byte."""

    INIT = ord("I")
    RESPONSE = ord("S")
    QUERY = ord("Q")
    ANSWER = ord("A")


class Option(IntEnum):
    """The types of options (section 3 of the draft)."""

    VERSION = 0
    CLIENT_ID = 1
    SEQUENCE = 2
    CLIENT_TIME = 3
    GROUP = 4
    REQUEST = 5
    SERVER_INFO = 6
    TTL = 9
    PREFIX = 10
    SESSION = 11
    SERVER_TIME = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A moment on its sender's clock; both numbers have 32 bits on the wire."""

    seconds: int
    microseconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """Groups that a client would take, or a server could serve; length 0 is any of the family."""

    address: Address
    length: int

    def covers(self, group: Address) -> bool:
        """Say whether a group is one of these."""
        if group.version != self.address.version:
            return False
        rest = group.max_prefixlen - self.length
        return int(group) >> rest == int(self.address) >> rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message; what it does not say is None or empty. Options that nobody knows are not kept."""

    kind: Kind
    version: int | None = VERSION
    client_id: bytes | None = None
    sequence: int | None = None
    client_time: Stamp | None = None
    group: Address | None = None
    requested: tuple[int, ...] = ()
    server_info: bytes | None = None
    prefixes: tuple[Prefix, ...] = ()
    session: bytes | None = None
    ttl: int | None = None
    server_time: Stamp | None = None


_KINDS = {int(kind): kind for kind in Kind}
_FAMILIES: dict[int, tuple[type[IPv4Address] | type[IPv6Address], int]] = {
    1: (IPv4Address, 4),
    2: (IPv6Address, 16),
}
"""The number on the wire (IANA's), the class, the bytes of an address."""
_FAMILY_OF = {4: 1, 6: 2}
_U8 = struct.Struct("!B")
_U16 = struct.Struct("!H")
_U32 = struct.Struct("!I")
_STAMP = struct.Struct("!II")
_PREFIX = struct.Struct("!HB")


# --- all of a message -------------------------------------------------------------------------------------


def pack(message: Message) -> bytes:
    """Write a message, its options in omping's order.

    Raises ValueError or struct.error for what the format cannot hold: an empty client id, session or server
    info, numbers out of range.
    """
    if b"" in (message.client_id, message.session, message.server_info):
        msg = "a client id, a session and a server info have at least one byte"
        raise ValueError(msg)
    values: list[tuple[Option, bytes | None]] = [
        (Option.VERSION, _packed(_U8, message.version)),
        (Option.CLIENT_ID, message.client_id),
        (Option.SEQUENCE, _packed(_U32, message.sequence)),
        (Option.CLIENT_TIME, _packed_stamp(message.client_time)),
        (Option.GROUP, _packed_group(message.group)),
        (Option.REQUEST, b"".join(_U16.pack(kind) for kind in message.requested) or None),
        (Option.SERVER_INFO, message.server_info),
        *((Option.PREFIX, _packed_prefix(prefix)) for prefix in message.prefixes),
        (Option.SESSION, message.session),
        (Option.TTL, _packed(_U8, message.ttl)),
        (Option.SERVER_TIME, _packed_stamp(message.server_time)),
    ]
    options = tlv.pack((option, value) for option, value in values if value is not None)
    return bytes((message.kind,)) + options


def parse(data: bytes) -> Message:
    """Read a message. Raises UnknownType for another first byte, Malformed for options that are cut off."""
    if not data:
        msg = "an empty datagram is no message"
        raise Malformed(msg)
    kind = _KINDS.get(data[0])
    if kind is None:
        msg = f"type {data[0]} is none of I, S, Q and A"
        raise UnknownType(msg)
    found = dict[int, bytes]()
    prefixes = list[Prefix]()
    for option, value in tlv.parse(data):
        if option == Option.PREFIX:
            if (prefix := _prefix(value)) is not None:
                prefixes.append(prefix)
        else:
            found[option] = value
    ttl, version = found.get(Option.TTL, b""), found.get(Option.VERSION, b"")
    sequence = found.get(Option.SEQUENCE, b"")
    return Message(
        kind=kind,
        version=version[0] if len(version) == 1 else None,
        client_id=found.get(Option.CLIENT_ID) or None,
        sequence=_U32.unpack(sequence)[0] if len(sequence) == _U32.size else None,
        client_time=_stamp(found.get(Option.CLIENT_TIME)),
        group=_group(found.get(Option.GROUP, b"")),
        requested=_requested(found.get(Option.REQUEST, b"")),
        server_info=found.get(Option.SERVER_INFO) or None,
        prefixes=tuple(prefixes),
        session=found.get(Option.SESSION) or None,
        ttl=ttl[0] if len(ttl) == 1 else None,
        server_time=_stamp(found.get(Option.SERVER_TIME)),
    )


def _packed(size: struct.Struct, number: int | None) -> bytes | None:
    return None if number is None else size.pack(number)


def _packed_stamp(stamp: Stamp | None) -> bytes | None:
    return None if stamp is None else _STAMP.pack(stamp.seconds, stamp.microseconds)


def _packed_group(group: Address | None) -> bytes | None:
    return None if group is None else _U16.pack(_FAMILY_OF[group.version]) + group.packed


def _packed_prefix(prefix: Prefix) -> bytes:
    return _PREFIX.pack(_FAMILY_OF[prefix.address.version], prefix.length) + prefix.address.packed


def _stamp(value: bytes | None) -> Stamp | None:
    if value is None or len(value) != _STAMP.size:
        return None
    seconds, microseconds = _STAMP.unpack(value)
    return Stamp(seconds=seconds, microseconds=microseconds)


def _group(value: bytes) -> Address | None:
    if len(value) < _U16.size:
        return None
    family, size = _FAMILIES.get(_U16.unpack_from(value)[0], (None, 0))
    if family is None or len(value) != _U16.size + size:
        return None
    return family(value[_U16.size :])


def _requested(value: bytes) -> tuple[int, ...]:
    if len(value) % _U16.size:
        return ()
    return tuple(kind for (kind,) in _U16.iter_unpack(value))


def _prefix(value: bytes) -> Prefix | None:
    """Read a prefix, of whose address no more bytes need be there than it is long."""
    if len(value) < _PREFIX.size:
        return None
    number, length = _PREFIX.unpack_from(value)
    family, size = _FAMILIES.get(number, (None, 0))
    packed = value[_PREFIX.size :]
    if family is None or length > size * 8 or not length <= len(packed) * 8 <= size * 8:
        return None
    return Prefix(address=family(packed.ljust(size, b"\0")), length=length)


# --- a thousand times a second ----------------------------------------------------------------------------

_HEAD = bytes((0, Option.VERSION, 0, 1, VERSION, 0, Option.CLIENT_ID, 0, CLIENT_ID_BYTES))
"""Behind the type: version 2, and the head of a client id, as every message of omping begins."""
_QUERY_HEAD = bytes((Kind.QUERY,)) + _HEAD
_ANSWER_HEAD = bytes((Kind.ANSWER,)) + _HEAD
_SEQUENCE_HEAD = bytes((0, Option.SEQUENCE, 0, 4))
_TIME_HEAD = bytes((0, Option.CLIENT_TIME, 0, 8))
_BODY = struct.Struct(f"!10s{CLIENT_ID_BYTES}s4sI4sII")
"""What query and answer begin with: head, client id, sequence, client time. The group follows."""
_GROUP_HEADS = {10: bytes((0, Option.GROUP, 0, 6, 0, 1)), 22: bytes((0, Option.GROUP, 0, 18, 0, 2))}
"""By the size of the whole option."""
_GROUP_HEAD_BYTES = 6
_SESSION_HEAD = bytes((0, Option.SESSION, 0, SESSION_BYTES))
_SESSION_OPTION_BYTES = len(_SESSION_HEAD) + SESSION_BYTES
_TTL_HEAD = bytes((0, Option.TTL, 0, 1))
_TTL_OPTION_BYTES = len(_TTL_HEAD) + 1
_NOT_IN_ANSWERS = frozenset(
    (Option.SERVER_INFO, Option.TTL, Option.PREFIX, Option.SESSION, Option.SERVER_TIME)
)


class Asked(NamedTuple):
    """What a server must know of a query before it answers. ``plain``: it has omping's own layout."""

    sequence: int | None
    session: bytes | None
    has_group: bool
    wants_time: bool
    plain: bool


class Answer(NamedTuple):
    """What a client must know of an answer. ``sent_us`` is its own stamp, in microseconds."""

    client_id: bytes | None
    sequence: int | None
    sent_us: int | None
    ttl: int | None


def beginning_of_answers(id_prefix: bytes) -> bytes:
    """Return what answers to clients begin with whose ids begin so: servers keep the order of options."""
    return _ANSWER_HEAD + id_prefix


def query(client_id: bytes, sequence: int, stamp_us: int, group: Address, session: bytes) -> bytes:
    """Write the query that ``pack`` would write; the client id has 24 bytes. The stamp is cut to 32 bits of
    seconds.
    """
    seconds, microseconds = divmod(stamp_us, 10**6)
    body = _BODY.pack(
        _QUERY_HEAD, client_id, _SEQUENCE_HEAD, sequence, _TIME_HEAD, seconds & MOST_SEQUENCE, microseconds
    )
    group_head = _GROUP_HEADS[6 + len(group.packed)]
    return body + group_head + group.packed + tlv.pack(((Option.SESSION, session),))


def read_query(data: bytes) -> Asked:
    """Read a query of version 2, of omping's layout or any other. Raises Malformed for all else."""
    if data.startswith(_QUERY_HEAD) and _is_plain(data, _SESSION_OPTION_BYTES, _SESSION_HEAD):
        sequence = _U32.unpack_from(data, _SEQUENCE_AT)[0]
        return Asked(sequence, data[-SESSION_BYTES:], has_group=True, wants_time=False, plain=True)
    message = parse(data)
    if message.kind is not Kind.QUERY or message.version != VERSION:
        msg = "the message is no query of version 2"
        raise Malformed(msg)
    wants_time = Option.SERVER_TIME in message.requested
    has_group = message.group is not None
    return Asked(message.sequence, message.session, has_group, wants_time, plain=False)


_SEQUENCE_AT = len(_QUERY_HEAD) + CLIENT_ID_BYTES + len(_SEQUENCE_HEAD)


def _is_plain(data: bytes, tail_bytes: int, tail_head: bytes) -> bool:
    """Say whether client id, sequence, time, group and one more option are all, each as long as omping's."""
    group_bytes = len(data) - _BODY.size - tail_bytes
    head = _GROUP_HEADS.get(group_bytes)
    if head is None or data[_BODY.size : _BODY.size + _GROUP_HEAD_BYTES] != head:
        return False
    _, _, sequence_head, _, time_head, _, _ = _BODY.unpack_from(data)
    return (
        sequence_head == _SEQUENCE_HEAD
        and time_head == _TIME_HEAD
        and data.startswith(tail_head, _BODY.size + group_bytes)
    )


def answer(data: bytes, ttl: int, *, plain: bool = False, server_time: Stamp | None = None) -> bytes:
    """Write the answer to a query: its options in their order, without those that are a server's own.

    ``ttl`` follows, and the server's time if there is one. ``plain`` is as ``read_query`` found it. Raises
    Malformed for a query whose options are cut off.
    """
    tail = _TTL_HEAD + bytes((ttl,))
    if (stamp := _packed_stamp(server_time)) is not None:
        tail += tlv.pack(((Option.SERVER_TIME, stamp),))
    if plain:
        return b"A" + data[1:-_SESSION_OPTION_BYTES] + tail
    kept = [(kind, value) for kind, value in tlv.parse(data) if kind not in _NOT_IN_ANSWERS]
    return b"A" + tlv.pack(kept) + tail


def read_answer(data: bytes) -> Answer:
    """Read an answer of version 2, of omping's layout or any other. Raises Malformed for all else."""
    if data.startswith(_ANSWER_HEAD) and _is_plain(data, _TTL_OPTION_BYTES, _TTL_HEAD):
        _, client_id, _, sequence, _, seconds, microseconds = _BODY.unpack_from(data)
        return Answer(client_id, sequence, seconds * 10**6 + microseconds, data[-1])
    message = parse(data)
    if message.kind is not Kind.ANSWER or message.version != VERSION:
        msg = "the message is no answer of version 2"
        raise Malformed(msg)
    stamp = message.client_time
    sent_us = None if stamp is None else stamp.seconds * 10**6 + stamp.microseconds
    return Answer(message.client_id, message.sequence, sent_us, message.ttl)
