"""Judges what a probe tool reported."""

from __future__ import annotations

from harness.observations.history import History
from harness.plan.model import ExpectReport
from harness.verdicts.finding import Finding


def find_report(history: History, expectation: ExpectReport) -> Finding:
    """Look whether the figures are in their bounds."""
    raise NotImplementedError
