"""A run's verdicts as plain text for a terminal or a log."""

from __future__ import annotations

from pathlib import Path

from harness.plan.model import Plan
from harness.verdicts.model import Verdict


def render(
    plan: Plan,
    verdicts: tuple[Verdict, ...],
    *,
    run_folder: Path | None,
    replay: str,
    colour: bool,
    real_s: float,
    backend: str = "",
    impairments: str = "",
    remarks: tuple[str, ...] = (),
) -> str:
    """Return the report of a run: a summary line, a block for each verdict that did not pass, where to look."""
    raise NotImplementedError


def summary_line(
    plan: Plan, verdicts: tuple[Verdict, ...], *, colour: bool, real_s: float, backend: str = ""
) -> str:
    """Return one line for a run: ``querier-lost::as-shipped [netns seed=7]  PASSED  3 expectations``."""
    raise NotImplementedError
