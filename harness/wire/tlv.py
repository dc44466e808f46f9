"""Options of type, length and value, as omping and ssmping put them behind the first byte of a message.

Type and length are 16 bits each, big-endian; the length is that of the value (RFC 6450 section 3.1, and the
drafts before it).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from harness.wire.malformed import Malformed

_HEAD = struct.Struct("!HH")
Option = tuple[int, bytes]
"""Type and value."""


def pack(options: Iterable[Option]) -> bytes:
    """Write options one after the other. Raises struct.error for a value of more than 65535 bytes."""
    return b"".join(_HEAD.pack(kind, len(value)) + value for kind, value in options)


def parse(data: bytes, start: int = 1) -> Iterator[Option]:
    """Yield the options from ``start`` on. Raises Malformed, when it comes to it, for one that is cut off."""
    at, end = start, len(data)
    while at < end:
        if at + _HEAD.size > end:
            msg = f"an option is cut off after {end - at} bytes of its head"
            raise Malformed(msg)
        kind, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        if at + length > end:
            msg = f"option {kind} has {length} bytes, and {end - at} are left"
            raise Malformed(msg)
        yield kind, data[at : at + length]
        at += length
