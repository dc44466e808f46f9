"""UDP of the model's hosts: the sockets of programs, and to which of them a datagram comes.

A socket's way to an endpoint is worked out once, and kept until something changes (``Flows.version``). Where
a cable may leave something to chance, each datagram travels on its own; where a host has a firewall, each is
ruled on. What a host sends to its own address meets no firewall here. Which socket takes a datagram follows
udp(7) and ip(7): a group's only what it has joined itself.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from itertools import count
from typing import Protocol

from harness.backends.model.agenda import Agenda
from harness.backends.model.cables import Datagram, Kind
from harness.backends.model.connections import Connections
from harness.backends.model.flows import Flows
from harness.backends.model.hosts import Host
from harness.backends.model.ways import packet_sizes
from harness.plan.impairment import FrameKind
from harness.plan.model import Plan
from harness.protocols.effects import EVERY_SOURCE, FilterMode, SourceFilter
from harness.protocols.firewall.packet import ICMP, ICMPV6, Direction, Packet, State
from harness.protocols.probes.program import Endpoint, Incoming, Join, Leave, SocketsWanted
from harness.wire.membership import Address

_EPHEMERAL_PORTS = 40001
"""The first port of sockets that asked for none; Linux takes one from 32768 to 60999, by chance."""
_LARGEST_PAYLOAD = {4: 65507, 6: 65527}
"""Of a datagram (RFC 768, RFC 791 section 3.1, RFC 8200 section 3)."""
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
_KNOWN_WAYS = 4096


class Owner(Protocol):
    """Whoever has opened sockets."""

    def receive(self, datagram: Incoming) -> None:
        """Take a datagram."""
        ...

    def heeds(self, payload: bytes) -> bool:
        """Whether it is not certain that a datagram of the group's socket would be passed over."""
        ...

    def refused(self, error: int) -> None:
        """Be told that an earlier datagram was answered with an error."""
        ...


_Taker = tuple[Owner, bool]
"""Who takes a datagram, and whether by the group's socket."""


@dataclass(slots=True, eq=False)
class _Way:
    """Where a socket's datagrams of one size to one endpoint go.

    ``target`` is the host that has the address: None of a group, of all (``to_many``), and where nobody has
    it. ``hosts`` are those that a datagram comes to, without those to which each travels ``alone``.
    ``takers`` is of all hosts together, and None where each datagram must be looked at.
    """

    socket: Sockets
    sender: Endpoint
    to: Endpoint
    kind: Kind
    target: Host | None
    to_many: bool
    size: int
    version: int = -1
    alone: bool = False
    takers: tuple[_Taker, ...] | None = None
    hosts: tuple[Host, ...] = ()
    takers_at: dict[str, tuple[_Taker, ...]] = field(default_factory=dict)
    rulings: dict[tuple[str, Direction, State | None], bool] = field(default_factory=dict)

    @property
    def stays_here(self) -> bool:
        """Whether the sender's own host has the address."""
        return self.target is self.socket.host


@dataclass(frozen=True, slots=True, kw_only=True)
class _OnItsWay(Datagram):
    """A program's datagram that travels on its own."""

    way: _Way
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal(Datagram):
    """An ICMP error that travels on its own: nothing listens where the way leads."""

    way: _Way


