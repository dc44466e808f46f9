"""UDP of the model's hosts: which sockets are open, and to which of them a datagram comes.

A socket's way to an endpoint is worked out once, and kept until something changes (``Flows.version``). Where
a cable may leave something to chance, each datagram travels on its own; where a host has a firewall, each is
ruled on. What a host sends to its own address meets no firewall here.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import count, cycle

from harness.backends.model.agenda import Agenda
from harness.backends.model.cables import Datagram, Kind, StreamDatagram
from harness.backends.model.connections import Connections
from harness.backends.model.flows import Flows
from harness.backends.model.hosts import Host
from harness.backends.model.sockets import (
    LARGEST_PAYLOAD,
    Owner,
    Sockets,
    Taker,
    Takers,
    Way,
    collide,
    own_takes,
)
from harness.backends.model.ways import packet_sizes
from harness.plan.impairment import FrameKind
from harness.plan.model import Cast, Plan
from harness.protocols.firewall.packet import ICMP, ICMPV6, Direction, Packet, State
from harness.protocols.probes.program import Endpoint, SocketsWanted
from harness.wire import probe
from harness.wire.membership import Address

_EPHEMERAL_PORTS = range(40001, 61000)
"""The ports of sockets that asked for none. Linux takes one by chance; two hosts seldom have the same."""
_ALL_HOSTS = IPv4Address("255.255.255.255")
_KINDS = {
    "unicast": frozenset({FrameKind.ALL, FrameKind.UNICAST}),
    "multicast": frozenset({FrameKind.ALL, FrameKind.MULTICAST}),
    "broadcast": frozenset({FrameKind.ALL}),
}
_ICMP_HEADERS = {4: 28, 6: 48}
_LARGEST_ICMP = {4: 576, 6: 1280}
"""Of an error with what it is about (RFC 1812 section 4.3.2.3, RFC 4443 section 3.1)."""
_ICMP_HOPS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _OnItsWay(Datagram):
    """A program's datagram that travels on its own."""

    way: Way
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal(Datagram):
    """An ICMP error that travels on its own: nothing listens where the way leads."""

    way: Way


