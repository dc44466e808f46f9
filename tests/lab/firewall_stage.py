"""Two hosts at one switch: what passes the second one's firewall, both ways, by the kernel.

What comes in is written frame by frame; raw sockets of the host, which sit behind its INPUT chain, tell what
came through. What goes out is handed to the stack with its header, and seen on the wire. Packets are
numbered, and a frame of an own ethertype, which no firewall sees, tells that all before it are dealt with.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address, ip_interface

from harness.backends.netns import firewall
from harness.backends.netns.fabric import Fabric, HostSpec, SwitchSpec
from harness.backends.netns.host_ipv6 import HostIPv6
from harness.backends.netns.namespaces import inside
from harness.plan.model import FirewallCommand, PeerKind, PlanHost
from harness.protocols.firewall.packet import ICMPV6, IGMP, UDP, Direction, Packet
from harness.wire import ethernet, ipv4
from harness.wire.checksum import checksum, pseudo_header

LIMIT_S = 10.0
MARK = b"case"
FENCE_TYPE = 0x88B5  # for experiments (IEEE 802)
ETH_P_ALL = 3
GROUPS = ("239.192.0.1", "239.192.0.2", "224.0.0.251")
GROUPS6 = ("ff15::1:2", "ff02::fb")
OTHER, OWN = "n1", "n2"
MACS = {OTHER: "02:00:00:00:00:01", OWN: "02:00:00:00:00:02"}
ADDRESSES = (ip_interface("10.0.0.2/24"), ip_interface("fd00::2/64"), ip_interface("fe80::2/64"))
_ROUTER_ALERT6 = bytes((0, 5, 2, 0, 0, 1, 0))
_MINIMUM = 8


def body(packet: Packet, tag: bytes) -> bytes:
    """What stands behind the IP header, ``packet.size`` bytes with it: with a checksum, a tag at the end."""
    four = packet.version == 4
    header = (24 if packet.protocol == IGMP else 20) if four else 48 if packet.hop_by_hop else 40
    length = packet.size - header
    assert length >= _MINIMUM + len(tag)
    first = struct.pack("!BBH4x", packet.message_type or 0, packet.message_code, 0)
    if packet.protocol == UDP:
        first = struct.pack("!HHHH", packet.source_port, packet.destination_port, length, 0)
    data = first + bytes(length - len(first) - len(tag)) + tag
    at = 6 if packet.protocol == UDP else 2
    before = b""
    if not four:
        before = pseudo_header(packet.source, packet.destination, length, packet.protocol)
    elif packet.protocol == UDP:
        before = packet.source.packed + packet.destination.packed + struct.pack("!HH", UDP, length)
    return data[:at] + struct.pack("!H", checksum(before + data)) + data[at + 2 :]


def ip_packet(packet: Packet, tag: bytes) -> bytes:
    """The bytes of a packet."""
    payload = body(packet, tag)
    if packet.version == 4:
        return ipv4.encode(
            ipv4.Ipv4Packet(
                source=packet.source,
                destination=packet.destination,
                protocol=packet.protocol,
                ttl=packet.hops,
                router_alert=packet.protocol == IGMP,
                payload=payload,
            )
        )
    following = packet.protocol
    if packet.hop_by_hop:
        payload, following = bytes((following,)) + _ROUTER_ALERT6 + payload, 0
    header = struct.pack("!IHBB", 6 << 28, len(payload), following, packet.hops)
    return header + packet.source.packed + packet.destination.packed + payload


def frame(packet: Packet, data: bytes) -> bytes:
    """Its frame from the other host to where its destination says."""
    to = bytes.fromhex(MACS[OWN].replace(":", ""))
    if packet.destination.is_multicast:
        to = ethernet.multicast_mac(packet.destination)
    elif packet.destination in (IPv4Address("10.0.0.255"), IPv4Address("255.255.255.255")):
        to = b"\xff" * 6
    kind = ethernet.ETHERTYPE_IPV4 if packet.version == 4 else ethernet.ETHERTYPE_IPV6
    return to + bytes.fromhex(MACS[OTHER].replace(":", "")) + struct.pack("!H", kind) + data


def fragments(packet: Packet, tag: bytes) -> list[bytes]:
    """The frames of a datagram that comes in the pieces that it says (RFC 791 section 3.2, RFC 8200 4.5)."""
    whole = ip_packet(packet, tag)
    head = 20 if packet.version == 4 else 40
    own = 0 if packet.version == 4 else 8
    frames, at = [], 0
    number = int.from_bytes(tag[-2:], "big")
    for size in packet.fragments:
        piece = whole[head + at : head + at + size - head - own]
        more = size != packet.fragments[-1]
        if packet.version == 4:
            middle = struct.pack("!HHHBBH", size, number, more << 13 | at // 8, packet.hops, UDP, 0)
            header = whole[:2] + middle + whole[12:20]
            header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
        else:
            header = whole[:4] + struct.pack("!HBB", size - head, 44, packet.hops) + whole[8:40]
            header += struct.pack("!BBHI", UDP, 0, at // 8 << 3 | more, number)
        frames.append(frame(packet, header + piece))
        at += len(piece)
    assert at == len(whole) - head
    return frames


class FirewallStage:
    """Sets rules and says what passes them."""

    def __init__(self, fabric: Fabric, stack: ExitStack) -> None:
        self._fabric = fabric
        self._number = 0
        self._heard: set[bytes] = set()
        self._seen: set[bytes] = set()
        self.refused: set[bytes] = set()
        """The tags of what could not be sent: what its own firewall drops fails for its sender."""
        self._wires = {}
        for name in (OTHER, OWN):
            with inside(fabric.host_fd(name)):
                wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            wire.bind(("eth0", ETH_P_ALL))
            self._wires[name] = stack.enter_context(wire)
        with inside(fabric.host_fd(OWN)):
            self._ears = [
                stack.enter_context(socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol))
                for family, protocol in (
                    (socket.AF_INET, UDP),
                    (socket.AF_INET, IGMP),
                    (socket.AF_INET6, UDP),
                    (socket.AF_INET6, ICMPV6),
                )
            ]
            self._mouths = {
                4: stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)),
                6: stack.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)),
            }
            # Sockets that have the ports, so that nobody answers that they are unreachable.
            member = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            for group in GROUPS:
                request = struct.pack("4s4si", IPv4Address(group).packed, bytes(4), 2)
                member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
            member6 = stack.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
            for group in GROUPS6:
                request = struct.pack("16sI", IPv6Address(group).packed, 2)
                member6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
        for mouth in self._mouths.values():
            mouth.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
            mouth.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        # Without a copy to the sender's own ears, which would pass the input hook too.
        self._mouths[4].setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        self._mouths[6].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)

    def set_rules(self, commands: Sequence[FirewallCommand]) -> None:
        """Have exactly these rules. Raises LabError for what a tool refuses."""
        with inside(self._fabric.host_fd(OWN)):
            subprocess.run(["nft", "flush", "ruleset"], check=True)
            firewall.set_up(_host(commands))

    def passed(self, direction: Direction, packets: Sequence[Packet]) -> list[bool]:
        """Which of some packets pass the rules."""
        self._drain()
        first = self._number
        self._number += len(packets) + 1
        tags = [MARK + number.to_bytes(4, "big") for number in range(first, self._number - 1)]
        for packet, tag in zip(packets, tags, strict=True):
            data = ip_packet(packet, tag)
            if direction is Direction.IN:
                self._wires[OTHER].send(frame(packet, data))
            else:
                self._speak(packet, data)
        sender, hearer = (OTHER, OWN) if direction is Direction.IN else (OWN, OTHER)
        self._fence(sender, hearer, self._number - 1)
        if direction is Direction.IN:
            return [tag in self._heard for tag in tags]
        assert self.refused == set(tags) - self._seen
        return [tag in self._seen for tag in tags]

    def passed_in_pieces(self, packet: Packet) -> bool:
        """Whether a datagram comes in that was sent in fragments."""
        self._drain()
        self._number += 1
        tag = MARK + self._number.to_bytes(4, "big")
        for data in fragments(packet, tag):
            self._wires[OTHER].send(data)
        self._fence(OTHER, OWN, self._number)
        return tag in self._heard

    def _speak(self, packet: Packet, data: bytes) -> None:
        target: tuple[object, ...] = (str(packet.destination), 0)
        if packet.version == 6:
            target = (*target, 0, 2)
        try:
            self._mouths[packet.version].sendto(data, target)
        except PermissionError:
            self.refused.add(data[-8:])

    def _drain(self) -> None:
        self._listen()
        for wire in self._wires.values():
            with suppress(BlockingIOError):
                while True:
                    wire.recv(65536, socket.MSG_DONTWAIT)
        for tags in (self._heard, self._seen, self.refused):
            tags.clear()

    def _listen(self) -> None:
        for ear in self._ears:
            with suppress(BlockingIOError):
                while True:
                    self._heard.add(ear.recv(65536)[-8:])

    def _fence(self, sender: str, hearer: str, number: int) -> None:
        fence = b"\xff" * 6 + b"\2\0\0\0\0\3" + struct.pack("!HI", FENCE_TYPE, number) + bytes(46)
        self._wires[sender].send(fence)
        wire = self._wires[hearer]
        while True:
            ready, _, _ = select.select([wire], [], [], LIMIT_S)
            assert ready, f"waited {LIMIT_S} s for the fence"
            data = wire.recv(65536)
            if data == fence:
                break
            self._seen.add(data[-8:])
        self._listen()


def _host(commands: Sequence[FirewallCommand]) -> PlanHost:
    return PlanHost(
        name=OWN,
        kind=PeerKind.NODE,
        number=2,
        mac=MACS[OWN],
        address=IPv4Address("10.0.0.2"),
        switch="sw1",
        port="p2",
        mtu=1500,
        up=True,
        igmp_version=None,
        firewall=tuple(commands),
    )


@contextmanager
def firewall_stage() -> Iterator[FirewallStage]:
    """Two hosts with IPv4 and IPv6, on one processor: in the order of sending is in that of arriving."""
    hosts = [
        HostSpec(
            name=f"n{n}",
            mac=MACS[f"n{n}"],
            address=IPv4Address(f"10.0.0.{n}"),
            prefix_length=24,
            switch="sw1",
            port=f"p{n}",
            port_mac=f"02:00:00:00:01:0{n}",
            ipv6=True,
            inet6=HostIPv6(
                link_local=IPv6Address(f"fe80::{n}"), address=IPv6Address(f"fd00::{n}"), prefix_length=64
            ),
        )
        for n in (1, 2)
    ]
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    spec = SwitchSpec(name="sw1", mac="02:00:00:01:00:01", options={"mcast_snooping": 0})
    try:
        with Fabric(switches=[spec], hosts=hosts) as fabric, ExitStack() as stack:
            others = [(address, MACS[OTHER]) for address in (hosts[0].address, IPv6Address("fd00::1"))]
            fabric.set_neighbours(OWN, others)
            yield FirewallStage(fabric, stack)
    finally:
        os.sched_setaffinity(0, processors)
