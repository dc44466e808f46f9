"""One computed network from its birth to its end: settle, walk the timeline, record.

The phases are a lab's, so that what a plan means is the same in both: switches and queriers start, nodes join
once every querier has asked, and the scenario's zero is when the switches know what they will know. How long
that takes is a lab's time on an idle machine, in the customer's seconds.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import IPv4Interface, IPv6Interface
from itertools import groupby
from random import Random
from typing import TYPE_CHECKING, assert_never

from harness.backends.base import Emit
from harness.backends.model.agenda import Agenda
from harness.backends.model.cables import CableEnd, Datagram, StreamDatagram
from harness.backends.model.flows import Flows
from harness.backends.model.hosts import INTERFACE, Host
from harness.backends.model.journal import Journal
from harness.backends.model.switches import Switch
from harness.backends.model.trails import Steps
from harness.backends.model.udp import Udp
from harness.observations.model import Acted, Membership, Phase, Remark
from harness.plan.hosts import Learning, groups_in, learning, longest_response_s
from harness.plan.model import Action, ActionKind, Cast, End, ImpairedEnd, Plan, PlanHost, PlanStream
from harness.protocols.dialect import Dialect
from harness.protocols.firewall.packet import OwnAddress
from harness.protocols.host_config import HostConfig
from harness.protocols.snooping import SnoopingSwitch

if TYPE_CHECKING:
    from harness.backends.model.tools import Tools

_SETTLES_IN_REAL_S = 0.03
"""What settling takes a lab on an idle machine, in that machine's seconds ..."""
_SETTLES_AT_MOST_S = 5.0
"""... and at most, in the customer's."""
_ASKED_WITHIN_S = 1000.0
"""The longest that a host's querier may listen before it asks."""
_ARRIVAL_LIMIT_REAL_S = 2.0
"""How long a lab waits for what a cable holds when the scenario is over."""


