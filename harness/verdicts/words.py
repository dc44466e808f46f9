"""Phrases that verdicts share beside those of observations: windows, shares, bounds."""

from __future__ import annotations

from harness.observations.words import change, count, moment, names

__all__ = ["bounds", "change", "count", "moment", "names", "share", "window"]


def window(from_s: float, until_s: float) -> str:
    """Return a window: ``from 25.0 s to 60.0 s``."""
    return f"from {moment(from_s)} to {moment(until_s)}"


def share(value: float) -> str:
    """Return a share: ``12.5%``."""
    return f"{round(value * 100, 2):g}%"


def bounds(least: float, most: float) -> str:
    """Return what a share may be: ``exactly 0%``, ``at most 5%``, ``10% to 30%``."""
    if least == most:
        return f"exactly {share(least)}"
    if least <= 0:
        return f"at most {share(most)}"
    if most >= 1:
        return f"at least {share(least)}"
    return f"{share(least)} to {share(most)}"
