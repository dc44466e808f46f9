"""The probe tools of a lab: opened in their hosts' namespaces, begun and ended when the plan says, recorded.

A tool is a program of ``protocols/probes`` on the lab's own loop, in the customer's seconds
(``NativePart``), or the program that is installed, in a process of its own (``SystemPart``). What they do is
told by ``tool_records`` either way. Servers of installed programs run before the scenario begins; a request
that nobody hears would be an answer lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from harness.backends.base import Emit
from harness.backends.netns.clock import Clock
from harness.backends.netns.devices import Devices
from harness.backends.netns.installed import command_line
from harness.backends.netns.native_part import NativePart
from harness.backends.netns.sockets import SOURCES_OF_A_SOCKET, allow_sources, announce
from harness.backends.netns.system_part import ENDS_WITHIN_S, SystemPart
from harness.backends.programs import Hosted, Role, address_of, programs_of
from harness.backends.tool_records import ToolRecords
from harness.observations.model import Impaired
from harness.plan.model import Plan
from harness.plan.tools import Made, PlanTool
from harness.sockets.loop import Loop

_BINDS_WITHIN_S = 5.0
"""How long an installed server may take to open its port on a busy machine."""
_KILLED_WITHIN_S = 1.0
_LISTENS_ON_S = 1.5
"""How long after the end of the scenario an mcfirst may take to see that its time is over."""
_SLACK_REAL_S = 0.005
"""An answer that comes this far off its period may be told as if it came on it."""

Part = NativePart | SystemPart


class Tools:
    """All probe tools of a lab. Opens nothing until ``open``; ``close`` always works."""

    def __init__(self, plan: Plan, loop: Loop, clock: Clock, emit: Emit, devices: Devices) -> None:
        self._plan = plan
        self._loop = loop
        self._clock = clock
        self._emit = emit
        self._devices = devices
        self._records = tuple(
            ToolRecords(tool, plan.hosts, emit, slack_s=_SLACK_REAL_S * plan.speed, wanted=devices.want)
            for tool in plan.tools
        )
        self._parts: list[tuple[Hosted, Part]] = []

    # --- phases -------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Let the switches know who takes part, and start the servers of installed programs.

        Raises LabError and HostError.
        """
        for tool, records in zip(self._plan.tools, self._records, strict=True):
            for name in tool.parties:
                with self._devices.enter_host(name):
                    announce()
                    if tool.version == 4 and len(tool.hosts) > SOURCES_OF_A_SOCKET[4]:
                        allow_sources(len(tool.hosts))
            for hosted in programs_of(self._plan, tool, self._plan.seed, installed=tool.made is Made.SYSTEM):
                self._parts.append((hosted, self._part(tool, hosted, records)))
        for hosted, part in self._parts:
            if isinstance(part, SystemPart) and hosted.role is Role.SERVER:
                part.start()
                self._loop.wait_for(part.is_bound, _BINDS_WITHIN_S, part.unbound)

    def _part(self, tool: PlanTool, hosted: Hosted, records: ToolRecords) -> Part:
        account, devices = records.of(hosted.host), self._devices
        if tool.made is Made.NATIVE:
            address = address_of(self._plan.host(hosted.host), tool)
            return NativePart(hosted, address, account, self._loop, self._clock, devices)
        argv = command_line(self._plan, tool, hosted.role)
        return SystemPart(hosted, argv, account, self._loop, self._clock, devices, self._emit)

    def start(self) -> None:
        """Put the beginning and the end of every part on the loop: servers begin first and end last."""
        order = list(Role)
        for start_s in dict.fromkeys(hosted.start_s for hosted, _ in self._parts):
            parts = [(hosted, part) for hosted, part in self._parts if hosted.start_s == start_s]
            parts.sort(key=lambda one: order.index(one[0].role))
            self._loop.call_at(self._clock.real(start_s), partial(self._begin, [part for _, part in parts]))
        for hosted, part in self._last_first():
            if hosted.role is not Role.LISTENER and hosted.stop_s < self._plan.duration_s:
                self._loop.call_at(self._clock.real(hosted.stop_s), part.interrupt)

    def _last_first(self) -> list[tuple[Hosted, Part]]:
        order = list(Role)
        return sorted(self._parts, key=lambda one: -order.index(one[0].role))

    @staticmethod
    def _begin(parts: Iterable[Part]) -> None:
        """Open the sockets of all before the first of them speaks."""
        for part in parts:
            part.open()
        for part in parts:
            part.start()

    def finish(self) -> None:
        """End what still runs at the end of the scenario, and wait for its last words.

        Listeners end by themselves: they know how long to listen, and say nothing when they are interrupted.
        """
        listeners = [part for hosted, part in self._parts if hosted.role is Role.LISTENER]
        self._loop.wait_until(lambda: _have_ended(listeners), self._loop.now() + _LISTENS_ON_S)
        for _, part in self._last_first():
            part.end()
        parts = [part for _, part in self._parts]
        end_s = self._loop.now() + ENDS_WITHIN_S + _KILLED_WITHIN_S
        self._loop.wait_until(lambda: _have_ended(parts), end_s)

    # --- reporting ----------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Hand out what the tools did since the last call."""
        for records in self._records:
            records.flush()

    def report_drops(self) -> None:
        """Hand out how many datagrams the sockets lost since the last call because nobody read in time."""
        for hosted, part in self._parts:
            if lost := part.newly_dropped():
                self._emit(Impaired(at_s=self._clock.now(), what="socket", count=lost, host=hosted.host))

    def close(self) -> None:
        """End everything without a word."""
        for _, part in reversed(self._parts):
            part.close()


def _have_ended(parts: Iterable[Part]) -> bool:
    return all(part.has_ended for part in parts)
