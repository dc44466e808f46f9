"""One lab from its birth to its end: build, settle, walk the timeline, record, tear down.

Settling rests on observed state: every port forwards, every query that must be out is out, every switch
that snoops knows the members that are plugged into it, as far as the plan says that it will. The scenario's
zero is the moment when all that holds.
While nodes join, kernel bridges are hushed: they flood version 3 reports to every port, so a crowd would
drown in this machine's own queues; and a flooded version 2 report makes others keep theirs back (RFC 2236
section 3), so that the bridge would never learn them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property, partial
from pathlib import Path

from harness.backends.base import Emit, Options
from harness.backends.netns.actions import Actor
from harness.backends.netns.capture import Capture
from harness.backends.netns.clock import Clock
from harness.backends.netns.devices import Devices
from harness.backends.netns.tools import Tools
from harness.backends.netns.traffic import Traffic
from harness.observations.model import Impaired, Phase, Remark
from harness.plan.hosts import longest_response_s
from harness.plan.model import Cast, Plan, PlanHost, PlanStream
from harness.sockets.loop import Loop

_QUIET_S = 0.002
_ARRIVAL_LIMIT_S = 2.0
"""How long a frame is waited for that a cable holds when the scenario is over; then it is lost."""
_FLUSH_EVERY_S = 0.1
_SETTLE_LIMIT_S = 10.0
_SETTLES_IN_S = 0.03
"""What settling takes on an idle machine beside the response times of hosts."""
_LEAST_PATIENCE_S = 0.1
"""What a report that nothing holds back takes at most from a host to its switch, on a busy machine."""
_LATE_WORTH_TELLING_S = 0.02
Join = tuple[PlanHost, PlanStream]

_CROWD = 30
"""More joins than this, flooded to as many ports, overflow the kernel's per-CPU queue of 1000 frames."""


