"""A switch: the machines of IGMP and MLD as control plane, and what its data plane does with datagrams.

Genuine switches of a lab are computed by the same machines, with the habits that were measured of them.
IGMP and MLD are trapped as in a lab: the machine reads, learns and relays. PIM is forwarded like data that is
never pruned, and shown to a machine that learns router ports from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import assert_never

from harness.backends.model.agenda import Agenda, Alarm
from harness.backends.model.cables import CableEnd, Datagram
from harness.backends.model.journal import Journal
from harness.plan.model import PeerKind, PlanSwitch
from harness.protocols.dialect import Dialect, is_of_a_member, never_pruned
from harness.protocols.effects import Effect, ForwardingMode, Heard, Send, Table, TableChange
from harness.protocols.ruling import ForwardingTables
from harness.protocols.snooping import SnoopingSwitch
from harness.protocols.snooping_config import Lookup, SnoopingConfig
from harness.wire.membership import Address
from harness.wire.pim import carries_pim

Changing = Callable[[Dialect, Address | None], None]
"""Is told before a change of what is forwarded: of one group, or (None) of any of the family."""
Way = Callable[[str, str], CableEnd | None]
"""The end where a switch (first name) sends unicast to a host (second)."""


class _Plane:
    """The machine and the tables of one protocol."""

    __slots__ = ("behaviour", "machine", "tables")

    def __init__(self, switch: PlanSwitch, behaviour: SnoopingConfig) -> None:
        self.machine = SnoopingSwitch(behaviour, tuple(port.name for port in switch.ports))
        self.behaviour = behaviour
        self.tables = ForwardingTables(lookup=behaviour.lookup, source_filtering=behaviour.source_filtering)


class Switch:
    """One broadcast domain of a plan. ``ends`` are its ends of cables by port, filled by whoever builds."""

    def __init__(
        self, plan: PlanSwitch, agenda: Agenda, journal: Journal, changing: Changing, way: Way
    ) -> None:
        self.name = plan.name
        self.ends: dict[str, CableEnd] = {}
        self.hushed = False
        """Relays no reports to nodes, as a lab's switches while everybody joins at once."""
        self._agenda = agenda
        self._journal = journal
        self._changing = changing
        self._way = way
        self._nodes = frozenset(port.name for port in plan.ports if port.peer_kind is PeerKind.NODE)
        self._planes = {
            behaviour.dialect: _Plane(plan, behaviour)
            for behaviour in (plan.behaviour, plan.mld)
            if behaviour is not None
        }
        self._alarm = Alarm(agenda, self._tick)

    # --- what is done to it -------------------------------------------------------------------------------

    def start(self) -> None:
        """Switch it on."""
        for dialect, plane in self._planes.items():
            self._obey(dialect, plane.machine.start(self._agenda.now))

    def restart(self) -> None:
        """Lose all tables and begin again."""
        for dialect, plane in self._planes.items():
            self._obey(dialect, plane.machine.restart(self._agenda.now))

    def configure(self, behaviour: SnoopingConfig) -> None:
        """Take new settings of the machine that speaks their dialect."""
        plane = self._planes[behaviour.dialect]
        if behaviour == plane.behaviour:
            return
        plane.behaviour = behaviour
        self._changing(behaviour.dialect, None)
        plane.tables.lookup = behaviour.lookup
        plane.tables.source_filtering = behaviour.source_filtering
        self._obey(behaviour.dialect, plane.machine.reconfigure(behaviour, self._agenda.now))

    def port_changed(self, port: str, *, up: bool) -> None:
        """Learn that a port went down or came up."""
        now = self._agenda.now
        for dialect, plane in self._planes.items():
            machine = plane.machine
            self._obey(dialect, machine.port_up(port, now) if up else machine.port_down(port, now))

    def topology_changed(self) -> None:
        """Learn that the spanning tree has changed."""
        for dialect, plane in self._planes.items():
            self._obey(dialect, plane.machine.topology_change(self._agenda.now))

    def knows(self, group: Address, port: str) -> bool:
        """Tell whether a port is a member of a group, or need not be one to receive it."""
        plane = self._planes.get(Dialect.of(group))
        if plane is None or not plane.behaviour.snooping or never_pruned(group):
            return True
        if plane.behaviour.no_members_on_router_ports and port in plane.tables.routers:
            return True
        return port in plane.tables.members.get(group, {})

    def machines(self) -> tuple[SnoopingSwitch, ...]:
        """Its machines, one for each protocol that it snoops on."""
        return tuple(plane.machine for plane in self._planes.values())

    # --- frames -------------------------------------------------------------------------------------------

    def machine_for(self, frame: bytes) -> SnoopingSwitch | None:
        """The machine that reads such frames; None where they are only forwarded."""
        plane = self._plane_for(frame)
        return None if plane is None else plane.machine

    def _plane_for(self, frame: bytes) -> _Plane | None:
        dialect = Dialect.of_frame(frame)
        return None if dialect is None else self._planes.get(dialect)

    def receive(self, port: str, frame: bytes) -> None:
        """Take a frame of IGMP, MLD or PIM."""
        machine = self.machine_for(frame)
        onward = None if machine is None else machine.refresh(port, frame, self._agenda.now)
        if onward is not None:
            self.pass_on(onward, frame)
            return
        plane = self._plane_for(frame)
        is_pim = carries_pim(frame)
        if plane is None or is_pim:
            for name, end in self.ends.items():
                if name != port:
                    end.carry(frame)
        if plane is None or (
            is_pim and not (plane.behaviour.snooping and plane.behaviour.learn_router_from_pim)
        ):
            return
        effects = plane.machine.receive(port, frame, self._agenda.now)
        if self.hushed and is_of_a_member(frame):
            effects = [one for one in effects if not (isinstance(one, Send) and one.port in self._nodes)]
        self._obey(plane.behaviour.dialect, effects)

    def pass_on(self, ports: Iterable[str], frame: bytes) -> None:
        """Send a report on that was only taken note of."""
        for name in ports:
            if not self.hushed or name not in self._nodes:
                self.ends[name].carry(frame)

    def _tick(self) -> None:
        now = self._agenda.now
        for dialect, plane in self._planes.items():
            due_s = plane.machine.next_deadline()
            if due_s is not None and due_s > now:
                self._alarm.set(due_s)
            elif due_s is not None:
                self._obey(dialect, plane.machine.tick(now))

    def _obey(self, dialect: Dialect, effects: Iterable[Effect]) -> None:
        """Take over what a machine has decided, then send; wake it at its next deadline."""
        sends: list[Send] = []
        held_back: Heard | None = None
        for effect in effects:
            match effect:
                case Send():
                    sends.append(effect)
                case Heard():
                    if self._may_be_a_refresh(dialect, effect):
                        held_back = effect
                    else:
                        self._journal.heard(self.name, dialect, effect)
                case TableChange():
                    if held_back is not None:
                        self._journal.heard(self.name, dialect, held_back)
                        held_back = None
                    self._change(dialect, effect)
                case ForwardingMode():
                    self._changing(dialect, None)
                    self._planes[dialect].tables.set_mode(effect)
                    self._journal.mode(self.name, dialect, effect)
                case _:
                    assert_never(effect)
        for send in sends:
            self.ends[send.port].carry(send.frame)
        for plane in self._planes.values():
            self._alarm.set(plane.machine.next_deadline())

    def _may_be_a_refresh(self, dialect: Dialect, heard: Heard) -> bool:
        """Whether a report says what is known; such are recorded only if something changes by them."""
        if heard.sent or not heard.what.startswith("report"):
            return False
        members = self._planes[dialect].tables.members
        return heard.group is None or heard.port in members.get(heard.group, ())

    def _change(self, dialect: Dialect, change: TableChange) -> None:
        if change.table is not Table.QUERIER:
            tables = self._planes[dialect].tables
            # By MAC address a group's members are those of 31 others too.
            self._changing(dialect, None if tables.lookup is Lookup.MAC else change.group)
            tables.change(change)
        self._journal.table(self.name, dialect, change)

    # --- datagrams ----------------------------------------------------------------------------------------

    def exits(self, port: str, group: Address, source: Address) -> Iterator[CableEnd]:
        """The ends where a datagram to a group, or to all, leaves that came in at a port."""
        plane = self._planes.get(Dialect.of(group)) if group.is_multicast else None
        for name, end in self.ends.items():
            if name != port and end.up and (plane is None or plane.tables.rule(group, source, name).passes):
                yield end

    def receive_data(self, port: str, datagram: Datagram) -> None:
        """Pass a datagram on."""
        if datagram.to:
            end = self._way(self.name, datagram.to)
            if end is not None:
                end.carry_data(datagram)
            return
        for end in tuple(self.exits(port, datagram.kind.group, datagram.kind.source)):
            end.carry_data(datagram)
