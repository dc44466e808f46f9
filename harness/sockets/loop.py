"""The one event loop, of a lab or of this host: every socket and every timer, in one thread.

Timers fire strictly in the order of their due moments, whatever the machine was doing meanwhile. When the
machine stalls, what was due first still happens first: a membership that ages at 2.600 s is gone before the
datagram due at 2.610 s is sent. That order is what verdicts rest on; how late things ran is kept in
``worst_late_s``, so that a run can say that its own machine was too slow.

Times are seconds of ``time.monotonic``. Plain epoll: asyncio's transports cost ten times as much.
"""

from __future__ import annotations

import heapq
import select
import time
from collections.abc import Callable
from itertools import count

from harness.errors import LabError

Callback = Callable[[], None]

_EVENTS_AT_ONCE = 512
_LONGEST_POLL_S = 0.05
"""While waiting for a condition it is looked at again after this time, whatever happens."""


class Loop:
    """Readable descriptors and timers. ``now`` is the clock; it is real."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._readers: dict[int, Callback] = {}
        self._timers: list[tuple[float, int, Callback]] = []
        self._order = count()
        self.worst_late_s = 0.0

    @staticmethod
    def now() -> float:
        """Return the present moment."""
        return time.monotonic()

    def watch(self, descriptor: int, callback: Callback) -> None:
        """Call back whenever the descriptor is readable."""
        self._readers[descriptor] = callback
        self._epoll.register(descriptor, select.EPOLLIN)

    def unwatch(self, descriptor: int) -> None:
        """Stop watching; a descriptor that is not watched is passed over."""
        if self._readers.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def call_at(self, due_s: float, callback: Callback) -> None:
        """Call back at a moment, or as soon as possible after it."""
        heapq.heappush(self._timers, (due_s, next(self._order), callback))

    def poll(self, timeout_s: float = 0.0) -> bool:
        """Serve the descriptors that are readable now, or within the timeout; True if there were any."""
        events = self._epoll.poll(timeout_s, _EVENTS_AT_ONCE)
        for descriptor, _ in events:
            if (callback := self._readers.get(descriptor)) is not None:
                callback()
        return bool(events)

    def _fire_due(self) -> None:
        while self._timers and self._timers[0][0] <= (now := self.now()):
            due_s, _, callback = heapq.heappop(self._timers)
            self.worst_late_s = max(self.worst_late_s, now - due_s)
            callback()

    def run_until(self, end_s: float) -> None:
        """Serve everything up to a moment."""
        while (now := self.now()) < end_s:
            next_s = min(end_s, self._timers[0][0]) if self._timers else end_s
            self._turn(now, next_s)

    def wait_for(self, condition: Callable[[], bool], limit_s: float, what: Callable[[], str]) -> None:
        """Serve everything until the condition holds.

        Raises LabError after ``limit_s`` with what was waited for, and what was seen last.
        """
        if not self.wait_until(condition, self.now() + limit_s):
            msg = f"waited {limit_s:g} s for {what()}"
            raise LabError(msg)

    def wait_until(self, condition: Callable[[], bool], end_s: float) -> bool:
        """Serve everything until the condition holds (True), or until a moment (False)."""
        while not condition():
            now = self.now()
            if now >= end_s:
                return False
            next_s = self._timers[0][0] if self._timers else end_s
            self._turn(now, min(next_s, end_s, now + _LONGEST_POLL_S))
        return True

    def _turn(self, now: float, next_s: float) -> None:
        """Serve what comes up to a moment, and what is due. A turn that ends past it was late."""
        self.poll(max(0.0, next_s - now))
        self._fire_due()
        self.worst_late_s = max(self.worst_late_s, self.now() - max(now, next_s))

    def close(self) -> None:
        """Forget everything; watched descriptors stay open, they belong to others."""
        self._readers.clear()
        self._timers.clear()
        self._epoll.close()


class Alarm:
    """Calls back at one moment, which can be moved nearer: for what is driven by its next deadline.

    A later moment than the one that is set changes nothing. Whoever is called sets the next one.
    """

    def __init__(self, loop: Loop, callback: Callable[[float], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._due_s: float | None = None

    def set(self, due_s: float | None) -> None:
        """Call back at this moment, with it, unless that happens earlier anyway; None is never."""
        if due_s is not None and (self._due_s is None or due_s < self._due_s):
            self._due_s = due_s
            self._loop.call_at(due_s, lambda: self._ring(due_s))

    def _ring(self, due_s: float) -> None:
        if self._due_s == due_s:  # an earlier moment has not taken its place
            self._due_s = None
            self._callback(due_s)