class Sockets:
    """The own socket of a program, and its group's if it wants one. Made by ``Udp.open``."""

    __slots__ = (
        *("_depart", "_largest", "_number", "_recent", "_udp", "_ways"),
        *("filters", "group_port", "host", "is_open", "owner", "port", "wanted"),
    )

    def __init__(
        self, udp: Udp, host: Host, wanted: SocketsWanted, owner: Owner, *, port: int, number: int
    ) -> None:
        self.host = host
        self.wanted = wanted
        self.owner = owner
        self.port = port
        self.group_port = port if wanted.group_port is None else wanted.group_port
        self.filters: dict[Address, SourceFilter] = {}
        """What the group's socket has joined."""
        self.is_open = True
        self._udp = udp
        self._depart = udp.depart
        self._number = number
        self._largest = _LARGEST_PAYLOAD[wanted.version]
        self._ways: dict[tuple[Endpoint, int], _Way] = {}
        self._recent: dict[int, _Way] = {}
        """The way last taken by each object that names an endpoint: their hashes cost more than the rest."""

    def send(self, payload: bytes, to: Endpoint) -> int:
        """Send from the own socket; return the kernel's errno, 0 if it took the datagram."""
        if len(payload) > self._largest:
            return errno.EMSGSIZE
        if self.host.is_guarded and not self._udp.lets_out(self._way(to, len(payload))):
            return errno.EPERM
        self._depart((self._leave, to, payload))
        return 0

    def _way(self, to: Endpoint, size: int) -> _Way:
        way = self._recent.get(id(to))
        if way is not None and way.to is to and way.size == size:
            return way
        way = self._ways.get((to, size))
        if way is None:
            way = self._udp.way(self, to, size)
            if len(self._ways) >= _KNOWN_WAYS:
                self._ways.clear()
                self._recent.clear()
            self._ways[to, size] = way
        if way.to is to:
            self._recent[id(to)] = way
        return way

    def _leave(self, to: Endpoint, payload: bytes) -> None:
        self._udp.send(self._way(to, len(payload)), payload)

    def change_membership(self, change: Join | Leave) -> None:
        """Carry out a join or a leave on the group's socket."""
        before = self.filters.get(change.group)
        sources = set(before.sources) if before is not None else set()
        wanted: SourceFilter | None = EVERY_SOURCE
        if change.source is None:
            wanted = EVERY_SOURCE if isinstance(change, Join) else None
        else:
            (sources.add if isinstance(change, Join) else sources.discard)(change.source)
            wanted = _of_sources(sources)
        if wanted is None:
            self.filters.pop(change.group, None)
        else:
            self.filters[change.group] = wanted
        self._udp.something_changed()
        self.host.want(change.group, self._number, wanted)

    def close(self) -> None:
        """Close both, which leaves what is still joined. Closing twice is no error."""
        if self.is_open:
            self.is_open = False
            self._udp.closed(self)
            for group in tuple(self.filters):
                del self.filters[group]
                self.host.want(group, self._number, None)


def _of_sources(sources: Iterable[Address]) -> SourceFilter | None:
    found = tuple(sorted(sources, key=int))
    return SourceFilter(mode=FilterMode.INCLUDE, sources=found) if found else None


