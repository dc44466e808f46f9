"""The sockets of a program on a host of the model, and what is known of the ways that its datagrams take.

What a socket may be bound to, and which datagrams it takes, follows udp(7) and ip(7): a group's socket takes
only what it has joined itself. How a datagram comes to a host is not known here.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from harness.backends.model.agenda import Departure
from harness.backends.model.cables import Kind
from harness.backends.model.hosts import Host
from harness.protocols.effects import EVERY_SOURCE, FilterMode, SourceFilter
from harness.protocols.firewall.packet import Direction, State
from harness.protocols.probes.program import Endpoint, Incoming, Join, Leave, SocketsWanted
from harness.wire.membership import Address

LARGEST_PAYLOAD = {4: 65507, 6: 65527}
"""Of a datagram (RFC 768, RFC 791 section 3.1, RFC 8200 section 3)."""
_KNOWN_WAYS = 4096


class Owner(Protocol):
    """Whoever has opened sockets."""

    def receive(self, datagram: Incoming) -> None:
        """Take a datagram."""
        ...

    @property
    def group_beginning(self) -> bytes:
        """What begins every datagram of the group's socket that it wants, as in ``SocketsWanted``."""
        ...

    def refused(self, error: int) -> None:
        """Be told that an earlier datagram was answered with an error."""
        ...


Taker = tuple[Owner, bool]
"""Who takes a datagram, and whether by the group's socket."""


class Takers:
    """Those who take a datagram, found by how it begins: most answers to a group are for one of many."""

    __slots__ = ("_by_beginning", "_length")

    def __init__(self, found: Iterable[Taker]) -> None:
        beginnings = [
            (owner.group_beginning if by_group else b"", (owner, by_group)) for owner, by_group in found
        ]
        lengths = {len(beginning) for beginning, _ in beginnings}
        self._length = lengths.pop() if len(lengths) == 1 else 0
        self._by_beginning: dict[bytes, list[Taker]] = {}
        for beginning, taker in beginnings:
            self._by_beginning.setdefault(beginning[: self._length], []).append(taker)

    def __bool__(self) -> bool:
        return bool(self._by_beginning)

    def hand(self, payload: bytes, sender: Endpoint, hops: int) -> None:
        """Give them a datagram."""
        incoming: Incoming | None = None
        for owner, by_group in self._by_beginning.get(payload[: self._length], ()):
            if incoming is None or incoming.by_group is not by_group:
                incoming = Incoming(payload=payload, sender=sender, by_group=by_group, hops=hops)
            owner.receive(incoming)


@dataclass(slots=True, eq=False)
class Way:
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
    takers: Takers | None = None
    hosts: tuple[Host, ...] = ()
    takers_at: dict[str, Takers] = field(default_factory=dict)
    rulings: dict[tuple[str, Direction, State | None], bool] = field(default_factory=dict)

    @property
    def stays_here(self) -> bool:
        """Whether the sender's own host has the address."""
        return self.target is self.socket.host


class Network(Protocol):
    """What carries the datagrams of sockets."""

    def depart(self, departure: Departure, /) -> None:
        """Let a datagram leave now, behind those that are already leaving."""

    def way(self, socket: Sockets, to: Endpoint, size: int) -> Way:
        """Return a way of which nothing is known but what its datagrams look like."""
        ...

    def lets_out(self, way: Way) -> bool:
        """Whether the sender's own firewall lets a datagram out."""
        ...

    def send(self, way: Way, payload: bytes) -> None:
        """Let a datagram go."""

    def closed(self, sockets: Sockets) -> None:
        """Be told that sockets are closed."""

    def something_changed(self) -> None:
        """Be told that sockets want other groups than before."""


class Sockets:
    """The own socket of a program, and its group's if it wants one. Made by ``Udp.open``."""

    __slots__ = (
        *("_depart", "_largest", "_number", "_recent", "_network", "_ways"),
        *("filters", "group_port", "host", "is_open", "owner", "port", "wanted"),
    )

    def __init__(
        self, network: Network, host: Host, wanted: SocketsWanted, owner: Owner, *, port: int, number: int
    ) -> None:
        self.host = host
        self.wanted = wanted
        self.owner = owner
        self.port = port
        self.group_port = port if wanted.group_port is None else wanted.group_port
        self.filters: dict[Address, SourceFilter] = {}
        """What the group's socket has joined."""
        self.is_open = True
        self._network = network
        self._depart = network.depart
        self._number = number
        self._largest = LARGEST_PAYLOAD[wanted.version]
        self._ways: dict[tuple[Endpoint, int], Way] = {}
        self._recent: dict[int, Way] = {}
        """The way last taken by each object that names an endpoint: their hashes cost more than the rest."""

    def send(self, payload: bytes, to: Endpoint) -> int:
        """Send from the own socket; return the kernel's errno, 0 if it took the datagram."""
        if len(payload) > self._largest:
            return errno.EMSGSIZE
        if self.host.is_guarded and not self._network.lets_out(self._way(to, len(payload))):
            return errno.EPERM
        self._depart((self._leave, to, payload))
        return 0

    def _way(self, to: Endpoint, size: int) -> Way:
        way = self._recent.get(id(to))
        if way is not None and way.to is to and way.size == size:
            return way
        way = self._ways.get((to, size))
        if way is None:
            way = self._network.way(self, to, size)
            if len(self._ways) >= _KNOWN_WAYS:
                self._ways.clear()
                self._recent.clear()
            self._ways[to, size] = way
        if way.to is to:
            self._recent[id(to)] = way
        return way

    def _leave(self, to: Endpoint, payload: bytes) -> None:
        self._network.send(self._way(to, len(payload)), payload)

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
        self.host.want(change.group, self._number, wanted)
        self._network.something_changed()

    def close(self) -> None:
        """Close both, which leaves what is still joined. Closing twice is no error."""
        if self.is_open:
            self.is_open = False
            for group in tuple(self.filters):
                del self.filters[group]
                self.host.want(group, self._number, None)
            self._network.closed(self)


def _of_sources(sources: Iterable[Address]) -> SourceFilter | None:
    found = tuple(sorted(sources, key=int))
    return SourceFilter(mode=FilterMode.INCLUDE, sources=found) if found else None


def own_takes(sockets: Sockets, to: Address, sender: Endpoint) -> bool:
    """Whether the own socket, whose port is right, is bound and connected to the right addresses."""
    wanted = sockets.wanted
    if wanted.version != to.version or wanted.peer not in (None, sender):
        return False
    if to.is_multicast and not sockets.host.hears(to, sender.address):
        return False
    return wanted.local is None or wanted.local == to


def collide(one: Sockets, other: Sockets) -> bool:
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