class Lab:
    """A running plan. ``walk`` may be interrupted at any moment; ``close`` always works."""

    def __init__(self, plan: Plan, options: Options, emit: Emit) -> None:
        self._plan = plan
        self._options = options
        self._emit = emit
        self._began_s = time.monotonic()
        self._clock = Clock(speed=plan.speed)
        self._loop = Loop()
        self._stack = ExitStack()
        self._stack.callback(self._loop.close)
        self._backlog_drops = _backlog_drops()
        self._devices = Devices(plan, self._loop, self._clock, emit)
        devices = self._devices
        self._traffic = Traffic(
            plan, self._loop, self._clock, emit, devices.enter_host, devices.change_membership
        )
        self._tools = Tools(plan, self._loop, self._clock, emit, devices)
        self._actor = Actor(plan, self._devices, self._traffic, self._clock, emit)

    # --- phases -------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Build the network and open every socket. Raises LabError or HostError; what was built is kept
        for ``close``."""
        self._phase("build")
        self._stack.callback(self._devices.close)
        self._devices.build()
        self._stack.callback(self._traffic.close)
        self._traffic.open()
        self._stack.callback(self._tools.close)
        self._tools.open()
        for switch, port in self._options.captures:
            path = self._options.folder / f"{switch}-{port}.pcap"
            with self._devices.enter_switch(switch):
                capture = Capture(port, path, self._loop)
            self._stack.callback(capture.close)

    def settle(self) -> None:
        """Switch everything on, join, and wait until the switches know it. Then the scenario begins."""
        self._phase("settle")
        began_s = self._loop.now()
        self._devices.start()
        self._loop.wait_for(self._devices.queriers_heard, _SETTLE_LIMIT_S, self._devices.unheard)
        # Nobody joins before the first queries are everywhere, so that who answers them is not left to luck.
        while self._loop.poll(_QUIET_S):
            pass
        self._join_all()
        # What a switch has learned is on its way to the next one, over a relay perhaps: let it get there.
        while self._loop.poll(_QUIET_S):
            pass
        self._clock.start()
        # Queries and joins are older at the scenario's zero than hosts' response times explain: that is late.
        explained_s = self._patience_s + _SETTLES_IN_S
        late_s = self._loop.now() - began_s - explained_s
        self._loop.worst_late_s = max(self._loop.worst_late_s, late_s)

    def walk(self) -> None:
        """Run traffic and timeline to the end of the scenario."""
        self._phase("run")
        # What was lost before the start did no harm: the switches have learned every member. Lateness since
        # the joins counts: it lies between them and the scenario's zero.
        self._backlog_drops = _backlog_drops()
        self._devices.impair(self._plan.impaired)
        self._traffic.start()
        self._tools.start()
        for action in self._plan.actions:
            self._loop.call_at(self._clock.real(action.at_s), partial(self._actor.act, action))
        self._flush_again()
        self._loop.run_until(self._clock.real(self._plan.duration_s))
        self._tools.finish()
        self._devices.catch_up()
        self._let_arrive()

    def hold(self) -> None:
        """Keep serving the lab until the user interrupts."""
        self._flush()
        self._phase("hold", self._devices.doors())
        self._loop.run_until(float("inf"))

    def close(self) -> None:
        """Report what is left to report, and remove everything. The kernel is the last resort."""
        self._flush()
        self._phase("tear down")
        self._stack.close()

    # --- details ------------------------------------------------------------------------------------------

    @cached_property
    def _patience_s(self) -> float:
        """How long hosts may take to report, in this machine's seconds."""
        response_s = longest_response_s(self._plan) / self._clock.speed
        certain = all(self._devices.is_certain(*join) for join in self._joins())
        return response_s if certain else max(response_s, _LEAST_PATIENCE_S)

    def _let_arrive(self) -> None:
        """Serve what was sent last and is still on its way, on cables and in this machine's queues."""
        end_s = self._loop.now() + _ARRIVAL_LIMIT_S
        while self._loop.poll(0.005):
            pass
        while (due_s := self._devices.last_due_s()) is not None and self._loop.now() < end_s:
            self._loop.run_until(max(min(due_s, end_s), self._loop.now()) + _QUIET_S)
        while self._loop.poll(0.005):
            pass

    def _phase(self, name: str, detail: str = "") -> None:
        self._emit(Phase(name=name, real_s=round(time.monotonic() - self._began_s, 6), detail=detail))

    def _joins(self) -> tuple[Join, ...]:
        """Who is a member of what from the start."""
        return tuple(
            (self._plan.host(node), stream)
            for stream in self._plan.streams
            if stream.cast is Cast.MULTICAST
            for node in stream.receivers
        )

    def _join_all(self) -> None:
        joins = self._joins()
        self._devices.hush(True)
        self._loop.worst_late_s = 0.0
        for host, stream in joins:
            self._traffic.join(host.name, stream)
        certain = [join for join in joins if self._devices.is_certain(*join)]
        self._wait_for(certain, self._devices.knows, "the switches to learn of")
        if len(joins) > _CROWD and not self._devices.queriers_of_old_versions():
            self._wait_for(certain, self._devices.reported, "the repeated reports of")
        self._give_time_to([join for join in joins if not self._devices.is_certain(*join)])
        self._devices.hush(False)

    def _give_time_to(self, joins: list[Join]) -> None:
        """Wait for what nobody can say before, as long as hosts may take; then go on without it."""
        waiting = [(host, stream) for host, stream in joins if host.up]

        def all_done() -> bool:
            waiting[:] = [(host, stream) for host, stream in waiting if not self._devices.knows(host, stream)]
            return not waiting

        if self._loop.wait_until(all_done, self._loop.now() + self._patience_s):
            return
        for host, stream in waiting:
            why = (
                "the node's firewall may keep its reports in"
                if host.firewall
                else "its table may be full, or the node names no sources where they are asked for"
                if stream.source_specific
                else "its table may be full"
            )
            text = f"{host.switch} has not learned that {host.name} is in {stream.group}: {why}"
            self._emit(Remark(at_s=self._clock.now(), text=text))

    def _wait_for(self, joins: list[Join], done: Callable[[PlanHost, PlanStream], bool], what: str) -> None:
        waiting = [(host, stream) for host, stream in joins if host.up]

        def all_done() -> bool:
            waiting[:] = [(host, stream) for host, stream in waiting if not done(host, stream)]
            return not waiting

        def missing() -> str:
            host, stream = waiting[0]
            count = f"{len(waiting)} memberships" if len(waiting) > 1 else "the membership"
            return f"{what} {count}, first {host.name} on {host.port} of {host.switch} in {stream.group}"

        self._loop.wait_for(all_done, _SETTLE_LIMIT_S, missing)

    def _flush_again(self) -> None:
        self._flush()
        self._loop.call_at(self._loop.now() + _FLUSH_EVERY_S, self._flush_again)

    def _flush(self) -> None:
        self._traffic.flush()
        self._traffic.report_drops()
        self._tools.flush()
        self._tools.report_drops()
        self._devices.report_drops()
        drops = _backlog_drops()
        if drops > self._backlog_drops:
            lost, self._backlog_drops = drops - self._backlog_drops, drops
            self._emit(Impaired(at_s=self._clock.now(), what="backlog", count=lost))
        if self._loop.worst_late_s > _LATE_WORTH_TELLING_S:
            late_s, self._loop.worst_late_s = self._loop.worst_late_s, 0.0
            self._emit(
                Impaired(at_s=self._clock.now(), what="late", late_s=round(late_s * self._clock.speed, 3))
            )


def _backlog_drops() -> int:
    """Return how many frames the kernel's per-CPU queues have dropped since boot, on the whole machine."""
    lines = Path("/proc/net/softnet_stat").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1], 16) for line in lines)
