"""Answers counted one by one into figures: which numbers came, and where the gaps between them are.

Used while a probe runs and while its output is read. Memory is bounded: after ``MOST_RUNS`` runs of answers
the gaps are many and short, and only their being so is kept.
"""

from __future__ import annotations

MOST_RUNS = 1000
"""More runs than this are scattered loss, whatever comes next."""


class Tally:
    """The numbers of the answers that came from one peer by one cast."""

    __slots__ = ("_runs", "duplicates", "received", "scattered", "size")

    def __init__(self) -> None:
        self.received = 0
        self.duplicates = 0
        self.size: int | None = None
        self.scattered = False
        self._runs: list[tuple[int, int]] = []

    def answered(self, sequence: int, *, duplicate: bool = False, size: int | None = None) -> None:
        """Count an answer; one that overtook its predecessor closes the gap that it left."""
        if duplicate:
            self.duplicates += 1
            return
        self.received += 1
        self.size = size if size is not None else self.size
        if not self._runs or sequence > self._runs[-1][1] + 1:
            self._append(sequence)
        elif sequence == self._runs[-1][1] + 1:
            self._runs[-1] = (self._runs[-1][0], sequence)
        else:
            self._fill(sequence)

    @property
    def first(self) -> int | None:
        """The lowest number that came."""
        return self._runs[0][0] if self._runs else None

    @property
    def last(self) -> int | None:
        """The highest number that came."""
        return self._runs[-1][1] if self._runs else None

    @property
    def gaps(self) -> tuple[tuple[int, int], ...]:
        """The runs of numbers that did not come between the first and the last one, each as (first, last)."""
        pairs = zip(self._runs, self._runs[1:], strict=False)
        return tuple((before[1] + 1, after[0] - 1) for before, after in pairs)

    def _append(self, sequence: int) -> None:
        if len(self._runs) < MOST_RUNS:
            self._runs.append((sequence, sequence))
        else:
            self.scattered = True
            self._runs[-1] = (self._runs[-1][0], sequence)

    def _fill(self, sequence: int) -> None:
        """Put a late number into its place."""
        for index in range(len(self._runs) - 1, -1, -1):
            first, last = self._runs[index]
            if first <= sequence <= last:
                return
            if sequence > last:
                self._runs.insert(index + 1, (sequence, sequence))
                self._join(index)
                return
        self._runs.insert(0, (sequence, sequence))
        self._join(0)

    def _join(self, index: int) -> None:
        """Make one of neighbouring runs from ``index`` on that touch."""
        for at in (index + 1, index):
            if at + 1 < len(self._runs) and self._runs[at][1] + 1 == self._runs[at + 1][0]:
                self._runs[at] = (self._runs[at][0], self._runs.pop(at + 1)[1])
