"""Moments as seconds from the start: those of steps may refer to other steps, those of others to steps."""

from __future__ import annotations

from harness.plan.names import Loc, Mistakes
from harness.scenario.fields import Moment
from harness.scenario.timeline import Step

_DIGITS = 9
"""Sums of times as written are rounded here, so that 0.1 s + 0.2 s is 0.3 s."""


class Moments:
    """The steps of a timeline by name, each at its second."""

    def __init__(self, timeline: tuple[Step, ...], mistakes: Mistakes) -> None:
        self._mistakes = mistakes
        self._steps: dict[str, tuple[int, Moment]] = {}
        self._at_s: dict[str, float | None] = {}
        for index, step in enumerate(timeline):
            if step.name is None:
                continue
            if step.name in self._steps:
                mistakes.add(("timeline", index, "name"), f'a second step "{step.name}"', certain=True)
            self._steps.setdefault(step.name, (index, step.at))
        for name in self._steps:
            self._resolve(name)

    def at_s(self, moment: Moment, loc: Loc) -> float | None:
        """The moment in seconds; None after a mistake, which is noted at ``loc``."""
        start_s = 0.0
        if moment.step is not None:
            if moment.step not in self._steps:
                self._mistakes.add_unknown(loc, "step", moment.step, self._steps)
                return None
            known = self._at_s[moment.step]
            if known is None:
                return None
            start_s = known
        at_s = round(start_s + moment.offset_s, _DIGITS)
        if at_s < 0:
            self._mistakes.add(loc, f"{moment} is before the start of the scenario")
            return None
        return at_s

    def _resolve(self, name: str) -> None:
        """Find the second of ``name``, and before it of the steps that it waits for."""
        waiting = [name]
        while waiting and waiting[-1] not in self._at_s:
            index, moment = self._steps[waiting[-1]]
            before = moment.step
            if before is None or before not in self._steps or before in self._at_s:
                self._at_s[waiting.pop()] = self.at_s(moment, ("timeline", index, "at"))
                waiting = waiting or [name]
            elif before in waiting:
                ring = " -> ".join((*waiting[waiting.index(before) :], before))
                self._mistakes.add(("timeline", index, "at"), f"these steps wait for each other: {ring}")
                self._at_s.update(dict.fromkeys(waiting))
            else:
                waiting.append(before)
