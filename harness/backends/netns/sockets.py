"""The hosts' sockets of both families: out of which interface, how far, in which groups; and their taps.

Every function opens its socket in the network namespace that the thread is in. Options follow ip(7), ipv6(7)
and the protocol-independent joins of RFC 3678 section 5; numbers that Python lacks are those of linux/in.h
and linux/in6.h. Raises OSError as the kernel does.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path

from harness.backends.netns.bpf import UDP6_TO_GROUPS, UDP_TO_GROUPS, attach
from harness.backends.netns.packet import grow_buffer
from harness.wire import ethernet, ipv6
from harness.wire.membership import Address

INTERFACE = "eth0"
"""The one interface of every host."""
INTERFACE_INDEX = 2
SOURCES_OF_A_SOCKET = {4: 10, 6: 64}
"""How many sources a socket may name by default: net.ipv4.igmp_max_msf, net.ipv6.mld_max_msf.

The first can be set in each namespace, the second only for the whole machine.
"""

_IP_MULTICAST_ALL = 49  # 0 delivers only what this very socket joined
_IPV6_MULTICAST_ALL = 29
_IP_ADD_SOURCE_MEMBERSHIP, _IP_DROP_SOURCE_MEMBERSHIP = 39, 40
_MCAST_JOIN_SOURCE_GROUP, _MCAST_LEAVE_SOURCE_GROUP = 46, 47
_GROUP_SOURCE_REQ = struct.Struct("=I4x128s128s")
_SOCKADDR_IN6 = struct.Struct("=H2x4x16sI")
_DISCARD_PORT = 9
_FRAGMENT_HEADER, _UDP_HEADER = 8, 8
_TAPS = {4: (ethernet.ETHERTYPE_IPV4, UDP_TO_GROUPS), 6: (ethernet.ETHERTYPE_IPV6, UDP6_TO_GROUPS)}


def open_sender(version: int, hops: int) -> socket.socket:
    """A socket that sends to groups out of eth0, ``hops`` far, and does not hear itself."""
    if version == 4:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        _send_from_eth0(sock)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, hops)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        return sock
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, INTERFACE_INDEX)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, hops)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
    return sock


def open_raw_sender(version: int) -> socket.socket:
    """A socket that sends whole packets out of eth0, and lets the host's own stack hear them.

    That of IPv6 goes where the zone of the address says.
    """
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    if version == 4:
        _send_from_eth0(sock)
    return sock


def _send_from_eth0(sock: socket.socket) -> None:
    interface = struct.pack("4s4si", bytes(4), bytes(4), INTERFACE_INDEX)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)


def open_receiver(address: Address, port: int) -> socket.socket:
    """A socket that hears what is sent to a group or an own address; it joins nothing yet."""
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    grow_buffer(sock)
    if isinstance(address, IPv4Address):
        sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MULTICAST_ALL, 0)
    sock.bind(sockaddr(address, port))
    return sock


def sockaddr(address: Address, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """An address for bind and sendto; those of IPv6 with the zone that link-local ones need."""
    if isinstance(address, IPv4Address):
        return str(address), port
    return str(address), port, 0, INTERFACE_INDEX


def change_membership(
    sock: socket.socket, group: Address, *, joined: bool, own: Address, sources: Iterable[Address] | None
) -> None:
    """Join or leave a group, of all sources or of these alone; ``own`` is the host's address."""
    if sources is None:
        _change(sock, group, joined)
        return
    for source in sources:
        if source != own:
            _change_source(sock, group, joined, own, source)


def _change(sock: socket.socket, group: Address, joined: bool) -> None:
    if isinstance(group, IPv4Address):
        option = socket.IP_ADD_MEMBERSHIP if joined else socket.IP_DROP_MEMBERSHIP
        request = struct.pack("4s4si", group.packed, bytes(4), INTERFACE_INDEX)
        sock.setsockopt(socket.IPPROTO_IP, option, request)
        return
    option = socket.IPV6_JOIN_GROUP if joined else socket.IPV6_LEAVE_GROUP
    sock.setsockopt(socket.IPPROTO_IPV6, option, struct.pack("16sI", group.packed, INTERFACE_INDEX))


def _change_source(sock: socket.socket, group: Address, joined: bool, own: Address, source: Address) -> None:
    if isinstance(group, IPv4Address):
        option = _IP_ADD_SOURCE_MEMBERSHIP if joined else _IP_DROP_SOURCE_MEMBERSHIP
        sock.setsockopt(socket.IPPROTO_IP, option, group.packed + own.packed + source.packed)
        return
    option = _MCAST_JOIN_SOURCE_GROUP if joined else _MCAST_LEAVE_SOURCE_GROUP
    request = _GROUP_SOURCE_REQ.pack(INTERFACE_INDEX, _storage(group), _storage(source))
    sock.setsockopt(socket.IPPROTO_IPV6, option, request)


def _storage(address: Address) -> bytes:
    """A struct sockaddr_storage, which pads it with zeros to 128 octets."""
    return _SOCKADDR_IN6.pack(socket.AF_INET6, address.packed, 0)


def allow_sources(count: int) -> None:
    """Raise the number of sources that an IPv4 socket of this namespace may name (10 by default)."""
    Path("/proc/sys/net/ipv4/igmp_max_msf").write_text(str(count), encoding="ascii")


def announce() -> None:
    """Broadcast one datagram, so that the switches know a host before it is spoken to.

    Neighbour entries are permanent in a lab, so nobody asks for an address; without this, unicast to a
    host that never spoke would be flooded to every port.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, INTERFACE.encode())
        with suppress(OSError):  # a host whose port begins down
            sock.sendto(b"", ("255.255.255.255", _DISCARD_PORT))


def open_tap(version: int) -> socket.socket:
    """A socket that sees the datagrams to groups of a family that arrive on eth0, joined or not.

    What is read from it starts with the IP header and is cut after 128 bytes.
    """
    ethertype, program = _TAPS[version]
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, 0)
    attach(sock, program)
    grow_buffer(sock)
    sock.bind((INTERFACE, ethertype))
    return sock


def payload_at(packet: bytearray, version: int) -> int:
    """Where the payload of a tap's datagram begins."""
    if version == 4:
        return (packet[0] & 0x0F) * 4 + _UDP_HEADER
    fragment = _FRAGMENT_HEADER if packet[6] == ipv6.PROTOCOL_FRAGMENT else 0
    return ipv6.HEADER.size + fragment + _UDP_HEADER
