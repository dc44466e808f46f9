"""Which differences are too long, or come too often, to be chance.

A difference means something when it lasts longer than the tolerance; when it comes where nothing changed in
either run, for then there was nothing that could come earlier or later; and when differences follow each
other again and again. A line that went and came back leaves two or three of them, since each of its changes
may be off by the tolerance.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from harness.comparison.series import Span

_AGAIN_AND_AGAIN = 4
"""So many differences in a row, without a tolerance's time between them, that last three tolerances."""
_SAME_S = 1e-6


class Limits:
    """Judges differences by a tolerance and the moments at which either run changed anything."""

    def __init__(self, tolerance_s: float, changes_s: Sequence[float]) -> None:
        self.tolerance_s = tolerance_s
        self._changes_s = sorted(changes_s)

    @property
    def anything_changes(self) -> bool:
        """Return whether either run changed anything while the scenario ran."""
        return bool(self._changes_s)

    def first(self, spans: Sequence[Span]) -> Span | None:
        """Return the first of the differences of one thing that chance does not explain, or None."""
        for index, span in enumerate(spans):
            if span.length_s > self.tolerance_s + _SAME_S or not self._has_change_near(span):
                return span
            if again := self._again(spans, index):
                return again
        return None

    def _has_change_near(self, span: Span) -> bool:
        index = bisect_left(self._changes_s, span.from_s - self.tolerance_s)
        return index < len(self._changes_s) and self._changes_s[index] <= span.until_s + self.tolerance_s

    def _again(self, spans: Sequence[Span], index: int) -> Span | None:
        last = index
        while last + 1 < len(spans) and spans[last + 1].from_s - spans[last].until_s <= self.tolerance_s:
            last += 1
        whole = Span(from_s=spans[index].from_s, until_s=spans[last].until_s)
        often = last - index + 1 >= _AGAIN_AND_AGAIN
        return whole if often and whole.length_s > 3 * self.tolerance_s else None
