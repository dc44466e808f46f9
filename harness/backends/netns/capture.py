"""A capture of one port, both ways, written to a pcap file as it comes."""

from __future__ import annotations

import time
from pathlib import Path

from harness.sockets.loop import Loop
from harness.sockets.packet import Tap
from harness.wire.pcap import PcapWriter


class Capture:
    """Writes every frame of a port to a file. Must be made inside the switch's namespace."""

    def __init__(self, port: str, path: Path, loop: Loop) -> None:
        self._loop = loop
        self._file = path.open("wb")
        self._writer = PcapWriter(self._file)
        self._tap = Tap(port, outgoing=True)
        self._wall_clock_s = time.time() - time.monotonic()
        loop.watch(self._tap.fileno(), self._read)

    def _read(self) -> None:
        for frame in self._tap.frames():
            self._writer.write(frame.data, frame.at_s + self._wall_clock_s)

    def close(self) -> None:
        """Write what is left, and close the file."""
        self._read()
        self._loop.unwatch(self._tap.fileno())
        self._tap.close()
        self._file.close()
