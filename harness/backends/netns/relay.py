"""The relay in the middle of cut cables: frames come in at one inner end and leave at the other, when due.

Packet sockets in the namespace of ``cut_cables``, served by the lab's one loop. A frame's delay counts from
the kernel's own stamp of its arrival, so a loop that reads late does not delay it further. What is due is
sent in order of the due moments; ``one_way`` decides them. Frames travel with the kernel's header of offloads
(PACKET_VNET_HDR, packet(7)), so that checksums which the sender left to its device stay valid.
"""

from __future__ import annotations

import heapq
import socket
import struct
import time
from collections.abc import Iterable
from itertools import count
from random import Random

from harness.backends.netns.fabric import Fabric
from harness.backends.netns.loop import Loop
from harness.backends.netns.namespaces import inside
from harness.backends.netns.packet import grow_buffer, newly_dropped
from harness.backends.one_way import OneWay
from harness.plan.impairment import Impairment
from harness.plan.model import End

_ETH_P_ALL = 0x0003
_SOL_PACKET = 263
_PACKET_VNET_HDR, _PACKET_QDISC_BYPASS, _PACKET_IGNORE_OUTGOING = 15, 20, 23  # linux/if_packet.h
_VNET_HEADER = 10  # struct virtio_net_hdr
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("qq")
_LARGEST = _VNET_HEADER + 65600
_READ_AT_ONCE = 256
"""Frames of one end before what is due gets its turn."""


class _Inner:
    """One inner end: takes the frames of the outer end that it faces, and sends it those of the other."""

    def __init__(self, namespace: int, device: str) -> None:
        with inside(namespace):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        for option in (_PACKET_VNET_HDR, _PACKET_QDISC_BYPASS, _PACKET_IGNORE_OUTGOING):
            self.socket.setsockopt(_SOL_PACKET, option, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        grow_buffer(self.socket)
        self.socket.bind((device, _ETH_P_ALL))

    def send(self, data: bytes) -> None:
        """Send a frame with its header; a cable that is down by now has lost it."""
        try:
            self.socket.send(data)
        except OSError:
            return


class Relay:
    """All cut cables of a lab. Exists until ``close``."""

    def __init__(
        self, cables: Iterable[tuple[End, End]], fabric: Fabric, loop: Loop, *, speed: float, seed: int
    ) -> None:
        self._loop = loop
        self._ways: dict[End, OneWay] = {}
        self._inner: list[_Inner] = []
        self._due: list[tuple[float, int, _Inner, bytes]] = []
        self._order = count()
        self._wake_s: float | None = None
        self._offset_s = time.monotonic() - time.time()
        for number, cable in enumerate(cables):
            ends = [_Inner(*fabric.inner_end(end.device, end.port)) for end in cable]
            for side, end in enumerate(cable):
                way = self._ways[end] = OneWay(Random(f"{seed} {number} {side}"), speed)  # noqa: S311
                self._watch(ends[side], ends[1 - side], way)
            self._inner += ends

    def impair(self, end: End, impairments: tuple[Impairment, ...]) -> None:
        """Do this to frames that leave an end; nothing happens at the end of a whole cable."""
        if (way := self._ways.get(end)) is not None:
            way.impair(impairments)

    def last_due_s(self) -> float | None:
        """Return when the last frame on its way will be out; None if there is none."""
        return max(self._due)[0] if self._due else None

    def newly_dropped(self) -> int:
        """Return how many frames this machine lost since the last call, as their reader came too late."""
        return sum(newly_dropped(inner.socket) for inner in self._inner)

    def _watch(self, source: _Inner, sink: _Inner, way: OneWay) -> None:
        self._loop.watch(source.socket.fileno(), lambda: self._read(source, sink, way))

    def _read(self, source: _Inner, sink: _Inner, way: OneWay) -> None:
        now = self._loop.now()
        for _ in range(_READ_AT_ONCE):
            try:
                data, ancillary, _, _ = source.socket.recvmsg(_LARGEST, 64)
            except BlockingIOError:
                break
            except OSError:  # ENETDOWN is told once when the end goes down
                continue
            at_s = self._stamp(ancillary) or now
            for due_s in way.take(data[_VNET_HEADER:], at_s):
                heapq.heappush(self._due, (due_s, next(self._order), sink, data))
        self._send_due()

    def _stamp(self, ancillary: list[tuple[int, int, bytes]]) -> float:
        for _level, kind, value in ancillary:
            if kind == _SO_TIMESTAMPNS:
                seconds, nanoseconds = _TIMESPEC.unpack(value[: _TIMESPEC.size])
                return float(seconds + nanoseconds / 1e9 + self._offset_s)
        return 0.0

    def _send_due(self) -> None:
        now = self._loop.now()
        while self._due and self._due[0][0] <= now:
            _, _, sink, data = heapq.heappop(self._due)
            sink.send(data)
        if self._due:
            self._wake_at(self._due[0][0])

    def _wake_at(self, due_s: float) -> None:
        if self._wake_s is None or due_s < self._wake_s:
            self._wake_s = due_s
            self._loop.call_at(due_s, lambda: self._wake(due_s))

    def _wake(self, due_s: float) -> None:
        if self._wake_s == due_s:  # an earlier one has not taken its place
            self._wake_s = None
            self._send_due()

    def close(self) -> None:
        """Close every socket; frames on their way are lost."""
        for inner in self._inner:
            self._loop.unwatch(inner.socket.fileno())
            inner.socket.close()
        self._inner, self._due, self._ways = [], [], {}
