"""Which datagrams of a stream are due when: moments to datagram numbers, to the nanosecond.

Moments are sums and products of decimal fractions, so 0.1 * 3 must count as 0.3. Pure.
"""

from __future__ import annotations

from harness.observations.spans import Spans
from harness.plan.model import PlanStream

_SAME_S = 1e-9


def first_due(stream: PlanStream, at_s: float) -> int:
    """Return the number of the first datagram due at or after a moment, as if the stream never stopped."""
    number = max(0, round((at_s - stream.start_s) / stream.period_s))
    while stream.sent_at(number) < at_s - _SAME_S:
        number += 1
    while number > 0 and stream.sent_at(number - 1) >= at_s - _SAME_S:
        number -= 1
    return number


def due(stream: PlanStream, from_s: float, until_s: float) -> Spans:
    """Return the datagrams due in [from_s, until_s) while the stream runs."""
    start = first_due(stream, from_s)
    end = first_due(stream, min(until_s, stream.stop_s))
    return ((start, end),) if start < end else ()


def near(stream: PlanStream, from_s: float, until_s: float) -> Spans:
    """Return the datagrams due in [from_s, until_s], its end included."""
    start, end = first_due(stream, from_s), first_due(stream, until_s + 2 * _SAME_S)
    return ((start, end),) if start < end else ()
