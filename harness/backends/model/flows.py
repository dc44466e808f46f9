"""Streams: who gets the datagrams of each sender, computed for as long as nothing changes.

Between two changes of what is forwarded, all datagrams of a sender fare alike. So a flow works out once whom
they reach, and hands that out for the whole interval with its count: the cost grows with changes, not with
datagrams. Only where an end of a cable leaves something to chance, or holds frames, each datagram travels on
its own.

Before anything changes, whoever changes it has the flows ``catch_up``: what was due up to now went by the old
state.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from harness.backends.base import Emit
from harness.backends.model.agenda import Agenda
from harness.backends.model.cables import CableEnd, Kind, StreamDatagram
from harness.backends.model.hosts import Host
from harness.backends.model.switches import Switch
from harness.backends.model.ways import Ways, packet_sizes
from harness.observations.model import Arrived, Sent
from harness.plan.impairment import FrameKind
from harness.plan.model import ROUNDING, Cast, Plan, PlanHost, PlanStream
from harness.protocols.dialect import Dialect
from harness.wire.membership import Address

_MULTICAST = frozenset({FrameKind.ALL, FrameKind.MULTICAST})
_UNICAST = frozenset({FrameKind.ALL, FrameKind.UNICAST})
_HELD_ARRIVALS = 1000
_REFUSED = "EPERM"
"""What the kernel answers when the sender's own firewall drops a datagram."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Whom a sender's datagrams reach: by a socket, and by an interface that is watched.

    ``error`` is the answer of the sender's own kernel if it does not let them out.
    """

    hosts: tuple[str, ...] = ()
    flooded: tuple[str, ...] = ()
    error: str = ""


@dataclass(slots=True)
class _Flow:
    """One sender's datagrams of one stream. ``next`` is the number of the first that is not accounted yet."""

    stream: PlanStream
    sender: Host
    kind: Kind
    next: int = 0
    reach: Reach | None = None
    alone: bool = False
    """Each datagram travels on its own."""
    unreported: int = 0


@dataclass(slots=True)
class _Arrival:
    at_s: float
    hosts: list[str]
    flooded: list[str]


