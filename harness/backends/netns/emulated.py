"""A vendor's switch: the snooping machine as control plane over a kernel bridge with nftables as data plane.

Built as real switches are. A tap takes every IGMP frame that arrives on a port (the data plane drops it), the
machine decides, its decisions go into the data plane's sets in one transaction for all frames read together,
and what it relays or sends itself is put on the ports. The machine runs on this machine's compressed time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from harness.backends.base import Emit
from harness.backends.netns.clock import Clock
from harness.backends.netns.data_plane import DataPlane
from harness.backends.netns.loop import Loop
from harness.backends.netns.namespaces import inside
from harness.backends.netns.packet import IGMP_FRAMES, Tap
from harness.observations.model import Igmp, Impaired, Mode, TableLine
from harness.plan.model import PlanSwitch
from harness.protocols.effects import Effect, ForwardingMode, Heard, Send, Table, TableChange
from harness.protocols.snooping import SnoopingConfig, SnoopingSwitch
from harness.wire.membership import Address

Entry = tuple[Address, str]


class EmulatedSwitch:
    """Drives one snooping machine. Exists from ``start`` to ``close``."""

    def __init__(self, switch: PlanSwitch, namespace: int, loop: Loop, clock: Clock, emit: Emit) -> None:
        self.name = switch.name
        self._loop = loop
        self._clock = clock
        self._emit = emit
        self._data_plane = DataPlane(namespace)
        self._machine = SnoopingSwitch(
            switch.behaviour.scaled(clock.speed),
            tuple(port.name for port in switch.ports),
        )
        self._members: dict[Entry, None] = {}
        self._routers: dict[str, None] = {}
        self._members_of: dict[Address, int] = {}
        self._touched: dict[Entry, None] = {}
        self._touched_routers: dict[str, None] = {}
        self._mode: ForwardingMode | None = None
        self._wake_s: float | None = None
        # Before any switch of the lab speaks: without its trap this one would flood what it hears.
        self._data_plane.install()
        with inside(namespace):
            self._tap = Tap(program=IGMP_FRAMES)

    def start(self) -> None:
        """Switch the control plane on."""
        now = self._loop.now()
        self._obey(self._machine.start(now), now)
        self._loop.watch(self._tap.fileno(), self._read)

    def knows(self, group: Address, port: str) -> bool:
        """Tell whether a port is a member of a group, or does not need to be."""
        return self._mode is None or not self._mode.snooping or (group, port) in self._members

    def configure(self, behaviour: SnoopingConfig) -> None:
        """Take new settings, as typed in by the administrator."""
        now = self._loop.now()
        self._obey(self._machine.reconfigure(behaviour.scaled(self._clock.speed), now), now)

    def port_changed(self, port: str, *, up: bool) -> None:
        """Tell the control plane that a port went down or came up."""
        now = self._loop.now()
        machine = self._machine
        self._obey(machine.port_up(port, now) if up else machine.port_down(port, now), now)

    def restart(self) -> None:
        """Lose all tables and begin again."""
        now = self._loop.now()
        self._obey(self._machine.restart(now), now)

    def topology_changed(self) -> None:
        """Be told that the spanning tree has changed; so far no platform here does anything then."""

    def _read(self) -> None:
        effects: list[Effect] = []
        last_s = self._loop.now()
        for frame in self._tap.frames():
            # What was due before the frame came happens first, however late it is read.
            effects += self._machine.tick(frame.at_s)
            effects += self._machine.receive(frame.port, frame.data, frame.at_s)
            last_s = frame.at_s
        self._obey(effects, last_s)

    def _wake(self, due_s: float) -> None:
        if self._wake_s == due_s:  # an earlier deadline has not taken its place
            self._wake_s = None
            self._obey(self._machine.tick(due_s), due_s)

    def _obey(self, effects: Iterable[Effect], now: float) -> None:
        sends: list[Send] = []
        for effect in effects:
            match effect:
                case Send():
                    sends.append(effect)
                case TableChange():
                    self._note_table(effect, now)
                case ForwardingMode():
                    self._note_mode(effect, now)
                case Heard():
                    self._note_heard(effect, now)
                case _:
                    assert_never(effect)
        self._write_tables()
        for send in sends:
            self._tap.send(send.port, send.frame)
        self._schedule()

    def _schedule(self) -> None:
        due_s = self._machine.next_deadline()
        if due_s is not None and (self._wake_s is None or due_s < self._wake_s):
            self._wake_s = due_s
            self._loop.call_at(due_s, lambda: self._wake(due_s))

    def _note_table(self, change: TableChange, now: float) -> None:
        if change.table is Table.MEMBER and change.group is not None:
            entry = (change.group, change.port)
            self._touched[entry] = None
            count = self._members_of.get(change.group, 0)
            if change.present:
                self._members[entry] = None
                self._members_of[change.group] = count + 1
            else:
                self._members.pop(entry, None)
                self._members_of[change.group] = count - 1
        elif change.table is Table.ROUTER_PORT:
            self._touched_routers[change.port] = None
            if change.present:
                self._routers[change.port] = None
            else:
                self._routers.pop(change.port, None)
        self._emit(
            TableLine(
                at_s=self._clock.scenario(now),
                switch=self.name,
                table=change.table.value,
                present=change.present,
                port=change.port,
                group=str(change.group or ""),
                address=str(change.address or ""),
                cause=change.cause,
            )
        )

    def _note_mode(self, mode: ForwardingMode, now: float) -> None:
        self._mode = mode
        self._data_plane.set_mode(snooping=mode.snooping, unregistered=mode.unregistered)
        self._emit(
            Mode(
                at_s=self._clock.scenario(now),
                switch=self.name,
                snooping=mode.snooping,
                unregistered=mode.unregistered.value,
                cause=mode.cause,
            )
        )

    def _note_heard(self, heard: Heard, now: float) -> None:
        self._emit(
            Igmp(
                at_s=self._clock.scenario(now),
                switch=self.name,
                port=heard.port,
                what=heard.what,
                source=str(heard.source),
                group=str(heard.group or ""),
                sent=heard.sent,
            )
        )

    def _write_tables(self) -> None:
        """Bring the data plane in line with what has changed, in one transaction."""
        if not self._touched and not self._touched_routers:
            return
        groups = dict.fromkeys(group for group, _ in self._touched)
        self._data_plane.apply(
            add_members=[entry for entry in self._touched if entry in self._members],
            del_members=[entry for entry in self._touched if entry not in self._members],
            add_groups=[group for group in groups if self._members_of[group]],
            del_groups=[group for group in groups if not self._members_of[group]],
            add_routers=[port for port in self._touched_routers if port in self._routers],
            del_routers=[port for port in self._touched_routers if port not in self._routers],
        )
        self._touched.clear()
        self._touched_routers.clear()

    def report_drops(self) -> None:
        """Hand out how many IGMP frames the tap lost since the last call."""
        if lost := self._tap.drops():
            self._emit(Impaired(at_s=self._clock.now(), what="socket", count=lost, host=self.name))

    def close(self) -> None:
        """Close the tap and the data plane's socket; the namespace's owner removes the rest."""
        self._loop.unwatch(self._tap.fileno())
        self._tap.close()
        self._data_plane.close()
