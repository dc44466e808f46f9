"""An outcome as text or JSON data: the verdicts, or the error that kept the run from having any.

The one place where the command line and pytest get their words from, so that both say the same.
"""

from __future__ import annotations

from typing import Any

from harness.report import comparison
from harness.report.data import as_json
from harness.report.terminal import NOT_COMPARED, Compared, render, summary_line
from harness.run.outcome import Outcome


def text(outcome: Outcome, *, colour: bool) -> str:
    """Return the report of a run; its last line is the command that does it again, unless it passed."""
    if outcome.error is not None or outcome.interrupted:
        return _without_verdicts(outcome)
    return render(
        outcome.plan,
        outcome.verdicts,
        run_folder=outcome.folder,
        replay=outcome.replay,
        colour=colour,
        real_s=outcome.real_s,
        backend=outcome.backend,
        impairments=outcome.impairments,
        remarks=outcome.remarks,
        compared=_compared(outcome),
    ).rstrip("\n")


def line(outcome: Outcome, *, colour: bool) -> str:
    """Return the one line of a run that passed, and a line for each remark."""
    summary = summary_line(
        outcome.plan, outcome.verdicts, colour=colour, real_s=outcome.real_s, backend=outcome.backend
    )
    compared = _compared(outcome)
    below = (*outcome.remarks, *compared.lines)
    return "\n".join((summary + compared.phrase, *(f"    {remark}" for remark in below)))


def _compared(outcome: Outcome) -> Compared:
    """Return what there is to say of the other backend's run, if there was one."""
    other = outcome.other
    if other is None:
        return NOT_COMPARED
    if outcome.comparison is not None:
        phrase, lines = comparison.phrase(outcome.comparison), comparison.lines(outcome.comparison)
        passes = outcome.comparison.passes
    else:
        why = str(other.error) if other.error is not None else "it was interrupted"
        phrase, lines, passes = f"not compared with {other.backend}", (f"{other.backend}: {why}",), False
    return Compared(phrase=f"; {phrase}", lines=lines, passes=passes, folder=other.folder)


def data(outcome: Outcome) -> dict[str, Any]:
    """Return the run as JSON-compatible data: the verdicts, and what is known of the run."""
    return {
        **as_json(outcome.plan, outcome.verdicts),
        "status": outcome.status.value if outcome.status else _state(outcome),
        "backend": outcome.backend,
        "kernel": outcome.kernel,
        "real_s": round(outcome.real_s, 3),
        "folder": str(outcome.folder) if outcome.folder else None,
        "error": str(outcome.error) if outcome.error else None,
        "impairments": outcome.impairments,
        "remarks": list(outcome.remarks),
        "replay": outcome.replay,
        **({} if outcome.other is None else _compared_data(outcome, outcome.other)),
    }


def _compared_data(outcome: Outcome, other: Outcome) -> dict[str, Any]:
    """Return the other run, and the two side by side (None: one of them has no verdicts)."""
    held = outcome.comparison
    return {"comparison": None if held is None else comparison.as_data(held), "other": data(other)}


def _without_verdicts(outcome: Outcome) -> str:
    plan = outcome.plan
    words = [f"{plan.name} [{outcome.backend} seed={plan.seed}]  {_state(outcome).upper()}"]
    if outcome.error is not None:
        words.append(str(outcome.error))
    words.extend(outcome.remarks)
    if outcome.folder is not None:
        words.append(f"    run: {outcome.folder}")
    words.append(f"    again: {outcome.replay}")
    return "\n".join(words)


def _state(outcome: Outcome) -> str:
    return "interrupted" if outcome.error is None else "error"