class World:
    """A plan in virtual time."""

    def __init__(
        self, plan: Plan, emit: Emit, *, settles_in_s: float = 0.0, joins_after_s: float = 0.0
    ) -> None:
        self._plan = plan
        self._settles_in_s = settles_in_s
        self._joins_after_s = joins_after_s
        self._emit = emit
        self._agenda = agenda = Agenda()
        self._journal = Journal(agenda, emit)
        self._switches: dict[str, Switch] = {}
        self._hosts: dict[str, Host] = {}
        self._ends: dict[tuple[str, str], CableEnd] = {}
        self._joined: set[tuple[str, int]] = set()
        self._doubts: dict[tuple[int, bool, tuple[HostConfig, ...], bool], bool] = {}
        self._streams = {stream.number: stream for stream in plan.streams}
        self._flows = Flows(plan, agenda, self._switches, self._hosts, emit)
        with _without_collector():
            self._make_devices()
            self._lay_cables()
        self.udp = Udp(plan, agenda, self._hosts, self._flows)
        """The sockets of programs."""
        self._tools = None if not plan.tools else self._make_tools()

    def run(self) -> None:
        """Settle, walk the timeline, record."""
        with _without_collector():
            self._emit(Phase(name="settle", real_s=0.0))
            self._settle()
            self._emit(Phase(name="run", real_s=0.0))
            self._walk()

    @property
    def events(self) -> int:
        """How many things have happened: frames that arrived, and moments that somebody had waited for."""
        return self._agenda.events

    def machines(self) -> Iterator[SnoopingSwitch]:
        """The switches' machines, those of IGMP before those of MLD at each."""
        for switch in self._switches.values():
            yield from switch.machines()

    # --- wiring -------------------------------------------------------------------------------------------

    def _make_tools(self) -> Tools:
        from harness.backends.model.tools import Tools  # noqa: PLC0415  most plans have none

        return Tools(self._plan, self._agenda, self.udp, self._emit)

    def _make_devices(self) -> None:
        plan, agenda, journal, flows = self._plan, self._agenda, self._journal, self._flows
        for switch in plan.switches:
            made = Switch(switch, agenda, journal, flows.changing, flows.ways.next_end)
            self._switches[switch.name] = made
        chance = Random(f"{plan.seed}")  # noqa: S311  delays of reports, the same in every run
        steps: Steps = {}
        # Neighbours stand side by side in memory too: a query comes to all of a switch together.
        hosts = {
            host.name: Host(host, _addresses(host, plan), agenda, chance, journal, self._arrived, steps)
            for host in sorted(plan.hosts, key=lambda host: host.switch)
        }
        self._hosts.update((host.name, hosts[host.name]) for host in plan.hosts)

    def _arrived(self, host: Host, datagram: Datagram) -> None:
        """Somebody's datagram has come to a host on its own."""
        if isinstance(datagram, StreamDatagram):
            self._flows.arrived(host, datagram)
            self.udp.of_stream(host, datagram)
        else:
            self.udp.arrived(host, datagram)

    def _lay_cables(self) -> None:
        plan = self._plan
        ports = {(switch.name, port.name): port for switch in plan.switches for port in switch.ports}
        for host in plan.hosts:
            far = self._end(host.switch, host.port, ports[host.switch, host.port].mtu, up=host.up)
            near = self._end(host.name, INTERFACE, host.mtu, up=host.up)
            near.connect(self._switches[host.switch], far)
            far.connect(self._hosts[host.name], near)
            self._hosts[host.name].end = near
        for link in plan.links:
            a = self._end(*link.a, link.mtu, up=link.up)
            b = self._end(*link.b, link.b_mtu, up=link.up)
            a.connect(self._switches[link.b[0]], b)
            b.connect(self._switches[link.a[0]], a)
        for switch in plan.switches:
            ends = self._switches[switch.name].ends
            for port in switch.ports:
                ends[port.name] = self._ends[switch.name, port.name]

    def _end(self, device: str, port: str, mtu: int, *, up: bool) -> CableEnd:
        end = CableEnd(self._agenda, self._plan.seed, device=device, port=port, mtu=mtu, up=up)
        self._ends[device, port] = end
        return end

    # --- settling -----------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Switch everything on, join, and give it a lab's time to become known."""
        agenda, plan = self._agenda, self._plan
        for switch in self._switches.values():
            switch.start()
        for host in plan.hosts:
            for dialect, on in ((Dialect.IGMP, host.querier_on), (Dialect.MLD, host.mld_querier_on)):
                if on:
                    self._hosts[host.name].start_querier(dialect)
        self._wait_for_queries()
        agenda.run_until(self._joins_after_s)
        joined_s = agenda.now
        joins = [
            (host, stream)
            for stream in plan.streams
            if stream.cast is Cast.MULTICAST
            for host in map(plan.host, stream.receivers)
        ]
        self._hush(True)
        for host, stream in joins:
            self._join(host.name, stream)
            agenda.run_until(agenda.now)
        agenda.run_until(joined_s + min(_SETTLES_IN_REAL_S * plan.speed, _SETTLES_AT_MOST_S))
        self._give_time_to(joins, joined_s)
        agenda.run_until(self._settles_in_s)
        self._hush(False)
        self._journal.zero_s = agenda.now

    def _wait_for_queries(self) -> None:
        """Go on until every host that asks from the start has asked, or knows another who does."""
        on = [
            (self._hosts[host.name], Dialect.IGMP) for host in self._plan.hosts if host.up and host.querier_on
        ]
        on += [
            (self._hosts[host.name], Dialect.MLD)
            for host in self._plan.hosts
            if host.up and host.mld_querier_on
        ]
        agenda = self._agenda
        agenda.run_until(agenda.now)
        while not all(host.is_settled(dialect) for host, dialect in on):
            next_s = agenda.next_s()
            if next_s is None or next_s > _ASKED_WITHIN_S:
                return
            agenda.run_until(next_s)

    def _give_time_to(self, joins: list[tuple[PlanHost, PlanStream]], joined_s: float) -> None:
        """Let hosts whose reports may not get through have as long as a lab gives them."""
        groups = groups_in(self._plan)
        switches = {switch.name: switch for switch in self._plan.switches}
        doubtful = [
            (host, stream)
            for host, stream in joins
            if host.up
            and self._may_not_get_through(host, stream)
            and learning(switches[host.switch], host, stream, groups) is not Learning.NEVER
        ]
        if all(self._switches[host.switch].knows(stream.group, host.port) for host, stream in doubtful):
            return
        self._agenda.run_until(joined_s + longest_response_s(self._plan))
        for host, stream in doubtful:
            if not self._switches[host.switch].knows(stream.group, host.port):
                text = f"{host.switch} has not learned that {host.name} is in {stream.group}"
                self._emit(Remark(at_s=0.0, text=text))

    def _may_not_get_through(self, host: PlanHost, stream: PlanStream) -> bool:
        """Whether nobody can say before if every switch will learn of it. Hosts that are alike fare alike."""
        alone = stream.source_specific and stream.senders == (host.name,)
        key = (stream.number, bool(host.firewall), host.machines, alone)
        if key not in self._doubts:
            groups = groups_in(self._plan)
            found = (learning(switch, host, stream, groups) for switch in self._plan.switches)
            self._doubts[key] = any(one is Learning.POSSIBLE for one in found)
        return self._doubts[key]

    def _hush(self, hushed: bool) -> None:
        for switch in self._switches.values():
            switch.hushed = hushed

    # --- the timeline -------------------------------------------------------------------------------------

    def _walk(self) -> None:
        agenda, plan = self._agenda, self._plan
        zero_s = agenda.now
        self._impair(plan.impaired)
        self._flows.start(zero_s)
        for actions in _together(plan.actions):
            agenda.at(zero_s + actions[0].at_s, partial(self._act_all, actions))
        if self._tools is not None:
            self._tools.start(zero_s)
        agenda.run_until(zero_s + plan.duration_s)
        last_s = max((end.last_out_s for end in self._ends.values()), default=0.0)
        agenda.run_until(min(last_s, agenda.now + _ARRIVAL_LIMIT_REAL_S * plan.speed))
        if self._tools is not None:
            self._tools.finish()
        self._flows.finish()

    def _act_all(self, actions: Iterable[Action]) -> None:
        for action in actions:
            self._act(action)

    def _act(self, action: Action) -> None:
        """Carry out one step. It is recorded first, so that what follows from it comes after it."""
        self._flows.changing_all()
        self._emit(Acted(at_s=action.at_s, text=action.text, name=action.name or "", devices=action.devices))
        match action.kind:
            case ActionKind.CONFIGURE | ActionKind.START_QUERIER | ActionKind.STOP_QUERIER:
                self._configure(action)
            case ActionKind.LINK_DOWN | ActionKind.LINK_UP:
                up = action.kind is ActionKind.LINK_UP
                for end in action.ends:
                    self._set_link(end, up=up)
            case ActionKind.SILENCE | ActionKind.RESTORE | ActionKind.IMPAIR | ActionKind.REPAIR:
                self._impair(action.impaired)
                self._flows.look_for_chance()
            case ActionKind.TOPOLOGY_CHANGE:
                self._switches[action.target].topology_changed()
            case ActionKind.JOIN | ActionKind.LEAVE:
                self._change_membership(action)
            case ActionKind.RESTART_SWITCH:
                self._switches[action.target].restart()
            case ActionKind.RESTART_NODE:
                self._restart_node(self._plan.host(action.target))
            case ActionKind.FORGE:
                if action.forgery is not None:
                    self._hosts[action.target].forge(action.forgery)
            case _:
                assert_never(action.kind)

    def _configure(self, action: Action) -> None:
        host = self._hosts.get(action.target)
        if host is None:
            for behaviour in (action.behaviour, action.mld):
                if behaviour is not None:
                    self._switches[action.target].configure(behaviour)
        elif action.kind is ActionKind.START_QUERIER:
            host.start_querier(action.dialect)
        else:
            host.stop_querier(action.dialect)

    def _set_link(self, end: End, *, up: bool) -> None:
        """A switch's port goes down or comes up, and with it the carrier at the other end of its cable."""
        switch = self._switches.get(end.device)
        if switch is None:
            return
        near = self._ends[end.device, end.port]
        near.up = self._ends[near.far_device, near.far_port].up = up
        self._flows.ways.clear()
        switch.port_changed(end.port, up=up)
        host = self._hosts.get(near.far_device)
        if up and host is not None and host.is_genuine:
            host.rejoin((Dialect.MLD,))  # the kernel reports MLD anew when a carrier comes, and not IGMP

    def _impair(self, ends: Iterable[ImpairedEnd]) -> None:
        for impaired in ends:
            self._ends[impaired.end.device, impaired.end.port].impair(impaired.impairments)

    def _change_membership(self, action: Action) -> None:
        if action.stream is None:
            return
        stream = self._streams[action.stream]
        if action.kind is ActionKind.JOIN:
            self._join(action.target, stream)
        elif (action.target, stream.number) in self._joined:
            self._joined.discard((action.target, stream.number))
            self._hosts[action.target].leave(stream)
            self._tell_membership(action.target, stream, joined=False)

    def _join(self, node: str, stream: PlanStream) -> None:
        if (node, stream.number) in self._joined:
            return
        self._joined.add((node, stream.number))
        senders = (self._plan.host(name) for name in stream.senders if name != node)
        sources = tuple(host.address_for(stream.group) for host in senders) if stream.source_specific else ()
        self._hosts[node].join(stream, sources)
        self._tell_membership(node, stream, joined=True)

    def _tell_membership(self, node: str, stream: PlanStream, *, joined: bool) -> None:
        self._emit(Membership(at_s=self._journal.now(), node=node, stream=stream.number, joined=joined))

    def _restart_node(self, host: PlanHost) -> None:
        """Its interface goes down and up: no goodbye, and every membership is reported anew."""
        port = End(device=host.switch, port=host.port)
        plugged = self._ends[host.switch, host.port].up
        if plugged:
            self._set_link(port, up=False)
            self._set_link(port, up=True)
        self._hosts[host.name].rejoin(tuple(Dialect))


def _together(actions: Iterable[Action]) -> Iterator[tuple[Action, ...]]:
    """Yield steps one by one, but those together by which the spanning tree tells all switches at one moment.

    What a switch then asks and hears comes after every switch was told, as it takes time on a cable.
    """

    def key(numbered: tuple[int, Action]) -> tuple[float, int]:
        number, action = numbered
        return action.at_s, -1 if action.kind is ActionKind.TOPOLOGY_CHANGE else number

    for _, found in groupby(enumerate(actions), key):
        yield tuple(action for _, action in found)


def _addresses(host: PlanHost, plan: Plan) -> tuple[OwnAddress, ...]:
    """A host's addresses with their networks, that of IPv4 first."""
    found: list[OwnAddress] = [IPv4Interface((host.address, plan.prefix_length))]
    if host.address6 is not None and host.link_local is not None:
        found += [IPv6Interface((host.address6, plan.prefix_length6)), IPv6Interface((host.link_local, 64))]
    return tuple(found)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep the collector of cycles away: machines make none, and with many it looks at them for a third of
    the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
