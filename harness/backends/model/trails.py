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


@dataclass(slots=True, eq=False)
class _Step:
    """A switch on the way: what the frame means there, where it went on, and the end if that was one port."""

    switch: Switch
    machine: SnoopingSwitch
    plain: Plain
    onward: Sequence[str] = ()
    out: CableEnd | None = None


Steps = dict[Plain, "_Step"]
"""The steps of all trails: frames that mean the same at a port share theirs."""


class Trail:
    """The way of one host's last frame."""

    __slots__ = ("_agenda", "_frame", "_known", "_steps")

    def __init__(self, agenda: Agenda, known: Steps) -> None:
        self._agenda = agenda
        self._known = known
        self._frame = b""
        self._steps: list[_Step] = []

    def send(self, end: CableEnd, frame: bytes) -> None:
        """Let a frame leave at an end, and follow it as far as it only refreshes."""
        agenda = self._agenda
        if frame is not self._frame:
            self._frame, self._steps = frame, []
        steps, at = self._steps, 0
        while end.up and not end.impairments and agenda.nothing_arrives:
            if at < len(steps) and steps[at].switch is not end.far:
                del steps[at:]
            if at == len(steps) and not self._look(end):
                break
            step = steps[at]
            onward = step.machine.refresh_again(step.plain, agenda.now)
            if onward is None:
                del steps[at:]
                break
            agenda.events += 1
            if onward is not step.onward:
                step.onward = onward
                step.out = step.switch.ends[onward[0]] if len(onward) == 1 else None
            if step.out is None:
                for name in onward:
                    step.switch.ends[name].carry(frame)
                return
            end = step.out
            at += 1
        end.carry(frame)

    def _look(self, end: CableEnd) -> bool:
        """Add the step at the other end; False if that is no switch whose machine reads the frame."""
        switch = end.far
        if not isinstance(switch, Switch) or switch.hushed:
            return False
        machine = switch.machine_for(self._frame)
        if machine is None:
            return False
        plain = machine.plain(end.far_port, self._frame)
        step = self._known.get(plain)
        if step is None:
            step = self._known[plain] = _Step(switch, machine, plain)
        self._steps.append(step)
        return True
