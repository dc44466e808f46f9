"""Messages of ssmping 0.9.1: requests of ssmping and asmping, replies of ssmpingd.

One byte of type, then options of type, length and value (``harness.wire.tlv``). A reply is its request with
another first byte, and what was asked for behind it. The protocol has the port and the style of options of
omping's, which came later (RFC 6450), and not its messages. Both ends read options up to the first that is
damaged and use what they have by then: so a client, which cuts replies at 1024 bytes, still reads them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address

from harness.wire import tlv
from harness.wire.malformed import Malformed
from harness.wire.membership import Address

REQUEST = ord("Q")
REPLY = ord("A")
SERVER_VERSION = b"0.9.1 (20080418) [asm][size]"
"""What ssmpingd 0.9.1 says that it is, and can."""
MOST_SIZE = 65535
DEFAULT_GROUPS: dict[int, Address] = {
    4: IPv4Address("232.43.211.234"),
    6: IPv6Address("ff3e::4321:1234"),
}
"""The groups of ssmping, by version of IP."""
_OWN_PART = {4: (0xFF, 234), 6: (0xFFFFFFFF, 0x43211234)}
"""Which bits of a group are fixed, and what they are: a server sends to no other groups."""
_U16 = struct.Struct("!H")
_U32 = struct.Struct("!I")
_STAMP = struct.Struct("!II")
_MICROSECONDS = 1_000_000
_OPTION_HEAD = 4
_PRINTABLE = range(ord(" "), 0x7F)


class Option(IntEnum):
    """The types of options."""

    CLIENT_PID = 1
    SEQUENCE = 2
    TIMESTAMP = 3
    GROUP = 4
    VERSION_REQUEST = 5
    SERVER_VERSION = 6
    REPLY_SIZE = 7
    PADDING = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asks. ``stamp_us`` is its clock in microseconds; ``size`` that the reply should have."""

    pid: int
    sequence: int
    stamp_us: int
    group: Address
    wants_version: bool = False
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a server reads of a request: all that does not merely go back to the client."""

    group: Address | None = None
    wants_version: bool = False
    size: int | None = None

    def reply_bytes(self, request_bytes: int) -> int:
        """Return how long a reply is that grants them."""
        length = request_bytes
        if self.wants_version and length + _OPTION_HEAD + len(SERVER_VERSION) < MOST_SIZE:
            length += _OPTION_HEAD + len(SERVER_VERSION)
        if self.size is not None and length + _OPTION_HEAD <= self.size:
            length = self.size
        return length


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """What a client reads of a reply: its own words, and the server's version if that is said."""

    pid: int
    sequence: int
    stamp_us: int
    server_version: str | None = None


def group_of(group: Address) -> Address:
    """Return the nearest group that servers send to: the last octet 234, or the last 32 bits 4321:1234."""
    mask, own = _OWN_PART[group.version]
    return type(group)((int(group) & ~mask) | own)


def is_served(group: Address) -> bool:
    """Say whether a server sends to a group.

    ssmpingd looks at the end of the address alone, so that it can be made to send to hosts; no client does.
    """
    return group.is_multicast and group_of(group) == group


def encode(request: Request) -> bytes:
    """Write a request. Raises struct.error for a pid, a sequence or a size that has no room."""
    seconds, microseconds = divmod(request.stamp_us, _MICROSECONDS)
    options: list[tlv.Option] = [
        (Option.CLIENT_PID, _U32.pack(request.pid)),
        (Option.SEQUENCE, _U32.pack(request.sequence)),
        (Option.TIMESTAMP, _STAMP.pack(seconds & 0xFFFFFFFF, microseconds)),
    ]
    if request.wants_version:
        options.append((Option.VERSION_REQUEST, b""))
    if request.size is not None:
        options.append((Option.REPLY_SIZE, _U16.pack(request.size)))
    family = b"\x01" if request.group.version == 4 else b"\x02"
    options.append((Option.GROUP, family + request.group.packed))
    return bytes((REQUEST,)) + tlv.pack(options)


def wishes(request: bytes) -> Wishes | None:
    """Read a request as a server does, up to its group; None if it is none."""
    if not request or request[0] != REQUEST:
        return None
    wants_version, size, group = False, None, None
    for kind, value in _intact(request):
        if kind == Option.VERSION_REQUEST:
            wants_version = True
        elif kind == Option.REPLY_SIZE:
            if len(value) != 2:
                break
            size = _U16.unpack(value)[0] or None
        elif kind == Option.GROUP:
            group = _group(value)
            break
    return Wishes(group=group, wants_version=wants_version, size=size)


def reply(request: bytes, granted: Wishes) -> bytes:
    """Answer a request: all of it, then the version and the padding that are ``granted``."""
    room = granted.reply_bytes(len(request))
    data = bytes((REPLY,)) + request[1:]
    if granted.wants_version and len(data) + _OPTION_HEAD + len(SERVER_VERSION) <= room:
        data += tlv.pack([(Option.SERVER_VERSION, SERVER_VERSION)])
    if len(data) < room:
        data += tlv.pack([(Option.PADDING, bytes(room - len(data) - _OPTION_HEAD))])
    return data


def echo(data: bytes) -> Echo:
    """Read a reply as a client does, or a request.

    Raises Malformed if pid, sequence or timestamp are not there before the first damage.
    """
    pid = sequence = stamp_us = version = None
    for kind, value in _intact(data):
        if kind == Option.CLIENT_PID and len(value) == 4:
            pid = _U32.unpack(value)[0]
        elif kind == Option.SEQUENCE and len(value) == 4:
            sequence = _U32.unpack(value)[0]
        elif kind == Option.TIMESTAMP and len(value) == 8:
            seconds, microseconds = _STAMP.unpack(value)
            stamp_us = seconds * _MICROSECONDS + microseconds
        elif kind == Option.SERVER_VERSION and value and version is None:
            version = _text(value)
    if pid is None or sequence is None or stamp_us is None:
        msg = "a reply without its client's pid, sequence or timestamp"
        raise Malformed(msg)
    return Echo(pid=pid, sequence=sequence, stamp_us=stamp_us, server_version=version)


def _intact(data: bytes) -> Iterator[tlv.Option]:
    """Yield the options before the first that is damaged."""
    try:
        yield from tlv.parse(data)
    except Malformed:
        return


def _group(value: bytes) -> Address | None:
    if len(value) == 5 and value[0] == 1:
        return IPv4Address(value[1:])
    if len(value) == 17 and value[0] == 2:
        return IPv6Address(value[1:])
    return None


def _text(value: bytes) -> str:
    """Text of a stranger, for a terminal: up to a NUL, nothing that is not printable."""
    return "".join(chr(byte) if byte in _PRINTABLE else "?" for byte in value.partition(b"\0")[0])
