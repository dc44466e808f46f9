"""A run's verdicts as plain text for a terminal or a log.

One line for a run that passed. Otherwise a block for each expectation that did not: where it is written and
in which words, what was seen, who heard whom beside the first wrong datagram and its cause; then where the
records are and how to run it again. Takes data and returns text: no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.plan.model import Plan
from harness.report import grid
from harness.report.colour import Painter
from harness.verdicts.judge import overall
from harness.verdicts.model import Status, Verdict

_INDENT = "    "
_GAP = 4
_WIDEST_BESIDE = 64
"""A matrix wider than this has what belongs to it below, not beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What another backend's run of the same plan says: the end of the first line, and lines below."""

    phrase: str = ""
    lines: tuple[str, ...] = ()
    passes: bool = True
    folder: Path | None = None


NOT_COMPARED = Compared()


def render(  # noqa: PLR0913  a report says ten things
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
    compared: Compared = NOT_COMPARED,
) -> str:
    """Return the report of a run, without a newline at its end.

    ``impairments`` says what this machine lost or delayed; ``remarks`` are sentences about the run as a whole
    that must not be hidden. ``compared`` is what a run of another backend says.
    """
    painter = Painter(on=colour)
    lines = [summary_line(plan, verdicts, colour=colour, real_s=real_s, backend=backend) + compared.phrase]
    for verdict in verdicts:
        if verdict.status is not Status.PASSED:
            lines += _block(verdict, painter)
    lines += [f"{_INDENT}note: {_one_line(note)}" for note in (impairments, *remarks) if note]
    lines += [f"{_INDENT}{line}" for line in compared.lines]
    if overall(verdicts) is not Status.PASSED or not compared.passes:
        folders = tuple(folder for folder in (run_folder, compared.folder) if folder is not None)
        lines += _footer(plan, folders, replay)
    return "\n".join(line.rstrip() for line in lines)


def summary_line(
    plan: Plan, verdicts: tuple[Verdict, ...], *, colour: bool, real_s: float, backend: str = ""
) -> str:
    """Return one line for a run: ``lost::as-shipped [netns seed=7]  PASSED  3 expectations in 0.4 s``."""
    status = overall(verdicts)
    how = " ".join((*((backend,) if backend else ()), f"seed={plan.seed}"))
    word = Painter(on=colour).status(status)
    return f"{plan.name} [{how}]  {word}  {_count(verdicts, status)} in {real_s:.2g} s"


def _count(verdicts: tuple[Verdict, ...], status: Status) -> str:
    total = f"{len(verdicts)} expectation{'' if len(verdicts) == 1 else 's'}"
    if status is Status.PASSED or not verdicts:
        return total
    counts = {one: sum(verdict.status is one for verdict in verdicts) for one in Status}
    text = f"{counts[status]} of {total}"
    if status is Status.FAILED and counts[Status.INCONCLUSIVE]:
        text += f", {counts[Status.INCONCLUSIVE]} inconclusive"
    return text


def _block(verdict: Verdict, painter: Painter) -> list[str]:
    where = verdict.expectation.where
    head = f"{where.file}:{where.line}  {_one_line(where.text)}"
    if verdict.status is Status.INCONCLUSIVE:
        head = f"{head}  {painter.status(verdict.status)}"
    lines = [head, f"{_INDENT}wanted {verdict.expected}", f"{_INDENT}got {verdict.got}"]
    if where.why:
        lines.append(f"{_INDENT}why it matters: {_one_line(where.why)}")
    if verdict.machine:
        lines.append(f"{_INDENT}{verdict.machine}")
    return lines + _beside(verdict, painter)


def _beside(verdict: Verdict, painter: Painter) -> list[str]:
    """Return matrix and evidence side by side, or one under the other if there is no room."""
    evidence = _evidence(verdict)
    if verdict.matrix is None or not verdict.matrix.wrong:
        return [f"{_INDENT}{line}" for line in evidence]
    left = list(grid.lines(verdict.matrix, painter.wrong))
    width = max(line.width for line in left)
    if width > _WIDEST_BESIDE:
        return [f"{_INDENT}{line.text}" for line in left] + [f"{_INDENT}{line}" for line in evidence]
    remarks = [line for line in left if not line.width]
    left = [line for line in left if line.width]
    found = []
    for index in range(max(len(left), len(evidence))):
        text, used = (left[index].text, left[index].width) if index < len(left) else ("", 0)
        note = evidence[index] if index < len(evidence) else ""
        found.append(f"{_INDENT}{text}{' ' * (width - used + _GAP)}{note}")
    return found + [f"{_INDENT}{line.text}" for line in remarks]


def _evidence(verdict: Verdict) -> list[str]:
    lines = []
    if (first := verdict.first_wrong) is not None:
        at = f"{first.at_s:.3f}".rstrip("0")
        at = f"{at}0" if at.endswith(".") else at
        lines.append(f"first wrong: {first.sender} -> {first.receiver} at {at} s, {first.what}")
    if verdict.cause:
        lines.append(f"last cause before it: {verdict.cause}")
    return [*lines, *verdict.tables]


def _footer(plan: Plan, folders: tuple[Path, ...], replay: str) -> list[str]:
    lines = []
    if plan.speed != 1:
        lines.append(f"{_INDENT}times are the customer's; speed {plan.speed:g}")
    lines += [f"{_INDENT}run: {folder}/" for folder in folders]
    if replay:
        lines.append(f"{_INDENT}again: {replay}")
    return lines


def _one_line(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines())
