"""The relay in the middle of cut cables: frames come in at one inner end and leave at the other, when due.

Packet sockets in the namespace of ``cut_cables``, served by the lab's one loop. A frame's delay counts from
the kernel's own stamp of its arrival, so a loop that reads late does not delay it further. What is due is
sent in order of the due moments; ``one_way`` decides them. Frames travel with the kernel's header of offloads
(PACKET_VNET_HDR, packet(7)), so that checksums which the sender left to its device stay valid.
"""

from __future__ import annotations

import heapq
import socket
from collections.abc import Iterable
from itertools import count
from random import Random

from harness.backends.netns.fabric import Fabric
from harness.backends.netns.namespaces import inside
from harness.backends.one_way import OneWay
from harness.plan.impairment import Impairment
from harness.plan.model import End
from harness.sockets.bpf import LARGEST_FRAME
from harness.sockets.loop import Alarm, Loop
from harness.sockets.packet import (
    ANCILLARY_BYTES,
    ETH_P_ALL,
    PACKET_IGNORE_OUTGOING,
    SOL_PACKET,
    Stamps,
    grow_buffer,
    newly_dropped,
)

_PACKET_VNET_HDR, _PACKET_QDISC_BYPASS = 15, 20  # linux/if_packet.h
_VNET_HEADER = 10  # struct virtio_net_hdr
_LARGEST = _VNET_HEADER + LARGEST_FRAME
_READ_AT_ONCE = 256
"""Frames of one end before what is due gets its turn."""


class _Inner:
    """One inner end: takes the frames of the outer end that it faces, and sends it those of the other."""

    def __init__(self, namespace: int, device: str) -> None:
        with inside(namespace):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        for option in (_PACKET_VNET_HDR, _PACKET_QDISC_BYPASS, PACKET_IGNORE_OUTGOING):
            self.socket.setsockopt(SOL_PACKET, option, 1)
        Stamps.ask_for(self.socket)
        grow_buffer(self.socket)
        self.socket.bind((device, ETH_P_ALL))

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
        self._alarm = Alarm(loop, lambda _: self._send_due())
        self._stamps = Stamps()
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
        for _ in range(_READ_AT_ONCE):
            try:
                data, ancillary, _, _ = source.socket.recvmsg(_LARGEST, ANCILLARY_BYTES)
            except BlockingIOError:
                break
            except OSError:  # ENETDOWN is told once when the end goes down
                continue
            for due_s in way.take(data[_VNET_HEADER:], self._stamps.at_s(ancillary)):
                heapq.heappush(self._due, (due_s, next(self._order), sink, data))
        self._send_due()

    def _send_due(self) -> None:
        now = self._loop.now()
        while self._due and self._due[0][0] <= now:
            _, _, sink, data = heapq.heappop(self._due)
            sink.send(data)
        if self._due:
            self._alarm.set(self._due[0][0])

    def close(self) -> None:
        """Close every socket; frames on their way are lost."""
        for inner in self._inner:
            self._loop.unwatch(inner.socket.fileno())
            inner.socket.close()
        self._inner, self._due, self._ways = [], [], {}
