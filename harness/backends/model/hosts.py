"""A host: what its stack and its programs do with IGMP, MLD and the datagrams of streams.

The Linux stack is the membership machine without a fault; an emulated host is the one that its plan says. A
querier of a router or a node runs beside it. A host's own firewall stands before the stack, and not before
what looks at the wire (an emulated host, a querier's ear, a forged packet), as in a lab.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from random import Random

from harness.backends.forged import frame_of
from harness.backends.model.agenda import Agenda
from harness.backends.model.cables import CableEnd, Datagram, Kind
from harness.backends.model.journal import Journal
from harness.backends.model.trails import Steps, Trail
from harness.plan.addresses import mac_bytes
from harness.plan.model import Cast, Forgery, PeerKind, PlanHost, PlanStream
from harness.protocols.dialect import Dialect
from harness.protocols.dialect import read as read_frame
from harness.protocols.effects import EVERY_SOURCE, Effect, FilterMode, Send, SourceFilter, TableChange
from harness.protocols.firewall.frames import datagram_of, packet_in
from harness.protocols.firewall.host import HostFirewall
from harness.protocols.firewall.packet import Direction, OwnAddress, Packet, State
from harness.protocols.host import MembershipHost
from harness.protocols.host_config import HostConfig
from harness.protocols.querier import Querier
from harness.protocols.wants import Wants
from harness.wire.membership import Address, ControlFrame

INTERFACE = "eth0"
_NO_MAC = bytes(6)

Arrived = Callable[["Host", Datagram], None]
"""Is told of a datagram that travelled on its own."""


class Host:
    """One node or router. ``end`` is its end of its cable, set by whoever builds."""

    __slots__ = (
        *("_agenda", "_arrived", "_firewall", "_has_asked", "_igmp", "_is_genuine", "_journal", "_mac"),
        *("_mld", "_queriers", "_sockets", "_wakes_at_s", "_wants", "_way", "end", "name", "plan"),
    )

    def __init__(
        self,
        plan: PlanHost,
        own_addresses: tuple[OwnAddress, ...],
        agenda: Agenda,
        chance: Random,
        journal: Journal,
        arrived: Arrived,
        steps: Steps,
    ) -> None:
        self.name = plan.name
        self.plan = plan
        self.end: CableEnd | None = None
        self._agenda = agenda
        self._journal = journal
        self._arrived = arrived
        self._mac = mac_bytes(plan.mac)
        self._is_genuine = not plan.machines
        machines = {
            config.dialect: MembershipHost(config, chance, port=INTERFACE)
            for config in (plan.machines or _linux(plan, own_addresses[0].network.prefixlen))
        }
        self._igmp = machines.get(Dialect.IGMP)
        self._mld = machines.get(Dialect.MLD)
        asking = [config for config in (plan.querier, plan.mld_querier) if config is not None]
        self._queriers = {config.dialect: Querier(config, ports=(INTERFACE,)) for config in asking}
        self._has_asked: set[Dialect] = set()
        self._wants = Wants()
        self._sockets: dict[tuple[Address, int], dict[int, SourceFilter]] = {}
        self._wakes_at_s = math.inf
        self._way = Trail(agenda, steps)
        self._firewall = HostFirewall.of(plan.firewall, own_addresses)

    # --- what is done to it -------------------------------------------------------------------------------

    def start_querier(self, dialect: Dialect) -> None:
        """Begin to ask."""
        self._obey_querier(dialect, self._queriers[dialect].start(self._agenda.now))

    def is_settled(self, dialect: Dialect) -> bool:
        """Whether its querier has asked, or has nothing to ask: one that listens first may never do."""
        return dialect in self._has_asked or self._queriers[dialect].is_silent

    def stop_querier(self, dialect: Dialect) -> None:
        """Fall silent."""
        self._obey_querier(dialect, self._queriers[dialect].stop(self._agenda.now))

    def join(self, stream: PlanStream, sources: tuple[Address, ...]) -> None:
        """Join a stream's group, of these sources alone if it is source-specific."""
        wanted = EVERY_SOURCE
        if stream.source_specific:
            wanted = SourceFilter(mode=FilterMode.INCLUDE, sources=tuple(sorted(sources, key=int)))
        self._sockets.setdefault((stream.group, stream.port), {})[stream.number] = wanted
        self.want(stream.group, stream.number, wanted)

    def leave(self, stream: PlanStream) -> None:
        """Leave a stream's group."""
        self._sockets.get((stream.group, stream.port), {}).pop(stream.number, None)
        self.want(stream.group, stream.number, None)

    def want(self, group: Address, socket: int, wanted: SourceFilter | None) -> None:
        """Let a socket, named by a number, want this of a group, or (None) no longer anything."""
        machine = self._machine(Dialect.of(group))
        if machine is None:
            msg = f"{self.name} is a router: it joins nothing"
            raise ValueError(msg)
        together = self._wants.change(group, socket, wanted)
        self._obey(machine, machine.join(group, self._agenda.now, together))

    def rejoin(self, dialects: Iterable[Dialect]) -> None:
        """Report every membership anew: the interface has come up."""
        for dialect in dialects:
            if (machine := self._machine(dialect)) is not None:
                self._obey(machine, machine.rejoin(self._agenda.now))

    def forge(self, forgery: Forgery) -> None:
        """Send a packet that the stack would not."""
        self._put(frame_of(forgery))

    @property
    def is_genuine(self) -> bool:
        """Whether its stack speaks for it."""
        return self._is_genuine

    # --- frames -------------------------------------------------------------------------------------------

    def receive(self, port: str, frame: bytes) -> None:
        """Take a frame of IGMP, MLD or PIM from the cable."""
        found = read_frame(frame)
        if found is None:
            return
        dialect, read = found
        querier = self._queriers.get(dialect)
        if querier is not None and not querier.answered(read, port):
            self._obey_querier(dialect, querier.receive(port, frame, self._agenda.now))
        self._hear(dialect, frame, read)

    def _hear(self, dialect: Dialect, frame: bytes, read: ControlFrame) -> None:
        machine = self._igmp if dialect is Dialect.IGMP else self._mld
        if machine is None or (self._is_genuine and not self._reaches_stack(frame)):
            return
        if machine.hear(read, self._agenda.now):
            self._wake_at(machine.next_answer_s)

    def _reaches_stack(self, frame: bytes) -> bool:
        """Whether the stack takes a frame: it is for this host or a group, and its firewall lets it in."""
        if not frame[0] & 1 and frame[:6] != self._mac:
            return False
        return self._firewall is None or self._may_pass(Direction.IN, frame)

    def _machine(self, dialect: Dialect) -> MembershipHost | None:
        return self._igmp if dialect is Dialect.IGMP else self._mld

    def _wake_at(self, at_s: float) -> None:
        """Be woken not later than at this moment."""
        if at_s < self._wakes_at_s:
            self._wakes_at_s = at_s
            self._agenda.at(at_s, self._wake)

    def _wake(self) -> None:
        if self._wakes_at_s <= self._agenda.now:  # else it was planned for something that has been done since
            self._wakes_at_s = math.inf
            self._tick()

    def _tick(self) -> None:
        now = self._agenda.now
        for dialect, querier in self._queriers.items():
            self._obey_querier(dialect, querier.tick(now))
        if self._igmp is not None:
            self._obey(self._igmp, self._igmp.tick(now))
        if self._mld is not None:
            self._obey(self._mld, self._mld.tick(now))

    def _obey(self, machine: MembershipHost, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send) and (
                self._firewall is None or not self._is_genuine or self._may_pass(Direction.OUT, effect.frame)
            ):
                self._put(effect.frame)
        self._wake_at(machine.next_answer_s)

    def _obey_querier(self, dialect: Dialect, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, TableChange):
                self._journal.table(self.name, dialect, effect)
            elif isinstance(effect, Send):
                self._ask(dialect, effect.frame)
        next_s = self._queriers[dialect].next_deadline()
        if next_s is not None:
            self._wake_at(next_s)

    def _ask(self, dialect: Dialect, frame: bytes) -> None:
        """A router's query goes out; a node's goes through its stack, which hears it too."""
        by_stack = self.plan.kind is PeerKind.NODE
        if by_stack and not self._may_pass(Direction.OUT, frame):
            return
        self._has_asked.add(dialect)
        self._put(frame)
        if by_stack and self._is_genuine:
            looped = frame[:6] + _NO_MAC + frame[12:]
            if (read := dialect.parse(looped)) is not None:
                self._hear(dialect, looped, read)

    def _put(self, frame: bytes) -> None:
        if self.end is not None:
            self._way.send(self.end, frame)

    # --- datagrams ----------------------------------------------------------------------------------------

    def receive_data(self, port: str, datagram: Datagram) -> None:
        """Take a datagram that travelled on its own."""
        del port
        self._arrived(self, datagram)

    def lets_out(self, kind: Kind, destination: Address) -> bool:
        """Whether its own firewall lets such a datagram out."""
        return self._firewall is None or self.rules_on(Direction.OUT, kind, destination)

    def lets_in(self, kind: Kind, destination: Address) -> bool:
        """Whether its own firewall lets such a datagram in."""
        return self._firewall is None or self.rules_on(Direction.IN, kind, destination)

    def takes(self, kind: Kind, stream: PlanStream) -> bool:
        """Whether a socket of its gets such a datagram when it arrives.

        By unicast every socket does; of a group only one that has joined it, and wants the source.
        """
        unicast = stream.cast is Cast.UNICAST
        destination = self.plan.unicast_for(kind.group) if unicast else kind.group
        if not self.lets_in(kind, destination):
            return False
        if unicast:
            return True
        wanted = self._sockets.get((kind.group, kind.port), {})
        return any(one.passes(kind.source) for one in wanted.values())

    def rules_on(
        self, direction: Direction, kind: Kind, destination: Address, state: State | None = None
    ) -> bool:
        """Whether its own firewall lets such a datagram pass, of which conntrack says ``state``."""
        packet = datagram_of(
            *(kind.source, destination, kind.port, kind.hops, kind.sizes),
            source_port=kind.source_port,
            state=state,
        )
        return self.lets_pass(direction, packet)

    def lets_pass(self, direction: Direction, packet: Packet) -> bool:
        """Whether its own firewall lets a packet pass."""
        return self._firewall is None or self._firewall.rule(direction, packet).passes

    @property
    def is_guarded(self) -> bool:
        """Whether it has a firewall."""
        return self._firewall is not None

    def hears(self, group: Address, source: Address) -> bool:
        """Whether its interface is in a group, for such a source."""
        return self._wants.passes(group, source)

    def _may_pass(self, direction: Direction, frame: bytes) -> bool:
        """Whether the firewall lets the stack hear or send a frame of IGMP or MLD."""
        return self._firewall is None or self.lets_pass(direction, packet_in(frame))

    def is_member(self, stream: PlanStream) -> bool:
        """Whether it has joined the group for this stream."""
        return stream.number in self._sockets.get((stream.group, stream.port), {})


def _linux(host: PlanHost, prefix_length: int) -> Iterable[HostConfig]:
    """What the Linux stack does: everything the RFCs say, of the version that is set or the newest."""
    if host.kind is PeerKind.ROUTER:
        return
    yield HostConfig(
        address=host.address,
        mac=mac_bytes(host.mac),
        prefix_length=prefix_length,
        version=host.igmp_version,
        linux=True,
    )
    if host.link_local is not None:
        yield HostConfig(
            address=host.link_local,
            mac=mac_bytes(host.mac),
            prefix_length=64,
            dialect=Dialect.MLD,
            version=host.mld_version,
            linux=True,
        )
