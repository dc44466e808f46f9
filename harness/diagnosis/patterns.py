"""What the figures of a probe look like: complete, never, from some moment on, until some moment, with gaps.

Says nothing of reasons. The thresholds stand here with what they rest on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from harness.diagnosis.facts import ProbeFigures

GOOD_LOSS = 0.01
"""Proxmox VE's own test wants less than 1 % lost."""
FIRST_LOST_S = 3.0
"""A join takes effect a moment after the first request, and IGMPv3 repeats its report within a second."""
FEW = 3
"""A stop or start that is shown by fewer answers than this may be chance."""
MEMBERSHIP_S = 260.0
"""RFC 9776 section 8.4: 2 x 125 s + 10 s; what most switches keep a member for without a report."""
AGES_S = (240.0, 330.0)
"""Switches forget after 260 s (RFC 9776) to 300 s (Open vSwitch, FortiSwitch); reports of IGMPv2 are repeated
for 10 s, and a probe may have begun a little after its join."""


class Shape(Enum):
    """How answers came, over a run."""

    COMPLETE = "complete"
    NEVER = "never"
    DIED = "died"
    LATE = "late"
    ON_AND_OFF = "on and off"
    SCATTERED = "scattered"
    PART = "part"
    """Some were lost, and when is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A shape, and the moment at which it turned, in requests and in seconds (None: none, or unknown)."""

    shape: Shape
    turned: int | None = None
    turned_s: float | None = None


def pattern(figures: ProbeFigures) -> Pattern:
    """Return what figures look like."""
    if not figures.received:
        return Pattern(shape=Shape.NEVER if figures.sent else Shape.COMPLETE)
    lost = figures.sent - figures.received
    if figures.loss < GOOD_LOSS or lost == 1:
        return Pattern(shape=Shape.COMPLETE)
    # Whether it was there at first and then was not is seen only where the last answer is known.
    if figures.last is not None and figures.gaps is not None:
        return _of_runs(figures, figures.last, figures.gaps)
    if figures.first is not None and figures.sent - figures.first + 1 - figures.received <= GOOD_LOSS * lost:
        return _late(figures, figures.first)
    return Pattern(shape=Shape.PART, turned_s=_if_at_one_end(figures))


def _of_runs(figures: ProbeFigures, last: int, gaps: tuple[tuple[int, int], ...]) -> Pattern:
    between = sum(end - start + 1 for start, end in gaps)
    after = figures.sent - last
    before = (figures.first or 1) - 1
    lost = between + after + before
    if after >= FEW and after >= 0.8 * lost:
        return Pattern(shape=Shape.DIED, turned=last, turned_s=_seconds(figures, last))
    if before >= FEW and before >= 0.8 * lost:
        return _late(figures, before + 1)
    longest = max((end - start + 1 for start, end in gaps), default=0)
    if longest >= FEW and sum(1 for start, end in gaps if end - start + 1 >= FEW) + (after >= FEW) >= 1:
        in_blocks = sum(end - start + 1 for start, end in gaps if end - start + 1 >= FEW)
        if in_blocks + after + before >= 0.8 * lost:
            return Pattern(shape=Shape.ON_AND_OFF)
    return Pattern(shape=Shape.SCATTERED)


def _late(figures: ProbeFigures, first: int) -> Pattern:
    seconds = _seconds(figures, first - 1)
    if seconds is not None and seconds <= FIRST_LOST_S:
        return Pattern(shape=Shape.COMPLETE)
    return Pattern(shape=Shape.LATE, turned=first, turned_s=seconds)


def _if_at_one_end(figures: ProbeFigures) -> float | None:
    """When it must have stopped if nothing was lost before and nothing came after."""
    return _seconds(figures, figures.received)


def _seconds(figures: ProbeFigures, requests: int) -> float | None:
    return None if figures.interval_s is None else requests * figures.interval_s