class Udp:
    """All sockets of programs, by host."""

    def __init__(self, plan: Plan, agenda: Agenda, hosts: dict[str, Host], flows: Flows) -> None:
        self.depart = agenda.depart
        self._hosts = hosts
        self._flows = flows
        self._open: dict[str, list[Sockets]] = {}
        self._ports: dict[str, Iterator[int]] = {}
        numbers = [stream.number for stream in plan.streams]
        self._numbers = count(max(numbers, default=0) + 1)
        self._by_address: dict[Address, Host] = {
            address: hosts[host.name]
            for host in plan.hosts
            for address in (host.address, host.address6, host.link_local)
            if address is not None
        }
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
        port = wanted.port or next(self._ports.setdefault(name, count(_EPHEMERAL_PORTS)))
        opened = Sockets(self, host, wanted, owner, port=port, number=next(self._numbers))
        others = self._open.setdefault(name, [])
        if any(_collide(opened, other) for other in others):
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

    # --- sending ------------------------------------------------------------------------------------------

    def way(self, socket: Sockets, to: Endpoint, size: int) -> _Way:
        """A way that nothing is known of but what its datagrams look like."""
        host, wanted = socket.host, socket.wanted
        is_broadcast = to.address in self._broadcast
        to_many = to.address.is_multicast or is_broadcast
        target = self._by_address.get(to.address)
        source = wanted.local or _source(host, to.address)
        mtu = _LARGEST_PAYLOAD[6] + 48 if target is host else host.plan.mtu
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
        return _Way(socket, sender, to, kind, target, to_many, size)

    def send(self, way: _Way, payload: bytes) -> None:
        """Let a datagram leave now."""
        if way.version != self._flows.version:
            self._explore(way)
        if way.takers is not None:
            self._hand(way.takers, way, payload)
            return
        sender = way.socket.host
        for host in way.hosts:
            self._arrive(host, way, payload)
        if way.alone and sender.end is not None:
            to = way.target.name if way.target is not None else ""
            sender.end.carry_data(_OnItsWay(kind=way.kind, to=to, way=way, payload=payload))

    def _explore(self, way: _Way) -> None:
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
        found = [self._takers(host, way) for host in way.hosts]
        if way.to_many or all(found):
            way.takers = tuple(taker for takers in found for taker in takers)

    def _reached(self, way: _Way) -> Iterator[Host]:
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

    def _arrive(self, host: Host, way: _Way, payload: bytes) -> None:
        if host.is_guarded and not way.stays_here and not self._lets_in(host, way):
            return
        takers = way.takers_at.get(host.name)
        if takers is None:
            takers = way.takers_at[host.name] = self._takers(host, way)
        if takers:
            self._hand(takers, way, payload)
        elif not way.to_many:
            self._refuse(host, way)

    @staticmethod
    def _hand(takers: tuple[_Taker, ...], way: _Way, payload: bytes) -> None:
        incoming: Incoming | None = None
        for owner, by_group in takers:
            if by_group and not owner.heeds(payload):
                continue
            if incoming is None or incoming.by_group is not by_group:
                incoming = Incoming(payload=payload, sender=way.sender, by_group=by_group, hops=way.kind.hops)
            owner.receive(incoming)

    def _takers(self, host: Host, way: _Way) -> tuple[_Taker, ...]:
        """Whose sockets on a host get a datagram: one of unicast, all that want it otherwise."""
        to = way.to
        found: list[_Taker] = []
        for sockets in self._open.get(host.name, ()):
            wanted = sockets.wanted
            if wanted.group == to.address and sockets.group_port == to.port:
                joined = sockets.filters.get(to.address)
                if not to.address.is_multicast or (joined is not None and joined.passes(way.sender.address)):
                    found.append((sockets.owner, True))
            if sockets.port == to.port and self._own_takes(sockets, way):
                if not way.to_many:
                    return ((sockets.owner, False),)
                found.append((sockets.owner, False))
        return tuple(found)

    @staticmethod
    def _own_takes(sockets: Sockets, way: _Way) -> bool:
        """Whether the own socket, whose port is right, is bound and connected to the right addresses."""
        wanted, to = sockets.wanted, way.to.address
        if wanted.version != to.version or wanted.peer not in (None, way.sender):
            return False
        if to.is_multicast and not sockets.host.hears(to, way.sender.address):
            return False
        return wanted.local is None or wanted.local == to

    # --- firewalls ----------------------------------------------------------------------------------------

    def lets_out(self, way: _Way) -> bool:
        """Whether the sender's own firewall lets a datagram out."""
        return way.stays_here or self._passes(way.socket.host, Direction.OUT, way, way.sender, way.to)

    def _lets_in(self, host: Host, way: _Way) -> bool:
        return self._passes(host, Direction.IN, way, way.to, way.sender)

    def _passes(self, host: Host, direction: Direction, way: _Way, own: Endpoint, other: Endpoint) -> bool:
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

    def _refuse(self, host: Host, way: _Way) -> None:
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

    def _refused(self, way: _Way) -> None:
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


def _collide(one: Sockets, other: Sockets) -> bool:
    """Whether two programs on one host cannot both have what they want (EADDRINUSE)."""
    if one.wanted.version != other.wanted.version:
        return False
    return any(
        mine.port == theirs.port
        and (mine.address == theirs.address or None in (mine.address, theirs.address))
        and not (mine.shared and theirs.shared)
        for mine in _bound(one)
        for theirs in _bound(other)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bound:
    """What a socket is bound to; ``address`` None is every own one."""

    address: Address | None
    port: int
    shared: bool = False


def _bound(sockets: Sockets) -> Iterator[_Bound]:
    wanted = sockets.wanted
    yield _Bound(address=wanted.local, port=sockets.port)
    if wanted.group is not None:
        yield _Bound(address=wanted.group, port=sockets.group_port, shared=wanted.shared)


def _icmp_about(way: _Way) -> Packet:
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