class Udp:
    """All sockets of programs, by host."""

    def __init__(self, plan: Plan, agenda: Agenda, hosts: dict[str, Host], flows: Flows) -> None:
        self.depart = agenda.depart
        self._hosts = hosts
        self._flows = flows
        self._open: dict[str, list[Sockets]] = {}
        self._ports = cycle(_EPHEMERAL_PORTS)
        numbers = [stream.number for stream in plan.streams]
        self._numbers = count(max(numbers, default=0) + 1)
        self._by_address: dict[Address, Host] = {
            address: hosts[host.name]
            for host in plan.hosts
            for address in (host.address, host.address6, host.link_local)
            if address is not None
        }
        self._streams = {stream.number: stream for stream in plan.streams if stream.cast is Cast.MULTICAST}
        self._streamed = {(stream.group, stream.port) for stream in self._streams.values()}
        self._wire_numbers = {host.name: number for number, host in enumerate(plan.hosts, 1)}
        self._broadcast = {_ALL_HOSTS} | {
            IPv4Network((host.address, plan.prefix_length), strict=False).broadcast_address
            for host in plan.hosts
        }
        self._connections: dict[str, Connections] = {
            name: Connections() for name, host in hosts.items() if host.is_guarded
        }

    # --- sockets ------------------------------------------------------------------------------------------

    def open(self, name: str, wanted: SocketsWanted, owner: Owner) -> Sockets:
        """Open what a program wants on a host. Raises OSError as the kernel does."""
        host = self._hosts[name]
        if wanted.local is not None and self._by_address.get(wanted.local) is not host:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        port = wanted.port or next(self._ports)
        opened = Sockets(self, host, wanted, owner, port=port, number=next(self._numbers))
        others = self._open.setdefault(name, [])
        if any(collide(opened, other) for other in others):
            raise OSError(errno.EADDRINUSE, "Address already in use")
        others.append(opened)
        self.something_changed()
        return opened

    def closed(self, sockets: Sockets) -> None:
        """Be told that sockets are closed."""
        self._open[sockets.host.name].remove(sockets)
        self.something_changed()

    def something_changed(self) -> None:
        """Have every way worked out anew: sockets have come, gone, or want other groups."""
        self._flows.version += 1
        if not self._streams:
            return
        wanted = {
            (group, sockets.group_port)
            for opened in self._open.values()
            for sockets in opened
            for group in sockets.filters
            if (group, sockets.group_port) in self._streamed
        }
        if wanted != self._flows.wanted:
            self._flows.wanted = wanted
            self._flows.look_for_chance()

    # --- sending ------------------------------------------------------------------------------------------

    def way(self, socket: Sockets, to: Endpoint, size: int) -> Way:
        """A way that nothing is known of but what its datagrams look like."""
        host, wanted = socket.host, socket.wanted
        is_broadcast = to.address in self._broadcast
        to_many = to.address.is_multicast or is_broadcast
        target = self._by_address.get(to.address)
        source = wanted.local or _source(host, to.address)
        mtu = LARGEST_PAYLOAD[6] + 48 if target is host else host.plan.mtu
        kind = Kind(
            group=to.address,
            source=source,
            port=to.port,
            source_port=socket.port,
            hops=wanted.hops,
            kinds=_KINDS["broadcast" if is_broadcast else "multicast" if to_many else "unicast"],
            sizes=packet_sizes(size, mtu, to.address.version),
        )
        sender = Endpoint(address=source, port=socket.port)
        return Way(socket, sender, to, kind, target, to_many, size)

    def send(self, way: Way, payload: bytes) -> None:
        """Let a datagram leave now."""
        if way.version != self._flows.version:
            self._explore(way)
        if way.takers is not None:
            way.takers.hand(payload, way.sender, way.kind.hops)
            return
        sender = way.socket.host
        for host in way.hosts:
            self._arrive(host, way, payload)
        if way.alone and sender.end is not None:
            to = way.target.name if way.target is not None else ""
            sender.end.carry_data(_OnItsWay(kind=way.kind, to=to, way=way, payload=payload))

    def _explore(self, way: Way) -> None:
        """Find out where it leads now."""
        way.version = self._flows.version
        way.takers_at.clear()
        way.takers = None
        comes_back = way.stays_here or (way.to_many and way.socket.wanted.loop)
        local = (way.socket.host,) if comes_back else ()
        leaves = way.to_many or not (way.stays_here or way.target is None)
        way.alone = leaves and any(end.chancy(way.kind) for end in self._flows.impaired)
        way.hosts = local if way.alone or not leaves else (*local, *self._reached(way))
        guarded = not way.stays_here and any(host.is_guarded for host in way.hosts)
        if way.alone or guarded:
            return
        found = [self._takers(host, way.to, way.sender, to_many=way.to_many) for host in way.hosts]
        if way.to_many or all(found):
            way.takers = Takers(taker for takers in found for taker in takers)

    def _reached(self, way: Way) -> Iterator[Host]:
        ways = self._flows.ways
        first = ways.first_step(way.socket.host, way.kind)
        if first is None:
            return
        if way.to_many:
            yield from map(self._hosts.__getitem__, ways.flood(way.kind, first))
        elif way.target is not None and ways.gets_to(way.kind, first[0].name, way.target.name):
            yield way.target

    # --- arriving -----------------------------------------------------------------------------------------

    def arrived(self, host: Host, datagram: Datagram) -> None:
        """Take what travelled on its own to a host."""
        if isinstance(datagram, _OnItsWay):
            if datagram.way.version != self._flows.version:
                self._explore(datagram.way)
            self._arrive(host, datagram.way, datagram.payload)
        elif isinstance(datagram, _Refusal):
            self._refused(datagram.way)

    def of_stream(self, host: Host, datagram: StreamDatagram) -> None:
        """Show the datagram of a stream, which travels on its own, to the programs that listen."""
        kind = datagram.kind
        if (kind.group, kind.port) not in self._flows.wanted or not host.lets_in(kind, kind.group):
            return
        sender = Endpoint(address=kind.source, port=kind.source_port)
        to = Endpoint(address=kind.group, port=kind.port)
        takers = Takers(self._takers(host, to, sender, to_many=True))
        if takers:
            stream = self._streams[datagram.stream]
            payload = bytearray(stream.size)
            number = self._wire_numbers[datagram.sender]
            probe.pack_into(payload, stream.number, number, datagram.sequence)
            takers.hand(bytes(payload), sender, kind.hops)

    def _arrive(self, host: Host, way: Way, payload: bytes) -> None:
        if host.is_guarded and not way.stays_here and not self._lets_in(host, way):
            return
        takers = way.takers_at.get(host.name)
        if takers is None:
            takers = Takers(self._takers(host, way.to, way.sender, to_many=way.to_many))
            way.takers_at[host.name] = takers
        if takers:
            takers.hand(payload, way.sender, way.kind.hops)
        elif not way.to_many:
            self._refuse(host, way)

    def _takers(self, host: Host, to: Endpoint, sender: Endpoint, *, to_many: bool) -> tuple[Taker, ...]:
        """Whose sockets on a host get a datagram: one of unicast, all that want it otherwise."""
        found: list[Taker] = []
        for sockets in self._open.get(host.name, ()):
            wanted = sockets.wanted
            if wanted.group == to.address and sockets.group_port == to.port:
                joined = sockets.filters.get(to.address)
                if not to.address.is_multicast or (joined is not None and joined.passes(sender.address)):
                    found.append((sockets.owner, True))
            if sockets.port == to.port and own_takes(sockets, to.address, sender):
                if not to_many:
                    return ((sockets.owner, False),)
                found.append((sockets.owner, False))
        return tuple(found)

    # --- firewalls ----------------------------------------------------------------------------------------

    def lets_out(self, way: Way) -> bool:
        """Whether the sender's own firewall lets a datagram out."""
        return way.stays_here or self._passes(way.socket.host, Direction.OUT, way, way.sender, way.to)

    def _lets_in(self, host: Host, way: Way) -> bool:
        return self._passes(host, Direction.IN, way, way.to, way.sender)

    def _passes(self, host: Host, direction: Direction, way: Way, own: Endpoint, other: Endpoint) -> bool:
        connections = self._connections[host.name]
        state = None if way.to_many else connections.state(direction, own, other)
        key = (host.name, direction, state)
        passes = way.rulings.get(key)
        if passes is None:
            passes = way.rulings[key] = host.rules_on(direction, way.kind, way.to.address, state)
        if passes and state is not None:
            connections.passed(direction, own, other)
        return passes

    # --- refusals -----------------------------------------------------------------------------------------

    def _refuse(self, host: Host, way: Way) -> None:
        """Nothing listens: the host says so (RFC 1122 section 4.1.3.1), and connected sockets are told."""
        sender = way.socket.host
        if way.socket.wanted.peer is None:
            return
        if host is sender:
            self._refused(way)
            return
        error = _icmp_about(way)
        if not host.lets_pass(Direction.OUT, error):
            return
        kind = Kind(
            group=error.destination,
            source=error.source,
            port=0,
            hops=error.hops,
            kinds=_KINDS["unicast"],
            sizes=(error.size,),
        )
        first = self._flows.ways.first_step(host, kind)
        if first is None or host.end is None:
            return
        if any(end.chancy(kind) for end in self._flows.impaired):
            host.end.carry_data(_Refusal(kind=kind, to=sender.name, way=way))
        elif self._flows.ways.gets_to(kind, first[0].name, sender.name):
            self._refused(way)

    def _refused(self, way: Way) -> None:
        socket = way.socket
        if socket.is_open and (way.stays_here or socket.host.lets_pass(Direction.IN, _icmp_about(way))):
            socket.owner.refused(errno.ECONNREFUSED)


def _source(host: Host, to: Address) -> Address:
    """The source of what leaves a socket that is bound to no address (RFC 6724 section 5, rule 2)."""
    plan = host.plan
    if to.is_multicast:
        return plan.address_for(to)
    if to.is_link_local and plan.link_local is not None and to.version == 6:
        return plan.link_local
    return plan.unicast_for(to)


def _icmp_about(way: Way) -> Packet:
    """Port unreachable, from whom a datagram was for to its sender (RFC 792, RFC 4443 section 3.1)."""
    version = way.to.address.version
    size = min(_ICMP_HEADERS[version] + way.kind.sizes[0], _LARGEST_ICMP[version])
    return Packet(
        protocol=ICMP if version == 4 else ICMPV6,
        source=way.to.address,
        destination=way.sender.address,
        message_type=3 if version == 4 else 1,
        message_code=3 if version == 4 else 4,
        hops=_ICMP_HOPS,
        size=size,
        state=State.RELATED,
    )