class Flows:
    """All streams of a plan."""

    def __init__(
        self, plan: Plan, agenda: Agenda, switches: dict[str, Switch], hosts: dict[str, Host], emit: Emit
    ) -> None:
        self.ways = Ways(switches, hosts)
        self.impaired: list[CableEnd] = []
        """The ends that do something to frames at present."""
        self.wanted: set[tuple[Address, int]] = set()
        """Groups and ports of streams that a program listens to: it is given each datagram."""
        self.version = 0
        """Another one whenever what is forwarded, or who listens, may have changed."""
        self._agenda = agenda
        self._switches = switches
        self._hosts = hosts
        self._emit = emit
        self._zero_s: float | None = None
        self._flows: list[_Flow] = []
        self._by_group: dict[Address, list[_Flow]] = {}
        self._streams = {stream.number: stream for stream in plan.streams}
        self._taps = {(name, stream.group.version) for stream in plan.streams for name in stream.watchers}
        self._arrivals: dict[tuple[int, str, int], _Arrival] = {}

    # --- life ---------------------------------------------------------------------------------------------

    def start(self, zero_s: float) -> None:
        """Begin to send: this moment is the scenario's zero."""
        self._zero_s = zero_s
        for stream in self._streams.values():
            for name in stream.senders:
                host = self._hosts[name]
                flow = _Flow(stream, host, kind_of(stream, host.plan))
                self._flows.append(flow)
                self._by_group.setdefault(stream.group, []).append(flow)
        self.look_for_chance()

    def finish(self) -> None:
        """Account everything up to now."""
        self.changing_all()
        self._report_arrivals()

    # --- changes ------------------------------------------------------------------------------------------

    def changing(self, dialect: Dialect, group: Address | None) -> None:
        """Be told that switches are about to forward a group of a family, or (None) all of it, otherwise."""
        self.version += 1
        if group is None:
            for flow in self._flows:
                if Dialect.of(flow.kind.group) is dialect:
                    self._catch_up(flow)
        else:
            for flow in self._by_group.get(group, ()):
                self._catch_up(flow)

    def changing_all(self) -> None:
        """Be told that anything may be about to change."""
        self.version += 1
        for flow in self._flows:
            self._catch_up(flow)

    def look_for_chance(self) -> None:
        """Find out, after a change of cables or listeners, which datagrams must travel on their own."""
        self.changing_all()
        self.impaired = self._impaired_ends()
        for flow in self._flows:
            wanted = flow.stream.cast is Cast.MULTICAST and (flow.kind.group, flow.kind.port) in self.wanted
            alone = wanted or any(end.chancy(flow.kind) for end in self.impaired)
            if alone and not flow.alone:
                flow.alone = True
                self._send_next(flow)
            flow.alone = alone

    def _impaired_ends(self) -> list[CableEnd]:
        ends = [end for switch in self._switches.values() for end in switch.ends.values()]
        ends += [host.end for host in self._hosts.values() if host.end is not None]
        return [end for end in ends if end.impairments]

    def _catch_up(self, flow: _Flow) -> None:
        """Account what was due before now by the state that still holds, and forget that state."""
        if self._zero_s is None:
            return
        if flow.alone:
            self._report_sent(flow)
            return
        count = flow.stream.sequence_at(self._agenda.now - self._zero_s) - flow.next
        if count > 0:
            reach = self._reach(flow) if flow.reach is None else flow.reach
            first, flow.next = flow.next, flow.next + count
            self._emit_sent(flow, first, count, reach.error)
            if reach.hosts or reach.flooded:
                self._emit(
                    Arrived(
                        at_s=round(flow.stream.sent_at(first), 6),
                        stream=flow.stream.number,
                        sender=flow.sender.name,
                        sequence=first,
                        hosts=reach.hosts,
                        flooded=reach.flooded,
                        count=count,
                    )
                )
        flow.reach = None

    def _emit_sent(self, flow: _Flow, first: int, count: int, error: str = "") -> None:
        self._emit(
            Sent(
                at_s=round(flow.stream.sent_at(first + count - 1), 6),
                stream=flow.stream.number,
                sender=flow.sender.name,
                first=first,
                count=count,
                error=error,
            )
        )

    # --- whom they reach ----------------------------------------------------------------------------------

    def _reach(self, flow: _Flow) -> Reach:
        kind, stream = flow.kind, flow.stream
        addressed = self._addressed(flow)
        error = "" if all(out for _, out in addressed) else _REFUSED
        first = self.ways.first_step(flow.sender, kind)
        if first is None:
            return Reach(error=error)
        reached: tuple[str, ...] = ()
        if stream.cast is Cast.UNICAST:
            sent = (name for name, out in addressed if out)
            reached = tuple(name for name in sent if self.ways.gets_to(kind, first[0].name, name))
        elif not error:
            reached = self.ways.flood(kind, first)
        return self._sorted_out(flow, reached, error)

    def _addressed(self, flow: _Flow) -> tuple[tuple[str, bool], ...]:
        """To whom a datagram goes (empty: the group), and whether the sender's own firewall lets it out."""
        stream, sender = flow.stream, flow.sender
        if stream.cast is Cast.MULTICAST:
            return (("", sender.lets_out(flow.kind, stream.group)),)
        others = (name for name in stream.receivers if name != sender.name)
        addresses = ((name, self._hosts[name].plan.unicast_for(stream.group)) for name in others)
        return tuple((name, sender.lets_out(flow.kind, address)) for name, address in addresses)

    def _sorted_out(self, flow: _Flow, reached: Iterable[str], error: str) -> Reach:
        """Who of those whom a datagram reaches gets it by a socket, and whose interface is seen to."""
        stream = flow.stream
        heard: list[str] = []
        flooded: list[str] = []
        for name in reached:
            host = self._hosts[name]
            if host.takes(flow.kind, stream):
                heard.append(name)
            if self._is_flooded(host, stream):
                flooded.append(name)
        return Reach(hosts=tuple(heard), flooded=tuple(flooded), error=error)

    def _is_flooded(self, host: Host, stream: PlanStream) -> bool:
        if stream.cast is Cast.UNICAST or (host.name, stream.group.version) not in self._taps:
            return False
        return not host.is_member(stream)

    # --- one by one ---------------------------------------------------------------------------------------

    def _send_next(self, flow: _Flow) -> None:
        if self._zero_s is not None and flow.stream.sent_at(flow.next) < flow.stream.stop_s - ROUNDING:
            at_s = self._zero_s + flow.stream.sent_at(flow.next)
            self._agenda.at(at_s, partial(self._send, flow, flow.next))

    def _send(self, flow: _Flow, sequence: int) -> None:
        if not flow.alone or sequence != flow.next:
            return
        addressed = self._addressed(flow)
        if not all(out for _, out in addressed):
            self._report_sent(flow)
            self._emit_sent(flow, sequence, 1, _REFUSED)
        else:
            flow.unreported += 1
        flow.next += 1
        self._send_next(flow)
        if flow.sender.end is None:
            return
        for name, out in addressed:
            if out:
                flow.sender.end.carry_data(
                    StreamDatagram(
                        stream=flow.stream.number,
                        sender=flow.sender.name,
                        sequence=sequence,
                        kind=flow.kind,
                        to=name,
                    )
                )

    def arrived(self, host: Host, datagram: StreamDatagram) -> None:
        """Account a datagram that arrives at a host on its own."""
        stream = self._streams[datagram.stream]
        key = (datagram.stream, datagram.sender, datagram.sequence)
        arrival = self._arrivals.get(key)
        if arrival is None:
            if len(self._arrivals) >= _HELD_ARRIVALS:
                self._report_arrivals()
            arrival = self._arrivals[key] = _Arrival(self._agenda.now, [], [])
        if host.takes(datagram.kind, stream):
            arrival.hosts.append(host.name)
        if self._is_flooded(host, stream):
            arrival.flooded.append(host.name)

    def _report_sent(self, flow: _Flow) -> None:
        if flow.unreported:
            count, flow.unreported = flow.unreported, 0
            self._emit_sent(flow, flow.next - count, count)

    def _report_arrivals(self) -> None:
        arrivals, self._arrivals = self._arrivals, {}
        zero_s = self._zero_s or 0.0
        for (stream, sender, sequence), arrival in arrivals.items():
            if arrival.hosts or arrival.flooded:
                self._emit(
                    Arrived(
                        at_s=round(arrival.at_s - zero_s, 6),
                        stream=stream,
                        sender=sender,
                        sequence=sequence,
                        hosts=tuple(arrival.hosts),
                        flooded=tuple(arrival.flooded),
                    )
                )


def kind_of(stream: PlanStream, sender: PlanHost) -> Kind:
    """What the datagrams of a sender have in common."""
    multicast = stream.cast is Cast.MULTICAST
    return Kind(
        group=stream.group,
        source=sender.address_for(stream.group) if multicast else sender.unicast_for(stream.group),
        port=stream.port,
        hops=stream.ttl,
        kinds=_MULTICAST if multicast else _UNICAST,
        sizes=packet_sizes(stream.size, sender.mtu, stream.group.version),
    )
