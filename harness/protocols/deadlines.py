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


class _Cell(Generic[K]):
    """When a key falls due, and when the heap brings it up: at its own time or before."""

    __slots__ = ("due", "key", "queued")

    def __init__(self, key: K) -> None:
        self.key = key
        self.due = math.inf
        self.queued = math.inf


class Deadlines(Generic[K]):
    """Deadlines by key. ``math.inf`` is a key that never falls due."""

    __slots__ = ("_cells", "_heap", "_serial")

    def __init__(self) -> None:
        self._cells: dict[K, _Cell[K]] = {}
        self._heap: list[tuple[float, int, _Cell[K]]] = []
        self._serial = 0

    def __contains__(self, key: K) -> bool:
        return key in self._cells

    def __len__(self) -> int:
        return len(self._cells)

    def at(self, key: K) -> float | None:
        """When the key falls due; None for a key that is not set."""
        cell = self._cells.get(key)
        return None if cell is None else cell.due

    def pending(self) -> tuple[K, ...]:
        """The keys, in the order in which they were set."""
        return tuple(self._cells)

    def set(self, key: K, at: float) -> None:
        """Set or move a deadline."""
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = _Cell(key)
        cell.due = at
        if at < cell.queued:
            self._queue(cell)

    def move(self, key: K, at: float) -> bool:
        """Move a deadline; False, and nothing is set, where there is none."""
        cell = self._cells.get(key)
        if cell is None:
            return False
        cell.due = at
        if at < cell.queued:
            self._queue(cell)
        return True

    def discard(self, key: K) -> None:
        """Forget a key; nothing happens when it is not set."""
        cell = self._cells.pop(key, None)
        if cell is not None:
            cell.due = cell.queued = math.inf

    def clear(self) -> None:
        """Forget all."""
        self._cells.clear()
        self._heap.clear()

    def next(self) -> float | None:
        """The earliest deadline; None when nothing will ever fall due."""
        heap = self._heap
        while heap:
            at, _, cell = heap[0]
            if cell.queued == at:
                if cell.due == at:
                    return at
                heapq.heappop(heap)
                cell.queued = math.inf
                if cell.due < math.inf:
                    self._queue(cell)
            else:
                heapq.heappop(heap)
        return None

    def pop_due(self, now: float) -> tuple[K, ...]:
        """Take out the keys whose time has come, earliest first."""
        due = []
        while (at := self.next()) is not None and at <= now:
            cell = heapq.heappop(self._heap)[2]
            del self._cells[cell.key]
            cell.due = cell.queued = math.inf
            due.append(cell.key)
        return tuple(due)

    def _queue(self, cell: _Cell[K]) -> None:
        self._serial += 1
        cell.queued = cell.due
        heapq.heappush(self._heap, (cell.due, self._serial, cell))
