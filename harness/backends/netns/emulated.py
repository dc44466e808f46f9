"""A vendor's switch: snooping machines as control plane over a kernel bridge with nftables as data plane.

Built as real switches are. A tap takes every IGMP frame that arrives on a port (the data plane drops it), the
machine decides, its decisions go into the data plane's sets in one transaction for all frames read together,
and what it relays or sends itself is put on the ports. IGMP and MLD have a machine each, independent of the
other (RFC 4541 section 3); a switch without a machine for MLD passes it like any other IPv6. The machines run
on this machine's compressed time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from harness.backends.base import Emit
from harness.backends.netns.clock import Clock
from harness.backends.netns.data_plane import DataPlane
from harness.backends.netns.forwarding import Entry
from harness.backends.netns.journal import Journal
from harness.backends.netns.namespaces import inside
from harness.plan.model import PeerKind, PlanSwitch
from harness.protocols.dialect import Dialect, is_of_a_member, never_pruned
from harness.protocols.effects import (
    Effect,
    ForwardingMode,
    Heard,
    Send,
    SourceFilter,
    Table,
    TableChange,
)
from harness.protocols.snooping import SnoopingSwitch
from harness.protocols.snooping_config import SnoopingConfig
from harness.sockets.bpf import CONTROL_FRAMES
from harness.sockets.loop import Alarm, Loop
from harness.sockets.packet import Tap
from harness.wire.membership import Address
from harness.wire.pim import carries_pim


class _ControlPlane:
    """One machine, and what it has decided so far."""

    def __init__(self, switch: PlanSwitch, behaviour: SnoopingConfig, speed: float) -> None:
        self.behaviour = behaviour
        self.machine = SnoopingSwitch(behaviour.scaled(speed), tuple(port.name for port in switch.ports))
        self.members: dict[Entry, SourceFilter] = {}
        self.routers: dict[str, None] = {}
        self.mode: ForwardingMode | None = None

    def knows(self, entry: Entry, sources: tuple[Address, ...]) -> bool:
        """Tell whether a port is a member of a group for these sources, or nobody can be one."""
        if not self.behaviour.snooping:
            return True
        if self.behaviour.no_members_on_router_ports and entry[1] in self.routers:
            return True
        known = self.members.get(entry)
        return known is not None and all(map(known.passes, sources))


class EmulatedSwitch:
    """Drives the snooping machines of one switch. Exists from ``start`` to ``close``."""

    def __init__(self, switch: PlanSwitch, namespace: int, loop: Loop, clock: Clock, emit: Emit) -> None:
        self.name = switch.name
        self._ports = frozenset(port.name for port in switch.ports)
        self._nodes = frozenset(port.name for port in switch.ports if port.peer_kind is PeerKind.NODE)
        self._hushed = False
        self._loop = loop
        self._clock = clock
        self._journal = Journal(switch.name, clock, emit)
        self._data_plane = DataPlane(namespace)
        self._planes = {
            behaviour.dialect: _ControlPlane(switch, behaviour, clock.speed)
            for behaviour in (switch.behaviour, switch.mld)
            if behaviour is not None
        }
        self._members: dict[Entry, SourceFilter | None] = {}
        self._routers: dict[tuple[Dialect, str], bool] = {}
        """What has changed since the data plane was told."""
        self._alarm = Alarm(loop, self._wake)
        self._latest_s = 0.0
        """The latest moment that the machines have been told of."""
        # Before any switch of the lab speaks: without its trap this one would flood what it hears.
        self._data_plane.install(tuple(self._planes))
        with inside(namespace):
            self._tap = Tap(program=CONTROL_FRAMES)

    def start(self) -> None:
        """Switch the control plane on."""
        now = self._loop.now()
        for dialect, plane in self._planes.items():
            self._obey(dialect, plane.machine.start(now), now)
        self._loop.watch(self._tap.fileno(), self._read)

    def knows(self, group: Address, port: str, sources: tuple[Address, ...] = ()) -> bool:
        """Tell whether a port receives a group, and from these sources, or need not be a member to do so."""
        plane = self._planes.get(Dialect.of(group))
        return plane is None or never_pruned(group) or plane.knows((group, port), sources)

    def configure(self, behaviour: SnoopingConfig) -> None:
        """Take new settings of the machine that speaks their dialect, as typed in by the administrator."""
        now = self._loop.now()
        plane = self._planes[behaviour.dialect]
        before, plane.behaviour = plane.behaviour, behaviour
        self._obey(
            behaviour.dialect, plane.machine.reconfigure(behaviour.scaled(self._clock.speed), now), now
        )
        if (before.lookup, before.source_filtering) != (behaviour.lookup, behaviour.source_filtering):
            self._set_mode(behaviour.dialect)

    def port_changed(self, port: str, *, up: bool) -> None:
        """Tell the control plane that a port went down or came up."""
        now = self._loop.now()
        for dialect, plane in self._planes.items():
            machine = plane.machine
            self._obey(dialect, machine.port_up(port, now) if up else machine.port_down(port, now), now)

    def restart(self) -> None:
        """Lose all tables and begin again."""
        now = self._loop.now()
        for dialect, plane in self._planes.items():
            self._obey(dialect, plane.machine.restart(now), now)

    def hush(self, hushed: bool) -> None:
        """Relay no reports to nodes, or as always: a crowd that joins at once must not silence itself."""
        self._hushed = hushed

    def topology_changed(self) -> None:
        """Tell the control plane that the spanning tree has changed."""
        now = self._loop.now()
        for dialect, plane in self._planes.items():
            self._obey(dialect, plane.machine.topology_change(now), now)

    # --- the machines' life -------------------------------------------------------------------------------

    def _read(self) -> None:
        sends: list[Send] = []
        for frame in self._tap.frames():
            if frame.port not in self._ports:
                continue  # what is not trapped comes up at the bridge itself once more
            # What was due before the frame came happens first, however late it is read. Where a timer that
            # was due later has fired already, the frame counts from then: records stay in their order.
            at_s = self._latest_s = max(self._latest_s, frame.at_s)
            for dialect, plane in self._planes.items():
                sends += self._note(dialect, plane.machine.tick(at_s), at_s)
            if (speaker := self._addressed(frame.data)) is not None:
                effects = self._planes[speaker].machine.receive(frame.port, frame.data, at_s)
                relayed = self._note(speaker, effects, at_s)
                sends += self._kept_from_nodes(relayed, frame.data) if self._hushed else relayed
        self._carry_out(sends)

    def _kept_from_nodes(self, relayed: list[Send], frame: bytes) -> list[Send]:
        if not is_of_a_member(frame):
            return relayed
        return [send for send in relayed if send.port not in self._nodes]

    def _addressed(self, frame: bytes) -> Dialect | None:
        """The dialect whose machine reads a frame. PIM is not trapped, so only a learner is shown it."""
        dialect = Dialect.of_frame(frame)
        if dialect is None or (plane := self._planes.get(dialect)) is None:
            return None
        if not carries_pim(frame):
            return dialect
        return dialect if plane.behaviour.snooping and plane.behaviour.learn_router_from_pim else None

    def _wake(self, due_s: float) -> None:
        self._latest_s = max(self._latest_s, due_s)
        sends: list[Send] = []
        for dialect, plane in self._planes.items():
            sends += self._note(dialect, plane.machine.tick(due_s), due_s)
        self._carry_out(sends)

    def _obey(self, dialect: Dialect, effects: Iterable[Effect], now: float) -> None:
        self._carry_out(self._note(dialect, effects, now))

    def _note(self, dialect: Dialect, effects: Iterable[Effect], now: float) -> list[Send]:
        """Record what a machine wants; return what is to be sent once the tables are written."""
        sends: list[Send] = []
        for effect in effects:
            match effect:
                case Send():
                    sends.append(effect)
                case TableChange():
                    self._note_table(dialect, effect, now)
                case ForwardingMode():
                    self._note_mode(dialect, effect, now)
                case Heard():
                    self._journal.heard(dialect, effect, now)
                case _:
                    assert_never(effect)
        return sends

    def _carry_out(self, sends: Iterable[Send]) -> None:
        """Bring the data plane in line with what has changed, in one transaction; then send."""
        if self._members or self._routers:
            self._data_plane.apply(self._members, self._routers)
            self._members.clear()
            self._routers.clear()
        for send in sends:
            self._tap.send(send.port, send.frame)
        deadlines = (plane.machine.next_deadline() for plane in self._planes.values())
        self._alarm.set(min((at_s for at_s in deadlines if at_s is not None), default=None))

    # --- what the machines decide -------------------------------------------------------------------------

    def _note_table(self, dialect: Dialect, change: TableChange, now: float) -> None:
        if change.table is Table.MEMBER and change.group is not None:
            entry = (change.group, change.port)
            self._members[entry] = change.filter if change.present else None
            if change.present:
                self._planes[dialect].members[entry] = change.filter
            else:
                self._planes[dialect].members.pop(entry, None)
        elif change.table is Table.ROUTER_PORT:
            self._routers[dialect, change.port] = change.present
            if change.present:
                self._planes[dialect].routers[change.port] = None
            else:
                self._planes[dialect].routers.pop(change.port, None)
        self._journal.changed(dialect, change, now)

    def _note_mode(self, dialect: Dialect, mode: ForwardingMode, now: float) -> None:
        self._planes[dialect].mode = mode
        self._set_mode(dialect)
        self._journal.forwards(dialect, mode, now)

    def _set_mode(self, dialect: Dialect) -> None:
        plane = self._planes[dialect]
        if plane.mode is not None:
            self._data_plane.set_mode(
                dialect,
                snooping=plane.mode.snooping,
                unregistered=plane.mode.unregistered,
                lookup=plane.behaviour.lookup,
                source_filtering=plane.behaviour.source_filtering,
            )

    def report_drops(self) -> None:
        """Hand out how many IGMP and MLD frames the tap lost since the last call."""
        self._journal.report_drops(self._tap)

    def close(self) -> None:
        """Close the tap and the data plane's socket; the namespace's owner removes the rest."""
        self._loop.unwatch(self._tap.fileno())
        self._tap.close()
        self._data_plane.close()
