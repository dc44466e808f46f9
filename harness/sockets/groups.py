"""Groups and interfaces, as the kernel's socket options of both families have them.

Options follow ip(7), ipv6(7) and the protocol-independent joins of RFC 3678 section 5; numbers that Python
lacks are those of linux/in.h and linux/in6.h. Everything here raises OSError as the kernel does.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from harness.wire.membership import Address

_IP_MULTICAST_ALL = 49  # 0 delivers only what this very socket joined
_IPV6_MULTICAST_ALL = 29
_IP_ADD_SOURCE_MEMBERSHIP, _IP_DROP_SOURCE_MEMBERSHIP = 39, 40
_MCAST_JOIN_SOURCE_GROUP, _MCAST_LEAVE_SOURCE_GROUP = 46, 47
_MREQN = struct.Struct("=4s4si")
_GROUP_SOURCE_REQ = struct.Struct("=I4x128s128s")
_SOCKADDR_IN = struct.Struct("=H2x4s")
_SOCKADDR_IN6 = struct.Struct("=H2x4x16sI")
_ANY = bytes(4)

Target = tuple[str, int] | tuple[str, int, int, int]
"""An address and a port, as bind and sendto take them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Via:
    """Which interface: by its ``index``, or (0) that which has ``address``, or (None) by the routes."""

    index: int = 0
    address: Address | None = None

    @property
    def packed4(self) -> bytes:
        """The address where the kernel wants one of IPv4; zeros without."""
        return self.address.packed if isinstance(self.address, IPv4Address) else _ANY


def send_groups_via(
    sock: socket.socket, version: int, via: Via, *, hops: int | None = None, loop: bool = False
) -> None:
    """Let what is sent to groups leave by this interface, with ``hops`` (None: as the kernel has it, 1).

    It comes back to this host's own members if ``loop``.
    """
    if version == 4:
        interface = _MREQN.pack(_ANY, via.packed4, via.index)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
        if hops is not None:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, hops)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, loop)
        return
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, via.index)
    if hops is not None:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, hops)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, loop)


def hear_only_joined(sock: socket.socket, version: int) -> None:
    """Let a socket hear the groups that it joined itself, not those of everybody on this host."""
    if version == 4:
        sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MULTICAST_ALL, 0)


def change_membership(
    sock: socket.socket, group: Address, via: Via, *, joined: bool, source: Address | None = None
) -> None:
    """Join or leave a group, of all sources or of one."""
    if source is not None:
        _change_source(sock, group, via, joined, source)
    elif isinstance(group, IPv4Address):
        option = socket.IP_ADD_MEMBERSHIP if joined else socket.IP_DROP_MEMBERSHIP
        sock.setsockopt(socket.IPPROTO_IP, option, _MREQN.pack(group.packed, via.packed4, via.index))
    else:
        option = socket.IPV6_JOIN_GROUP if joined else socket.IPV6_LEAVE_GROUP
        sock.setsockopt(socket.IPPROTO_IPV6, option, struct.pack("16sI", group.packed, via.index))


def _change_source(sock: socket.socket, group: Address, via: Via, joined: bool, source: Address) -> None:
    if isinstance(group, IPv4Address) and isinstance(via.address, IPv4Address):
        option = _IP_ADD_SOURCE_MEMBERSHIP if joined else _IP_DROP_SOURCE_MEMBERSHIP
        sock.setsockopt(socket.IPPROTO_IP, option, group.packed + via.address.packed + source.packed)
        return
    level = socket.IPPROTO_IP if isinstance(group, IPv4Address) else socket.IPPROTO_IPV6
    option = _MCAST_JOIN_SOURCE_GROUP if joined else _MCAST_LEAVE_SOURCE_GROUP
    sock.setsockopt(level, option, _GROUP_SOURCE_REQ.pack(via.index, _storage(group), _storage(source)))


def _storage(address: Address) -> bytes:
    """A struct sockaddr_storage, which pads it with zeros to 128 octets."""
    if isinstance(address, IPv4Address):
        return _SOCKADDR_IN.pack(socket.AF_INET, address.packed)
    return _SOCKADDR_IN6.pack(socket.AF_INET6, address.packed, 0)


def sockaddr(address: Address, port: int, index: int = 0) -> Target:
    """An address for bind and sendto; ``index`` is the zone of those of IPv6 that need one."""
    if isinstance(address, IPv4Address):
        return str(address), port
    needs_zone = address.is_link_local or (address.is_multicast and address.packed[1] & 0x0F in (1, 2))
    return str(address), port, 0, index if needs_zone else 0
