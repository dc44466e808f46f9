"""A run's verdicts as plain text for a terminal or a log.

One line for a run that passed. Otherwise a block for each expectation that did not: where it is written and
in which words, what was seen, who heard whom, and the way of the first wrong datagram; then where the records
are and how to run it again. Takes data and returns text: no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.explanation.text import hop_lines
from harness.observations.words import moment
from harness.plan.model import Plan
from harness.report import grid
from harness.report.colour import Painter
from harness.verdicts.judge import overall
from harness.verdicts.model import Status, Verdict

_INDENT = "    "


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
    return lines + _evidence(verdict, painter)


def _evidence(verdict: Verdict, painter: Painter) -> list[str]:
    """Return who heard whom, and below it why the first wrong datagram came or did not."""
    lines: list[str] = []
    if verdict.matrix is not None and verdict.matrix.wrong:
        lines += grid.lines(verdict.matrix, painter.wrong)
    if (first := verdict.first_wrong) is not None:
        where = f"{first.sender} -> {first.receiver} at {moment(first.at_s)}"
        lines.append(f"first wrong: {where}, {first.what}")
    if verdict.explanation is not None:
        lines += [f"  {line}" for line in hop_lines(verdict.explanation)]
    elif verdict.cause:
        lines.append(f"last change before it: {verdict.cause}")
    return [f"{_INDENT}{line}" for line in lines]


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
