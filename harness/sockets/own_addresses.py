"""The addresses of this host's interfaces, in the network namespace that the thread is in.

Asked of the kernel by rtnetlink (RFC 3549, rtnetlink(7)), which needs no rights; nothing is changed.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

from harness.wire.membership import Address

_RTM_GETADDR, _RTM_NEWADDR = 22, 20
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_REQUEST_DUMP = 0x301
_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST = 1, 2, 4
_HEADER = struct.Struct("=IHHII")
_MESSAGE = struct.Struct("=BBBBI")
_ATTRIBUTE = struct.Struct("=HH")
_TYPE_MASK = 0x3FFF
_READ_BYTES = 65536
_LONGEST_WITH_BROADCAST = 30
"""Links of two addresses have none (RFC 3021)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAddress:
    """An address of an interface; ``broadcast`` is that of its network, if it has one.

    Where the kernel was told none, it is the last of the network, which it takes as one all the same.
    """

    address: Address
    index: int
    prefix_length: int
    broadcast: IPv4Address | None = None


def own_addresses() -> tuple[OwnAddress, ...]:
    """Return all addresses of all interfaces. Raises OSError as the kernel does."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as sock:
        sock.bind((0, 0))
        body = _MESSAGE.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        sock.send(_HEADER.pack(_HEADER.size + len(body), _RTM_GETADDR, _REQUEST_DUMP, 1, 0) + body)
        found = list[OwnAddress]()
        while True:
            for kind, message in _messages(sock.recv(_READ_BYTES)):
                if kind == _NLMSG_DONE:
                    return tuple(found)
                if kind == _NLMSG_ERROR:
                    number = -struct.unpack_from("=i", message)[0]
                    raise OSError(number, "the kernel does not list its addresses")
                if kind == _RTM_NEWADDR:
                    found += _address(message)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, at)
        yield kind, data[at + _HEADER.size : at + length]
        at += _aligned(max(length, _HEADER.size))


def _address(message: bytes) -> Iterator[OwnAddress]:
    """Read one; nothing if it is of another family than IP."""
    family, prefix_length, _, _, index = _MESSAGE.unpack_from(message)
    if family not in (socket.AF_INET, socket.AF_INET6):
        return
    values = dict[int, bytes]()
    at = _MESSAGE.size
    while at + _ATTRIBUTE.size <= len(message):
        length, kind = _ATTRIBUTE.unpack_from(message, at)
        values[kind & _TYPE_MASK] = message[at + _ATTRIBUTE.size : at + length]
        at += _aligned(max(length, _ATTRIBUTE.size))
    packed = values.get(_IFA_LOCAL) or values.get(_IFA_ADDRESS)  # the first is the own one of a tunnel
    if packed is not None:
        address = ip_address(packed)
        yield OwnAddress(
            address=address,
            index=index,
            prefix_length=prefix_length,
            broadcast=_broadcast(address, prefix_length, values.get(_IFA_BROADCAST)),
        )


def _broadcast(address: Address, prefix_length: int, told: bytes | None) -> IPv4Address | None:
    if told is not None:
        return IPv4Address(told)
    if isinstance(address, IPv6Address) or prefix_length > _LONGEST_WITH_BROADCAST:
        return None
    return IPv4Network((address, prefix_length), strict=False).broadcast_address


def _aligned(length: int) -> int:
    return (length + 3) & ~3
