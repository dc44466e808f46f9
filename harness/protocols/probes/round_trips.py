"""Round-trip times as they come: least, mean, most and deviation in constant space (Welford's recurrence)."""

from __future__ import annotations

import math


class RoundTrips:
    """Counts times in seconds."""

    __slots__ = ("_mean_s", "_squares", "count", "least_s", "most_s")

    def __init__(self) -> None:
        self.count = 0
        self.least_s = math.inf
        self.most_s = -math.inf
        self._mean_s = 0.0
        self._squares = 0.0

    def add(self, time_s: float) -> None:
        """Count one more."""
        self.count += 1
        off_s = time_s - self._mean_s
        self._mean_s += off_s / self.count
        self._squares += off_s * (time_s - self._mean_s)
        self.least_s = min(self.least_s, time_s)
        self.most_s = max(self.most_s, time_s)

    @property
    def mean_s(self) -> float:
        """The mean; 0 without times."""
        return self._mean_s

    def deviation_s(self, *, sample: bool) -> float:
        """The standard deviation of a sample (divided by n - 1), or of all; 0 where it is undefined."""
        divisor = self.count - 1 if sample else self.count
        return math.sqrt(self._squares / divisor) if divisor > 0 else 0.0
