"""How busy this machine is, and how much a lab asks of it.

Labs mostly wait, so far more of them than cores fit; what must not happen is that they make each other late.
"""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

from harness.plan.model import Cast, Plan

LABS_PER_CORE = 6
"""Labs in flight for each core, whatever the load says."""
BUSY_SHARE = 0.75
"""No further lab starts while the cores are busier than this."""
WINDOW_S = 0.05
"""The shortest time over which the kernel's counters (10 ms ticks) tell a share."""
ALONE_HOSTS = 100
ALONE_DELIVERIES_A_SECOND = 50_000.0
HOSTS_A_PLACE = 16
DELIVERIES_A_PLACE = 8_000.0


class CpuLoad:
    """The share of time that this machine's cores were busy since the last ``mark``."""

    def __init__(self, source: Path = Path("/proc/stat")) -> None:
        self._source = source
        self.mark()

    def mark(self) -> None:
        """Begin a new window."""
        self._began_s = time.monotonic()
        self._busy, self._total = self._read()

    def share(self) -> float | None:
        """Return the busy share from 0 to 1, or None while the window is too short to tell."""
        if time.monotonic() - self._began_s < WINDOW_S:
            return None
        busy, total = self._read()
        return (busy - self._busy) / (total - self._total) if total > self._total else 0.0

    def _read(self) -> tuple[int, int]:
        """Return busy and total ticks of all cores; zeros (never busy) where the kernel does not tell."""
        try:
            line = self._source.read_text(encoding="ascii").splitlines()[0]
        except OSError:
            return 0, 0
        ticks = [int(field) for field in line.split()[1:9]]
        idle = ticks[3] + ticks[4]
        return sum(ticks) - idle, sum(ticks)


def places() -> int:
    """Return how many small labs may run at once on this machine."""
    return LABS_PER_CORE * (os.cpu_count() or 1)


def deliveries_a_second(plan: Plan) -> float:
    """Return how many datagrams a real second the plan's streams put on hosts' interfaces at most."""
    total = 0.0
    for stream in plan.streams:
        watchers = len(stream.watchers) if stream.cast is Cast.MULTICAST else 0
        hearers = len(stream.receivers) + watchers
        total += len(stream.senders) * hearers * plan.speed / stream.period_s
    return total


def weight(plan: Plan) -> int:
    """Return how many places a lab takes; a small one takes 1."""
    by_hosts = math.ceil(len(plan.hosts) / HOSTS_A_PLACE)
    by_traffic = math.ceil(deliveries_a_second(plan) / DELIVERIES_A_PLACE)
    return max(1, by_hosts, by_traffic)


def wants_to_be_alone(plan: Plan) -> bool:
    """Return whether a lab is so big that others beside it would make it late."""
    return len(plan.hosts) >= ALONE_HOSTS or deliveries_a_second(plan) > ALONE_DELIVERIES_A_SECOND


def expected_real_s(plan: Plan) -> float:
    """Return about how long the lab will take: its scenario and its building (measured: 2 ms a host)."""
    return plan.duration_s / plan.speed + 0.1 + 0.002 * len(plan.hosts)
