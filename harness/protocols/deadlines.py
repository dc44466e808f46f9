"""A timer table: which keys fall due when.

Refreshing a timer, which is what nearly every IGMP report does, costs one dictionary store: the heap keeps
the older, earlier time and the key is put back when that time comes to the top. Keys that fall due together
come out in the order in which they were first set, so that the same inputs always give the same order.
"""

from __future__ import annotations

import heapq
import math
from typing import Generic, TypeVar

_STALE = 1024
"""So many entries of keys that were forgotten may wait in the heap; keys may come and go without end."""

K = TypeVar("K")


def moment(now: float, interval_s: float) -> float:
    """The deadline of something that lives for an interval, where 0 is for ever."""
    return now + interval_s if interval_s else math.inf


class Timer(Generic[K]):
    """When a key falls due, and when the heap brings it up: at its own time or before.

    ``running`` until the key is taken out; one that is set again has another timer.
    """

    __slots__ = ("due", "key", "queued", "running")

    def __init__(self, key: K) -> None:
        self.key = key
        self.due = math.inf
        self.queued = math.inf
        self.running = True

    def stop(self) -> None:
        """Never fall due."""
        self.running = False
        self.due = self.queued = math.inf


class Deadlines(Generic[K]):
    """Deadlines by key. ``math.inf`` is a key that never falls due."""

    __slots__ = ("_heap", "_serial", "_timers")

    def __init__(self) -> None:
        self._timers: dict[K, Timer[K]] = {}
        self._heap: list[tuple[float, int, Timer[K]]] = []
        self._serial = 0

    def __contains__(self, key: K) -> bool:
        return key in self._timers

    def __len__(self) -> int:
        return len(self._timers)

    def at(self, key: K) -> float | None:
        """When the key falls due; None for a key that is not set."""
        timer = self._timers.get(key)
        return None if timer is None else timer.due

    def pending(self) -> tuple[K, ...]:
        """The keys, in the order in which they were set."""
        return tuple(self._timers)

    def set(self, key: K, at: float) -> None:
        """Set or move a deadline."""
        timer = self._timers.get(key)
        if timer is None:
            timer = self._timers[key] = Timer(key)
        timer.due = at
        if at < timer.queued:
            self._queue(timer)

    def timer(self, key: K) -> Timer[K] | None:
        """The timer of a key, to move its ``due`` without looking for the key; None for one that is not set.

        Whoever moves it to before ``queued`` calls ``sooner``.
        """
        return self._timers.get(key)

    def sooner(self, timer: Timer[K]) -> None:
        """A timer that is running falls due before the heap would bring it up."""
        self._queue(timer)

    def discard(self, key: K) -> None:
        """Forget a key; nothing happens when it is not set."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.stop()
            if len(self._heap) > _STALE + 4 * len(self._timers):
                self._heap = [entry for entry in self._heap if entry[2].queued == entry[0]]
                heapq.heapify(self._heap)

    def clear(self) -> None:
        """Forget all."""
        for timer in self._timers.values():
            timer.stop()
        self._timers.clear()
        self._heap.clear()

    def next(self) -> float | None:
        """The earliest deadline; None when nothing will ever fall due."""
        heap = self._heap
        while heap:
            at, _, timer = heap[0]
            if timer.queued == at:
                if timer.due == at:
                    return at
                heapq.heappop(heap)
                timer.queued = math.inf
                if timer.due < math.inf:
                    self._queue(timer)
            else:
                heapq.heappop(heap)
        return None

    def pop_due(self, now: float) -> tuple[K, ...]:
        """Take out the keys whose time has come, earliest first."""
        due = []
        while (at := self.next()) is not None and at <= now:
            timer = heapq.heappop(self._heap)[2]
            del self._timers[timer.key]
            timer.stop()
            due.append(timer.key)
        return tuple(due)

    def _queue(self, timer: Timer[K]) -> None:
        self._serial += 1
        timer.queued = timer.due
        heapq.heappush(self._heap, (timer.due, self._serial, timer))


class FewDeadlines(Generic[K]):
    """As ``Deadlines``, for a few keys: looked through at every change, with the earliest moment at hand."""

    __slots__ = ("_due", "next_s")

    def __init__(self) -> None:
        self._due: dict[K, float] = {}
        self.next_s = math.inf
        """The earliest deadline; ``math.inf`` when nothing will ever fall due."""

    def at(self, key: K) -> float | None:
        """When the key falls due; None for a key that is not set."""
        return self._due.get(key)

    def pending(self) -> tuple[K, ...]:
        """The keys, in the order in which they were set."""
        return tuple(self._due)

    def set(self, key: K, at: float) -> None:
        """Set or move a deadline."""
        due = self._due
        due[key] = at
        self.next_s = at if len(due) == 1 else min(due.values())

    def discard(self, key: K) -> None:
        """Forget a key; nothing happens when it is not set."""
        if self._due.pop(key, None) is not None:
            self.next_s = min(self._due.values(), default=math.inf)

    def clear(self) -> None:
        """Forget all."""
        self._due.clear()
        self.next_s = math.inf

    def pop_due(self, now: float) -> tuple[K, ...]:
        """Take out the keys whose time has come, earliest first."""
        if self.next_s > now:
            return ()
        due = [key for key, at in self._due.items() if at <= now]
        if len(due) > 1:
            due.sort(key=self._due.__getitem__)
        for key in due:
            del self._due[key]
        self.next_s = min(self._due.values()) if self._due else math.inf
        return tuple(due)
