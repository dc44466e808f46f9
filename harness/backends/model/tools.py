"""The probe tools of a plan in virtual time: a lab's programs, begun and ended when the plan says.

An installed program (``tool: system``) is no part of the model: the native one is run instead, as a
prediction of what the installed one will see.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from harness.backends.base import Emit
from harness.backends.model.agenda import Agenda
from harness.backends.model.at_work import Moments, ProgramAtWork
from harness.backends.model.udp import Udp
from harness.backends.programs import Hosted, Role, programs_of
from harness.backends.tool_records import Account, ToolRecords
from harness.plan.model import Plan
from harness.protocols.probes.program import Ended, Say

_FAILED = 1
_INTERRUPTS = 2
"""One may leave a program telling its peers that it goes."""


class Tools:
    """All probe tools of a plan."""

    def __init__(self, plan: Plan, agenda: Agenda, udp: Udp, emit: Emit) -> None:
        self._plan = plan
        self._agenda = agenda
        self._udp = udp
        self._records = tuple(ToolRecords(tool, plan.hosts, emit) for tool in plan.tools)
        self._parts: list[_Part] = []
        """In the order in which they end."""

    def start(self, zero_s: float) -> None:
        """Plan the beginning and the end of everything: servers begin first and end last."""
        moments = Moments(self._agenda, zero_s)
        order = list(Role)
        parts = [
            _Part(hosted, records.of(hosted.host), self._agenda, self._udp, moments)
            for tool, records in zip(self._plan.tools, self._records, strict=True)
            for hosted in programs_of(self._plan, tool, self._plan.seed)
        ]
        parts.sort(key=lambda part: order.index(part.hosted.role))
        for start_s in dict.fromkeys(part.hosted.start_s for part in parts):
            beginning = [part for part in parts if part.hosted.start_s == start_s]
            self._agenda.at(zero_s + start_s, partial(_begin, beginning))
        for part in parts[::-1]:
            self._agenda.at(zero_s + min(part.hosted.stop_s, self._plan.duration_s), part.interrupt)
        self._parts = parts[::-1]

    def finish(self) -> None:
        """End what still runs, and hand out what was gathered."""
        for part in self._parts:
            part.end()
        for records in self._records:
            records.flush()


class _Part:
    """One program on its host."""

    def __init__(self, hosted: Hosted, account: Account, agenda: Agenda, udp: Udp, moments: Moments) -> None:
        self.hosted = hosted
        self._account = account
        self._agenda = agenda
        self._udp = udp
        self._moments = moments
        self._at_work: ProgramAtWork | None = None

    def open(self) -> None:
        """Open its sockets. A tool that cannot ends as the real one does, which is an observation."""
        hosted = self.hosted
        try:
            self._at_work = ProgramAtWork(
                hosted.program, hosted.host, self._udp, self._agenda, self._moments, self._account
            )
        except OSError as error:
            self._moments.now()
            at_s = self._moments.told_s
            self._account(Say(text=f"Can't open its sockets: {error.strerror}", error=True), at_s)
            self._account(Ended(status=_FAILED), at_s)

    def start(self) -> None:
        """Let it begin, unless its sockets could not be opened."""
        if self._at_work is not None:
            self._at_work.start()

    def interrupt(self) -> None:
        """End it as Ctrl-C does, unless it has ended or never began."""
        if self._at_work is not None and self._at_work.ended is None:
            self._at_work.interrupt()

    def end(self) -> None:
        """End it whatever it still has to do."""
        for _ in range(_INTERRUPTS):
            self.interrupt()


def _begin(parts: Iterable[_Part]) -> None:
    """Open the sockets of all before the first of them speaks."""
    for part in parts:
        part.open()
    for part in parts:
        part.start()
