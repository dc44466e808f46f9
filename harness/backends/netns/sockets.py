"""The hosts' sockets of both families: out of which interface, how far, in which groups; and their taps.

Every function opens its socket in the network namespace that the thread is in, and raises OSError as the
kernel does.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from harness.sockets import groups
from harness.sockets.bpf import UDP6_TO_GROUPS, UDP_TO_GROUPS, attach
from harness.sockets.groups import Via, sockaddr
from harness.sockets.packet import grow_buffer
from harness.wire import ethernet, ipv6
from harness.wire.membership import Address

INTERFACE = "eth0"
"""The one interface of every host."""
INTERFACE_INDEX = 2
SOURCES_OF_A_SOCKET = {4: 10, 6: 64}
"""How many sources a socket may name by default: net.ipv4.igmp_max_msf, net.ipv6.mld_max_msf.

The first can be set in each namespace, the second only for the whole machine.
"""

_EVERY_HOST = Via(index=INTERFACE_INDEX)
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_DISCARD_PORT = 9
_FRAGMENT_HEADER, _UDP_HEADER = 8, 8
_TAPS = {4: (ethernet.ETHERTYPE_IPV4, UDP_TO_GROUPS), 6: (ethernet.ETHERTYPE_IPV6, UDP6_TO_GROUPS)}


def open_sender(version: int, hops: int) -> socket.socket:
    """A socket that sends to groups out of eth0, ``hops`` far, and does not hear itself."""
    sock = socket.socket(_FAMILIES[version], socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    groups.send_groups_via(sock, version, _EVERY_HOST, hops=hops, loop=False)
    return sock


def open_raw_sender(version: int) -> socket.socket:
    """A socket that sends whole packets out of eth0, and lets the host's own stack hear them.

    That of IPv6 goes where the zone of the address says.
    """
    sock = socket.socket(_FAMILIES[version], socket.SOCK_RAW, socket.IPPROTO_RAW)
    if version == 4:
        groups.send_groups_via(sock, version, _EVERY_HOST, loop=True)
    return sock


def open_receiver(address: Address, port: int) -> socket.socket:
    """A socket that hears what is sent to a group or an own address; it joins nothing yet.

    A group's address may be bound by others too, as corosync leaves it to an mcfirst beside it.
    """
    sock = socket.socket(_FAMILIES[address.version], socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    grow_buffer(sock)
    if address.is_multicast:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if address.version == 6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    groups.hear_only_joined(sock, address.version)
    sock.bind(sockaddr(address, port, INTERFACE_INDEX))
    return sock


def change_membership(
    sock: socket.socket, group: Address, *, joined: bool, own: Address, sources: Iterable[Address] | None
) -> None:
    """Join or leave a group, of all sources or of these alone; ``own`` is the host's address."""
    if sources is None:
        groups.change_membership(sock, group, _EVERY_HOST, joined=joined)
        return
    via = groups.Via(index=INTERFACE_INDEX, address=own)
    for source in sources:
        if source != own:
            groups.change_membership(sock, group, via, joined=joined, source=source)


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


def overflows() -> int:
    """Return how many datagrams all UDP sockets of this namespace have lost because nobody read in time."""
    found = 0
    for name, family in (("snmp", "Udp:"), ("snmp6", "Udp6RcvbufErrors")):
        path = Path("/proc/thread-self/net") / name
        lines = path.read_text(encoding="ascii").splitlines() if path.exists() else []
        rows = [line.split() for line in lines if line.startswith(family)]
        if name == "snmp6":
            found += sum(int(row[1]) for row in rows)
        elif len(rows) == 2:
            found += int(rows[1][rows[0].index("RcvbufErrors")])
    return found


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
