"""Virtual time: what happens when, and in which order.

Three queues. ``later`` holds what is due at a moment; what is due first happens first, and of two things due
together the one that was planned first. ``frames`` holds what arrives at this very moment: frames take no
time on a cable that delays nothing, and arrive in the order in which they were sent. ``departures`` are the
datagrams of programs that leave at this moment: each when the frames sent before it have arrived everywhere,
since it would come behind them on every cable. Nothing here looks at a clock.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable

from harness.protocols.probes.program import Endpoint

Call = Callable[[], None]
Receive = Callable[[str, bytes], None]
"""Takes a frame that arrives at a port."""
Arrival = tuple[Receive, str, bytes]
Departure = tuple[Callable[[Endpoint, bytes], None], Endpoint, bytes]
"""Sends a payload to an endpoint."""


class Agenda:
    """What is still to happen. ``now`` is the present moment in the customer's seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self.events = 0
        """How many things have happened."""
        self._later: list[tuple[float, int, Call]] = []
        self._frames: deque[Arrival] = deque()
        self._serial = 0
        self.arrive = self._frames.append
        """Let a frame arrive now, behind those that are already arriving."""
        self._departures: deque[Departure] = deque()
        self.depart = self._departures.append
        """Let a program's datagram leave now, behind those that are already leaving."""

    @property
    def nothing_arrives(self) -> bool:
        """Whether no frame is on its way at this moment."""
        return not self._frames

    def at(self, at_s: float, call: Call) -> None:
        """Plan a call for a moment; one that has passed is the present one."""
        self._serial += 1
        heapq.heappush(self._later, (at_s, self._serial, call))

    def run_until(self, end_s: float) -> None:
        """Let everything happen that is due up to a moment, this one included, and make it the present."""
        later, frames, departures, pop = self._later, self._frames, self._departures, heapq.heappop
        while True:
            while frames:
                receive, port, frame = frames.popleft()
                receive(port, frame)
                self.events += 1
            if departures:
                send, to, payload = departures.popleft()
                self.events += 1
                send(to, payload)
                continue
            if not later or later[0][0] > end_s:
                break
            at_s, _, call = pop(later)
            self.now = max(self.now, at_s)
            self.events += 1
            call()
        self.now = max(self.now, end_s)

    def next_s(self) -> float | None:
        """Return when something happens next; None if nothing ever will."""
        if self._frames or self._departures:
            return self.now
        return self._later[0][0] if self._later else None


class Alarm:
    """Wakes somebody who has a next deadline; one that has moved away wakes him early, which harms nobody."""

    __slots__ = ("_agenda", "_call", "_planned")

    def __init__(self, agenda: Agenda, call: Call) -> None:
        self._agenda = agenda
        self._call = call
        self._planned: list[float] = []
        """When it will ring, the next moment last. What was planned once stays, and is not planned again."""

    def set(self, at_s: float | None) -> None:
        """Wake not later than at this moment; None is never."""
        if at_s is not None and (not self._planned or at_s < self._planned[-1]):
            self._planned.append(at_s)
            self._agenda.at(at_s, self._ring)

    def _ring(self) -> None:
        self._planned.pop()
        self._call()
