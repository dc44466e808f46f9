"""Packet sockets (AF_PACKET, see packet(7)): taps that see what passes a port, and frames put on a port.

A program of ``bpf`` keeps out what a tap does not want. Sockets must be made inside the namespace they watch.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.sockets.bpf import LARGEST_FRAME, Instruction, attach

ETH_P_ALL = 0x0003
SOL_PACKET = 263
PACKET_IGNORE_OUTGOING = 23
"""linux/if_packet.h, since 4.20"""
ANCILLARY_BYTES = 64
"""Room for the time stamp of a frame."""

_PACKET_STATISTICS = 6
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("qq")
_BUFFER_BYTES = 4 << 20


def grow_buffer(sock: socket.socket, size: int = _BUFFER_BYTES) -> None:
    """Ask for a large receive buffer; past the host's limit where the process may, else up to it."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, 33, size)  # SO_RCVBUFFORCE
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)


def newly_dropped(sock: socket.socket) -> int:
    """Return the frames that a packet socket lost since the last call because its buffer was full."""
    return int(struct.unpack("II", sock.getsockopt(SOL_PACKET, _PACKET_STATISTICS, 8))[1])


class Stamps:
    """The kernel's stamps of when frames came to a socket, as moments of the monotonic clock."""

    def __init__(self) -> None:
        self._offset_s = time.monotonic() - time.time()

    @staticmethod
    def ask_for(sock: socket.socket) -> None:
        """Let the kernel stamp what the socket receives."""
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)

    def at_s(self, ancillary: Iterable[tuple[int, int, bytes]]) -> float:
        """When what recvmsg returned with this came; now, if it has no stamp."""
        for _level, kind, value in ancillary:
            if kind == _SO_TIMESTAMPNS:
                seconds, nanoseconds = _TIMESPEC.unpack(value[: _TIMESPEC.size])
                return float(seconds + nanoseconds / 1e9 + self._offset_s)
        return time.monotonic()


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A frame that a tap saw: at ``at_s`` (monotonic, the kernel's own stamp) on ``port``."""

    port: str
    at_s: float
    data: bytes
    outgoing: bool


class Tap:
    """Sees frames on one port, or on every port of the namespace it is made in.

    ``program`` limits what is seen. ``outgoing`` tells whether frames that the port sends are seen too.
    """

    def __init__(
        self, port: str | None = None, program: Iterable[Instruction] | None = None, *, outgoing: bool = False
    ) -> None:
        protocol = socket.htons(ETH_P_ALL) if port is None else 0  # bound at once to all ports, or below
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)
        Stamps.ask_for(self.socket)
        if not outgoing:
            self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        if program is not None:
            attach(self.socket, program)
        grow_buffer(self.socket)
        if port is not None:
            self.socket.bind((port, ETH_P_ALL))
        self._stamps = Stamps()

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        return self.socket.fileno()

    def frames(self) -> Iterator[Frame]:
        """Yield what has come, until there is no more."""
        while True:
            try:
                data, ancillary, _, address = self.socket.recvmsg(LARGEST_FRAME, ANCILLARY_BYTES)
            except BlockingIOError:
                return
            except OSError:  # ENETDOWN is told once when a watched port goes down; the tap lives on
                continue
            yield Frame(
                port=address[0],
                at_s=self._stamps.at_s(ancillary),
                data=data,
                outgoing=address[2] == socket.PACKET_OUTGOING,
            )

    def send(self, port: str, frame: bytes) -> bool:
        """Put a frame on a port; False if the port is down."""
        try:
            self.socket.sendto(frame, (port, 0))
        except OSError:
            return False
        return True

    def drops(self) -> int:
        """Return the frames lost since the last call because the buffer was full."""
        return newly_dropped(self.socket)

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()
