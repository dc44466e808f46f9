"""The network interfaces of the namespace that the thread is in, and how they stand on each other.

Asked of the kernel by route netlink (rtnetlink(7)), since /sys shows the interfaces of whoever mounted it,
which inside a namespace may be another's. Nothing is changed, and nothing is sent to a network.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ATTRIBUTE = struct.Struct("=HH")
_INDEX = struct.Struct("=I")
_RTM_GETLINK, _RTM_NEWLINK = 18, 16
_REQUEST_DUMP = 0x301
_ERROR, _DONE = 2, 3
_IFNAME, _LOWER, _MASTER, _LINKINFO, _LOWER_NAMESPACE, _KIND = 3, 5, 10, 18, 37, 1
_STACKED = ("vlan", "macvlan", "macvtap", "ipvlan")
"""Kinds whose lower interface is what they stand on; of a veth it is the other end."""
_NESTED = 0x3FFF
_UP, _RUNNING = 0x1, 0x40
_LARGEST = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One interface. ``kind`` is ``bridge``, ``vlan``, ``veth`` ..., empty for hardware.

    ``lower`` is the index of what a VLAN (or the like) stands on, ``master`` that of the bridge or bond it
    is a port of; 0 is none, and so is a ``lower`` that is in another namespace.
    """

    index: int
    name: str
    kind: str
    up: bool
    running: bool
    lower: int
    master: int


def interfaces() -> tuple[Interface, ...]:
    """Return all, in the kernel's order. Raises OSError as the kernel does."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as netlink:
        body = _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        netlink.send(_HEADER.pack(_HEADER.size + len(body), _RTM_GETLINK, _REQUEST_DUMP, 1, 0) + body)
        found: list[Interface] = []
        while True:
            for kind, message in _messages(netlink.recv(_LARGEST)):
                if kind == _DONE:
                    return tuple(found)
                if kind == _ERROR:
                    number = -int(struct.unpack_from("=i", message)[0])
                    raise OSError(number, "the kernel does not list the interfaces")
                if kind == _RTM_NEWLINK:
                    found.append(_interface(message))


def above(of: Interface, among: Iterable[Interface]) -> tuple[Interface, ...]:
    """Return what stands on an interface, directly or not: its bridge or bond, VLANs, and theirs."""
    every = tuple(among)
    found = {of.index: of}
    grown = True
    while grown:
        masters = {interface.master for interface in found.values()}
        more = {
            interface.index: interface
            for interface in every
            if interface.index not in found and (interface.index in masters or interface.lower in found)
        }
        found |= more
        grown = bool(more)
    del found[of.index]
    return tuple(found.values())


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, _, _, _ = _HEADER.unpack_from(data, at)
        yield kind, data[at + _HEADER.size : at + length]
        at += max(length + 3 & ~3, _HEADER.size)


def _interface(message: bytes) -> Interface:
    _, _, index, flags, _ = _LINK.unpack_from(message)
    has = dict(_attributes(message[_LINK.size :]))
    kind = _text(dict(_attributes(has.get(_LINKINFO, b""))).get(_KIND, b""))
    stands = kind in _STACKED and _LOWER_NAMESPACE not in has
    return Interface(
        index=index,
        name=_text(has.get(_IFNAME, b"")),
        kind=kind,
        up=bool(flags & _UP),
        running=bool(flags & _RUNNING),
        lower=_number(has.get(_LOWER, b"")) if stands else 0,
        master=_number(has.get(_MASTER, b"")),
    )


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        yield kind & _NESTED, data[at + _ATTRIBUTE.size : at + length]
        at += max(length + 3 & ~3, _ATTRIBUTE.size)


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="replace")


def _number(value: bytes) -> int:
    return int(_INDEX.unpack(value)[0]) if len(value) == _INDEX.size else 0
