"""The customer's time and this machine's: scenario seconds against monotonic seconds, ``speed`` apart."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Clock:
    """Converts moments. Until ``start`` is called the scenario stands at its zero."""

    speed: float
    zero_s: float | None = None

    def start(self) -> None:
        """Make this moment the scenario's zero."""
        self.zero_s = time.monotonic()

    def real(self, at_s: float) -> float:
        """Return the monotonic moment of a scenario moment; before ``start``, as if it started now."""
        zero_s = time.monotonic() if self.zero_s is None else self.zero_s
        return zero_s + at_s / self.speed

    def scenario(self, real_s: float) -> float:
        """Return the scenario moment of a monotonic one, to the microsecond; what came before zero is at 0.

        So records stay in the order in which things happened, also where the first were made before zero.
        """
        return 0.0 if self.zero_s is None else max(0.0, round((real_s - self.zero_s) * self.speed, 6))

    def now(self) -> float:
        """Return the present scenario moment."""
        return self.scenario(time.monotonic())
