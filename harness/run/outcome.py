"""What became of one run: verdicts, or the error that kept it from having any.

Outcomes cross a pipe from the lab's process (``workers``), so everything in them can be pickled. Nothing here
runs, prints or judges.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.comparison.model import Comparison
from harness.errors import ExitCode, HarnessError
from harness.plan.model import Plan
from harness.verdicts.judge import Status, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One run. ``status`` is None if nothing could be judged: ``error`` says why, or it was interrupted.

    ``remarks`` are sentences that the report must not hide, such as a run that was repeated; ``impairments``
    says what this machine, not the scenario, lost or delayed. Where another backend was asked for too,
    ``other`` is its run, and ``comparison`` holds the two side by side if both came to verdicts.
    """

    plan: Plan
    backend: str
    virtual: bool = False
    """Whether it was computed: then there is no lab that could be kept."""
    kernel: str = ""
    verdicts: tuple[Verdict, ...] = ()
    status: Status | None = None
    folder: Path | None = None
    real_s: float = 0.0
    error: HarnessError | None = None
    interrupted: bool = False
    impairments: str = ""
    remarks: tuple[str, ...] = ()
    other: Outcome | None = None
    comparison: Comparison | None = None

    @property
    def exit_code(self) -> ExitCode:
        """Return what ``mcast run`` exits with for this run alone."""
        if self.error is not None:
            return self.error.exit_code
        if self.interrupted or self.status is None:
            return ExitCode.INTERRUPTED
        if self.status is not Status.PASSED:
            return ExitCode.FAILED
        return self._exit_code_of_comparison

    @property
    def _exit_code_of_comparison(self) -> ExitCode:
        other = self.other
        if other is not None and (other.error is not None or other.status is None):
            return other.exit_code
        if self.comparison is None or self.comparison.passes:
            return ExitCode.PASSED
        return ExitCode.FAILED

    @property
    def replay(self) -> str:
        """Return the command that does the same again, and keeps the lab if there is one to keep."""
        plan = self.plan
        variant, same = f"{plan.file}::{plan.variant}", f"--seed {plan.seed} --speed {plan.speed:g}"
        if self.virtual and self.folder is None:
            return f"mcast predict {variant} {same}"
        if self.other is not None:
            return f"mcast run {variant} --backend {self.backend} --compare {self.other.backend} {same}"
        hold = "" if self.virtual else " --hold"
        return f"mcast run {variant} --backend {self.backend} {same}{hold}"
