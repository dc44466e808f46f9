"""Reports that only say again what is known, taken along their whole way in one go.

Nearly all that a large network says are answers to queries, each of which refreshes an entry in every switch
on its way to the querier, and was told before by the same bytes. While no other frame is on its way at that
moment nothing can come in between: the switches take it one after the other, without the agenda, each by what
it knows of the frame from last time. Where anything is not as it was, the frame goes on as all others do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.backends.model.agenda import Agenda
from harness.backends.model.cables import CableEnd
from harness.backends.model.switches import Switch
from harness.protocols.snooping import Plain, SnoopingSwitch


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """A switch on the way: what the frame means there, the one port where it went on, and that port's end."""

    machine: SnoopingSwitch
    plain: Plain
    onward: Sequence[str]
    switch: Switch
    out: CableEnd


Steps = dict[Plain, _Step]
"""The steps of all trails: frames that mean the same at a port share theirs."""


class Trail:
    """The way of one host's last frame, if it came through to where no switch is."""

    __slots__ = ("_agenda", "_frame", "_known", "_steps")

    def __init__(self, agenda: Agenda, known: Steps) -> None:
        self._agenda = agenda
        self._known = known
        self._frame = b""
        self._steps: tuple[_Step, ...] = ()

    def send(self, end: CableEnd, frame: bytes) -> None:
        """Let a frame leave at an end, and follow it as far as it only refreshes."""
        agenda = self._agenda
        if not agenda.nothing_arrives:
            end.carry(frame)
        elif frame is not self._frame or not self._steps:
            self._frame, self._steps = frame, ()
            self._explore(end, frame)
        else:
            self._follow(end, frame)

    def _follow(self, end: CableEnd, frame: bytes) -> None:
        """Go the known way."""
        now = self._agenda.now
        for step in self._steps:
            if end.impairments or not end.up:
                break
            onward = step.machine.refresh_again(step.plain, now)
            if onward is not step.onward:
                self._steps = ()
                if onward is not None:
                    step.switch.pass_on(onward, frame)
                    return
                break
            end = step.out
        self._agenda.events += len(self._steps)
        end.carry(frame)

    def _explore(self, end: CableEnd, frame: bytes) -> None:
        """Go as far as the frame only refreshes, and remember the way if that is all of it."""
        steps: list[_Step] = []
        while isinstance(switch := end.far, Switch):
            machine = switch.machine_for(frame)
            if end.impairments or not end.up or switch.hushed or machine is None:
                break
            plain = machine.plain(end.far_port, frame)
            onward = machine.refresh_again(plain, self._agenda.now)
            if onward is None:
                break
            self._agenda.events += 1
            if len(onward) != 1:
                switch.pass_on(onward, frame)
                return
            step = self._known.get(plain)
            if step is None or step.onward is not onward:
                step = self._known[plain] = _Step(machine, plain, onward, switch, switch.ends[onward[0]])
            steps.append(step)
            end = step.out
        else:
            self._steps = tuple(steps)
        end.carry(frame)
