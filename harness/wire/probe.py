"""The payload of the harness's own probe datagrams.

Sixteen bytes, then zeros up to the size that the traffic asks for: the magic, which stream, which sender,
which number in the sequence, and four bytes of reserve. Senders fill one buffer in place for every datagram,
and receivers read with ``HEADER.unpack_from``: nothing is allocated that need not be. All numbers are
big-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from harness.wire.malformed import Malformed

MAGIC = b"mcHP"
HEADER = struct.Struct("!4sHHI4x")
"""Magic, stream, sender, sequence."""
MINIMUM_SIZE = HEADER.size
SEQUENCE_MODULUS = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The head of a probe."""

    stream: int
    sender: int
    sequence: int


def pack_into(buffer: bytearray, stream: int, sender: int, sequence: int) -> None:
    """Write the head of a probe into a buffer of at least ``MINIMUM_SIZE`` bytes; the rest stays as it is."""
    HEADER.pack_into(buffer, 0, MAGIC, stream, sender, sequence)


def parse(data: bytes) -> Probe:
    """Read a probe. Raises Malformed for anything that no probe sender wrote."""
    if len(data) < MINIMUM_SIZE:
        msg = f"a probe has at least {MINIMUM_SIZE} bytes, here are {len(data)}"
        raise Malformed(msg)
    magic, stream, sender, sequence = HEADER.unpack_from(data)
    if magic != MAGIC:
        raise Malformed("the datagram is not a probe")
    return Probe(stream=stream, sender=sender, sequence=sequence)
