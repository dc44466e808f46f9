"""Capture files: the classic pcap format, which every analyser reads.

Writes little-endian Ethernet captures with nanosecond or microsecond stamps; reads either byte order and
either resolution. Works on binary files that the caller opens and closes. Times are seconds from whatever
zero the caller chose. Follows draft-ietf-opsawg-pcap.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from harness.wire.malformed import Malformed

_MAGIC = {10**6: 0xA1B2C3D4, 10**9: 0xA1B23C4D}
_VERSION = (2, 4)
_SNAP_LENGTH = 262144
_LINKTYPE_ETHERNET = 1
_FILE = "IHHiIII"
_RECORD = "IIII"


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A frame and when it passed."""

    time_s: float
    frame: bytes


class PcapWriter:
    """Writes frames to a binary file, in the order in which they are given."""

    def __init__(self, file: BinaryIO, *, nanoseconds: bool = True) -> None:
        self._file = file
        self._units = 10**9 if nanoseconds else 10**6
        self._record = struct.Struct("<" + _RECORD)
        head = struct.pack(
            "<" + _FILE, _MAGIC[self._units], *_VERSION, 0, 0, _SNAP_LENGTH, _LINKTYPE_ETHERNET
        )
        file.write(head)

    def write(self, frame: bytes, time_s: float) -> None:
        """Append a frame; one longer than 262144 bytes is cut, as the format wants it."""
        seconds, fraction = divmod(round(time_s * self._units), self._units)
        kept = frame[:_SNAP_LENGTH]
        self._file.write(self._record.pack(seconds, fraction, len(kept), len(frame)) + kept)


def read(file: BinaryIO) -> Iterator[Captured]:
    """The frames of a capture, one by one. Raises Malformed for another format or a file cut short."""
    order, units = _read_head(file)
    record = struct.Struct(order + _RECORD)
    while head := file.read(record.size):
        if len(head) < record.size:
            raise Malformed("the capture ends inside a record's header")
        seconds, fraction, kept, _ = record.unpack(head)
        if kept > _SNAP_LENGTH:
            msg = f"a record of {kept} bytes is longer than any frame"
            raise Malformed(msg)
        frame = file.read(kept)
        if len(frame) < kept:
            raise Malformed("the capture ends inside a frame")
        yield Captured(time_s=seconds + fraction / units, frame=frame)


def _read_head(file: BinaryIO) -> tuple[str, int]:
    """Byte order and stamps a second."""
    head = file.read(struct.calcsize("<" + _FILE))
    if len(head) < struct.calcsize("<" + _FILE):
        raise Malformed("the file is too short for a capture")
    for order in "<>":
        magic, *_, linktype = struct.unpack(order + _FILE, head)
        for units, known in _MAGIC.items():
            if magic == known:
                if linktype != _LINKTYPE_ETHERNET:
                    msg = f"link type {linktype} is not Ethernet"
                    raise Malformed(msg)
                return order, units
    raise Malformed("the file is not a pcap capture")
