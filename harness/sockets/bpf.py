"""Classic BPF programs (linux/filter.h): the kernel keeps from a socket what it does not want.

So thousands of data frames a second cost a switch's control plane nothing, and the answers to others cost a
probe nothing. A program says how many octets of a frame it lets through, 0 for none; offsets count from the
first octet that the socket gives out.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Iterable, Sequence

from harness.wire import ipv6, mld
from harness.wire.ethernet import ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPES_OF_TAGS
from harness.wire.pim import PROTOCOL_PIM

LARGEST_FRAME = 65600
_HEADERS = 128
"""Octets of a datagram that hold its headers and a probe's."""
_SO_ATTACH_FILTER = 26

Instruction = tuple[int, int, int, int]

# linux/filter.h: load (from a place, or from one that register X counts to), compute, compare and return, as
# (code, jump if true, jump if false, value). A jump is the number of instructions to pass over.
_LD_H, _LD_B, _LD_W, _LD_B_X = 0x28, 0x30, 0x20, 0x50
_AND, _LSH, _ADD, _TAX, _JEQ, _JSET, _RET = 0x54, 0x64, 0x04, 0x07, 0x15, 0x45, 0x06

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


_CONTROL: tuple[_Line, ...] = (
    (_LD_H, 12),
    (_JEQ, ETHERTYPE_IPV6, "ipv6", ""),
    (_JEQ, ETHERTYPE_IPV4, "", "leave"),
    (_LD_B, 23),
    (_JEQ, socket.IPPROTO_IGMP, "take", ""),
    (_JEQ, PROTOCOL_PIM, "", "leave"),
    (_LD_W, 30),
    (_JEQ, 0xE000000D, "take", "leave"),
    "ipv6",
    (_LD_B, 20),
    (_JEQ, socket.IPPROTO_HOPOPTS, "options", ""),
    (_JEQ, socket.IPPROTO_ICMPV6, "", "no icmp"),
    (_LD_B, 54),
    (_JEQ, 0, "type", "type"),
    "no icmp",
    (_JEQ, PROTOCOL_PIM, "", "leave"),
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
    *((_JEQ, kind, "take", "") for kind in mld.TYPES),
    "leave",
    (_RET, 0),
    "take",
    (_RET, LARGEST_FRAME),
)

CONTROL_FRAMES = _assembled(_CONTROL)
"""Ethernet frames that a switch's control plane reads.

IGMP, MLD (with hop-by-hop options before it or without any), and PIM to all PIM routers: 224.0.0.13, ff02::d.
"""

CONTROL_AND_TAGGED = _assembled(
    ((_LD_H, 12), *((_JEQ, kind, "take", "") for kind in ETHERTYPES_OF_TAGS), *_CONTROL)
)
"""The same, and every frame with a VLAN tag in it that the kernel did not take off: an inner one, mostly."""

DATA_TO_GROUPS = _assembled(
    (
        (_LD_H, 12),
        (_JEQ, ETHERTYPE_IPV6, "ipv6", ""),
        (_JEQ, ETHERTYPE_IPV4, "", "leave"),
        (_LD_B, 30),
        (_AND, 0xF0),
        (_JEQ, 0xE0, "", "leave"),
        (_LD_B, 23),
        (_JEQ, socket.IPPROTO_IGMP, "leave", ""),
        (_JEQ, PROTOCOL_PIM, "leave", "take"),
        "ipv6",
        (_LD_B, 38),
        (_JEQ, 0xFF, "", "leave"),
        (_LD_B, 20),
        (_JEQ, socket.IPPROTO_HOPOPTS, "leave", ""),
        (_JEQ, socket.IPPROTO_ICMPV6, "leave", ""),
        (_JEQ, PROTOCOL_PIM, "leave", "take"),
        "leave",
        (_RET, 0),
        "take",
        (_RET, _HEADERS),
    )
)
"""Untagged Ethernet frames whose packet goes to a group and is none of IGMP, PIM or ICMPv6: headers only.

No frame passes both this and ``CONTROL_AND_TAGGED``.
"""

UDP_TO_GROUPS = _assembled(
    (
        (_LD_B, 9),
        (_JEQ, socket.IPPROTO_UDP, "", "leave"),
        (_LD_W, 16),
        (_AND, 0xF0000000),
        (_JEQ, 0xE0000000, "", "leave"),
        (_LD_H, 6),
        (_AND, 0x1FFF),
        (_JEQ, 0, "take", "leave"),
        "leave",
        (_RET, 0),
        "take",
        (_RET, _HEADERS),
    )
)
"""IPv4 packets (no link header), whole or first fragments, that carry UDP to a multicast group."""

UDP6_TO_GROUPS = _assembled(
    (
        (_LD_B, 24),
        (_JEQ, 0xFF, "", "leave"),
        (_LD_B, 6),
        (_JEQ, socket.IPPROTO_UDP, "take", ""),
        (_JEQ, ipv6.PROTOCOL_FRAGMENT, "", "leave"),
        (_LD_B, ipv6.HEADER.size),
        (_JEQ, socket.IPPROTO_UDP, "", "leave"),
        (_LD_H, ipv6.HEADER.size + 2),
        (_JSET, 0xFFF8, "leave", "take"),
        "leave",
        (_RET, 0),
        "take",
        (_RET, _HEADERS),
    )
)
"""IPv6 packets (no link header), whole or first fragments, that carry UDP to a multicast group."""


_UDP_HEADER = 8
_LOADS = ((4, _LD_W), (2, _LD_H), (1, _LD_B))


def beginning(payload: bytes) -> tuple[Instruction, ...]:
    """Datagrams whose payload begins so, for a socket of UDP: it counts octets from the UDP header."""
    lines: list[_Line] = []
    at = 0
    while at < len(payload):
        size, load = next((size, load) for size, load in _LOADS if size <= len(payload) - at)
        wanted = int.from_bytes(payload[at : at + size], "big")
        lines += [(load, _UDP_HEADER + at), (_JEQ, wanted, "", "leave")]
        at += size
    return _assembled((*lines, (_RET, LARGEST_FRAME), "leave", (_RET, 0)))


def install(sock: socket.socket, program: Iterable[Instruction]) -> None:
    """Let the kernel drop for this socket whatever the program does not accept, from now on."""
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code)
    fprog = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, fprog)


def attach(sock: socket.socket, program: Iterable[Instruction]) -> None:
    """Do the same for a socket that does not block, and drop what it has got already."""
    install(sock, program)
    while True:  # frames that came before the filter was there
        try:
            sock.recv(1)
        except BlockingIOError:
            return
