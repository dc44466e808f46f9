"""A tool's figures as data, alike in every tool's ``--json``: shares from 0 to 1, times in milliseconds."""

from __future__ import annotations

from typing import Any

from harness.protocols.probes.program import Figures

_MS = 1000.0


def as_json(figures: Figures) -> dict[str, Any]:
    """Return the figures of one peer and cast; what there is none of is None."""
    return {
        "sent": figures.sent,
        "received": figures.received,
        "duplicates": figures.duplicates,
        "loss": round(figures.loss, 6),
        "first": figures.first,
        "min_ms": _milliseconds(figures.least_s),
        "avg_ms": _milliseconds(figures.mean_s),
        "max_ms": _milliseconds(figures.most_s),
        "deviation_ms": _milliseconds(figures.deviation_s),
    }


def _milliseconds(time_s: float | None) -> float | None:
    return None if time_s is None else round(time_s * _MS, 3)
