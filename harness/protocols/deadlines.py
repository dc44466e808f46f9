"""A timer table: which keys fall due when.

Refreshing a timer, which is what nearly every IGMP report does, costs one dictionary store: the heap keeps
the older, earlier time and the key is put back when that time comes to the top. Keys that fall due together
come out in the order in which they were first set, so that the same inputs always give the same order.
"""

from __future__ import annotations

import heapq
import math
from typing import Generic, TypeVar

K = TypeVar("K")


def moment(now: float, interval_s: float) -> float:
    """The deadline of something that lives for an interval, where 0 is for ever."""
    return now + interval_s if interval_s else math.inf


class Deadlines(Generic[K]):
    """Deadlines by key. ``math.inf`` is a key that never falls due."""

    def __init__(self) -> None:
        self._due: dict[K, float] = {}
        self._queued: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._serial = 0

    def __contains__(self, key: K) -> bool:
        return key in self._due

    def __len__(self) -> int:
        return len(self._due)

    def at(self, key: K) -> float | None:
        """When the key falls due; None for a key that is not set."""
        return self._due.get(key)

    def pending(self) -> tuple[K, ...]:
        """The keys, in the order in which they were set."""
        return tuple(self._due)

    def set(self, key: K, at: float) -> None:
        """Set or move a deadline."""
        self._due[key] = at
        if at < self._queued.get(key, math.inf):
            self._queue(key, at)

    def discard(self, key: K) -> None:
        """Forget a key; nothing happens when it is not set."""
        self._due.pop(key, None)

    def clear(self) -> None:
        """Forget all."""
        self._due.clear()
        self._queued.clear()
        self._heap.clear()

    def next(self) -> float | None:
        """The earliest deadline; None when nothing will ever fall due."""
        while self._heap:
            at, _, key = self._heap[0]
            if self._queued.get(key) == at and self._due.get(key) == at:
                return at
            heapq.heappop(self._heap)
            if self._queued.get(key) != at:
                continue
            del self._queued[key]
            moved = self._due.get(key, math.inf)
            if moved < math.inf:
                self._queue(key, moved)
        return None

    def pop_due(self, now: float) -> tuple[K, ...]:
        """Take out the keys whose time has come, earliest first."""
        due = []
        while (at := self.next()) is not None and at <= now:
            key = heapq.heappop(self._heap)[2]
            del self._queued[key]
            del self._due[key]
            due.append(key)
        return tuple(due)

    def _queue(self, key: K, at: float) -> None:
        self._serial += 1
        self._queued[key] = at
        heapq.heappush(self._heap, (at, self._serial, key))
