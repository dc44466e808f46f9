"""Packet sockets (AF_PACKET, see packet(7)): taps that see what passes a port, and frames put on a port.

A classic BPF program in the kernel keeps out what a tap does not want, so that thousands of data frames a
second cost a switch's control plane nothing. Sockets must be made inside the namespace they watch.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_ETH_P_ALL = 0x0003
_ETH_P_IP = 0x0800
_ETH_P_IPV6 = 0x86DD
_SOL_PACKET = 263
_PACKET_STATISTICS = 6
_PACKET_IGNORE_OUTGOING = 23  # linux/if_packet.h, since 4.20
_SO_ATTACH_FILTER = 26
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("qq")
_LARGEST_FRAME = 65600
_BUFFER_BYTES = 4 << 20

Instruction = tuple[int, int, int, int]

# linux/filter.h: load (from a place, or from one that register X counts to), compute, compare and return, as
# (code, jump if true, jump if false, value). A jump is the number of instructions to pass over.
_LD_H, _LD_B, _LD_W, _LD_B_X = 0x28, 0x30, 0x20, 0x50
_AND, _LSH, _ADD, _TAX, _JEQ, _JGE, _RET = 0x54, 0x64, 0x04, 0x07, 0x15, 0x35, 0x06
_IPPROTO_PIM = 103
_MLD_TYPES = (130, 131, 132, 143)

_Line = str | tuple[int, int] | tuple[int, int, str, str]
"""A label, or (code, value), or (code, value, label if true, label if false); an empty label: go on below."""


def _assembled(lines: Sequence[_Line]) -> tuple[Instruction, ...]:
    """Return a program with its labels resolved."""
    labels: dict[str, int] = {}
    code: list[tuple[int, int, str, str]] = []
    for line in lines:
        if isinstance(line, str):
            labels[line] = len(code)
        else:
            code.append((*line, "", "") if len(line) == 2 else line)

    def distance(number: int, label: str) -> int:
        return labels[label] - number - 1 if label else 0

    return tuple(
        (kind, distance(number, true), distance(number, false), value)
        for number, (kind, value, true, false) in enumerate(code)
    )


CONTROL_FRAMES = _assembled(
    (
        (_LD_H, 12),
        (_JEQ, _ETH_P_IPV6, "ipv6", ""),
        (_JEQ, _ETH_P_IP, "", "leave"),
        (_LD_B, 23),
        (_JEQ, socket.IPPROTO_IGMP, "take", ""),
        (_JEQ, _IPPROTO_PIM, "", "leave"),
        (_LD_W, 30),
        (_JEQ, 0xE000000D, "take", "leave"),
        "ipv6",
        (_LD_B, 20),
        (_JEQ, socket.IPPROTO_HOPOPTS, "options", ""),
        (_JEQ, socket.IPPROTO_ICMPV6, "", "no icmp"),
        (_LD_B, 54),
        (_JEQ, 0, "type", "type"),
        "no icmp",
        (_JEQ, _IPPROTO_PIM, "", "leave"),
        (_LD_H, 38),
        (_JEQ, 0xFF02, "", "leave"),
        (_LD_W, 50),
        (_JEQ, 0x0000000D, "take", "leave"),
        "options",
        (_LD_B, 54),
        (_JEQ, socket.IPPROTO_ICMPV6, "", "leave"),
        (_LD_B, 55),  # the options' length is in units of eight octets, the first not counted
        (_LSH, 3),
        (_ADD, 14 + 40 + 8),
        (_TAX, 0),
        (_LD_B_X, 0),
        "type",
        *((_JEQ, kind, "take", "") for kind in _MLD_TYPES),
        "leave",
        (_RET, 0),
        "take",
        (_RET, _LARGEST_FRAME),
    )
)
"""Ethernet frames that a switch's control plane reads.

IGMP, MLD (with hop-by-hop options before it or without any), and PIM to all PIM routers: 224.0.0.13, ff02::d.
"""

UDP_TO_GROUPS: tuple[Instruction, ...] = (
    (_LD_B, 0, 0, 9),
    (_JEQ, 0, 6, socket.IPPROTO_UDP),
    (_LD_W, 0, 0, 16),
    (_AND, 0, 0, 0xF0000000),
    (_JEQ, 0, 3, 0xE0000000),
    (_LD_H, 0, 0, 6),
    (_AND, 0, 0, 0x1FFF),
    (_JEQ, 1, 0, 0),
    (_RET, 0, 0, 0),
    (_RET, 0, 0, 128),
)
"""IPv4 packets (no link header), whole or first fragments, that carry UDP to a multicast group."""


def attach_filter(sock: socket.socket, program: Iterable[Instruction]) -> None:
    """Let the kernel drop for this socket whatever the program does not accept."""
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code)
    fprog = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, fprog)
    while True:  # frames that came before the filter was there
        try:
            sock.recv(1)
        except BlockingIOError:
            return


def grow_buffer(sock: socket.socket, size: int = _BUFFER_BYTES) -> None:
    """Ask for a large receive buffer; past the host's limit where the process may, else up to it."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, 33, size)  # SO_RCVBUFFORCE
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)


def newly_dropped(sock: socket.socket) -> int:
    """Return the frames that a packet socket lost since the last call because its buffer was full."""
    return int(struct.unpack("II", sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))[1])


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
        protocol = socket.htons(_ETH_P_ALL) if port is None else 0  # bound at once to all ports, or below
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        if not outgoing:
            self.socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        if program is not None:
            attach_filter(self.socket, program)
        grow_buffer(self.socket)
        if port is not None:
            self.socket.bind((port, _ETH_P_ALL))
        self._offset_s = time.monotonic() - time.time()

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        return self.socket.fileno()

    def frames(self) -> Iterator[Frame]:
        """Yield what has come, until there is no more."""
        while True:
            try:
                data, ancillary, _, address = self.socket.recvmsg(_LARGEST_FRAME, 64)
            except BlockingIOError:
                return
            except OSError:  # ENETDOWN is told once when a watched port goes down; the tap lives on
                continue
            at_s = time.monotonic()
            for _level, kind, value in ancillary:
                if kind == _SO_TIMESTAMPNS:
                    seconds, nanoseconds = _TIMESPEC.unpack(value[: _TIMESPEC.size])
                    at_s = seconds + nanoseconds / 1e9 + self._offset_s
            yield Frame(port=address[0], at_s=at_s, data=data, outgoing=address[2] == socket.PACKET_OUTGOING)

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


def group_tap(port: str) -> socket.socket:
    """Open a socket that sees the UDP datagrams to groups that arrive on a host's port, joined or not.

    What is read from it starts with the IPv4 header and is cut after 128 bytes.
    """
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, 0)
    attach_filter(sock, UDP_TO_GROUPS)
    grow_buffer(sock)
    sock.bind((port, _ETH_P_IP))
    return sock
