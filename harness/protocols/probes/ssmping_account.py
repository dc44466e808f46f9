"""What ssmping and asmping count of each cast, in whole microseconds and with their arithmetic.

The figures are those of ssmping 0.9.1 to the last digit: sums of integers, a mean that is cut, the deviation
of all (not of a sample) by an integer square root. Two are not: where it would print a loss below zero, or
divide by a number of requests that is zero, this says 0 %.
"""

from __future__ import annotations

import math

from harness.protocols.probes.program import Cast, Figures
from harness.wire.membership import Address

_REMEMBERED = 100
"""A duplicate is known as long as no number that differs by a multiple of this came after it."""
_SECOND_US = 1_000_000


def milliseconds(time_us: int) -> str:
    """Write a time as milliseconds with three digits behind the point."""
    return f"{time_us // 1000}.{time_us % 1000:03d}"


def square_root(number: int) -> int:
    """Return ssmping's square root of a whole number: cut, but rounded up one below a square."""
    root = math.isqrt(number)
    return root + 1 if root > 0 and number == (root + 1) ** 2 - 1 else root


class Account:
    """The answers of one cast."""

    def __init__(self) -> None:
        self.received = 0
        self.duplicates = 0
        self.first: int | None = None
        self._recent: dict[int, int] = {}
        self._least_us = 0
        self._most_us = 0
        self._sum_us = 0
        self._squares = 0

    def is_new(self, sequence: int) -> bool:
        """Remember a number and say whether it is new; count it as a duplicate if not."""
        slot = sequence % _REMEMBERED
        if self._recent.get(slot) == sequence:
            self.duplicates += 1
            return False
        self._recent[slot] = sequence
        return True

    def add(self, sequence: int, trip_us: int) -> None:
        """Count an answer that is new."""
        self._least_us = min(self._least_us, trip_us) if self.received else trip_us
        self._most_us = max(self._most_us, trip_us)
        self.first = sequence if self.first is None else min(self.first, sequence)
        self.received += 1
        self._sum_us += trip_us
        self._squares += trip_us * trip_us

    def loss(self, requests: int) -> int:
        """Return the loss of so many requests in percent, cut."""
        return max(0, 100 * (requests - self.received) // requests) if requests > 0 else 0

    def loss_since_first(self, sent: int) -> int:
        """Return the loss of ``sent`` requests without those before the first that was answered."""
        return self.loss(sent - (self.first or 1) + 1)

    @property
    def _mean_us(self) -> int:
        return self._sum_us // self.received if self.received else 0

    @property
    def _deviation_us(self) -> int:
        if not self.received:
            return 0
        return square_root(self._squares // self.received - self._mean_us**2)

    def trips(self) -> str:
        """Return the line of round trips."""
        times = (self._least_us, self._mean_us, self._most_us, self._deviation_us)
        return f"   rtt min/avg/max/std-dev = {'/'.join(milliseconds(time) for time in times)} ms"

    def figures(self, peer: Address, cast: Cast, sent: int) -> Figures:
        """Return the same as numbers."""
        some = self.received > 0
        return Figures(
            peer=peer,
            cast=cast,
            sent=sent,
            received=self.received,
            duplicates=self.duplicates,
            first=self.first,
            least_s=self._least_us / _SECOND_US if some else None,
            mean_s=self._mean_us / _SECOND_US if some else None,
            most_s=self._most_us / _SECOND_US if some else None,
            deviation_s=self._deviation_us / _SECOND_US if some else None,
        )
