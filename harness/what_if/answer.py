"""Answers: every setting of a question predicted, here, or in processes side by side where it takes long.

A process takes one setting after the other; rows come in the order of the settings, whoever made them.
Nothing but the setting's number and what is said of it crosses to a process and back. Ctrl-C ends the
processes at once.
"""

from __future__ import annotations

import os
import re
import signal
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from harness.plan.model import Where
from harness.run.predict import predict
from harness.verdicts.model import Status, Verdict, Wrong
from harness.what_if.question import Question, Setting, VaryError

PATIENCE_S = 0.5
"""What a question may take here before processes are made for the rest: they cost some 30 ms."""
_SHARE = re.compile(r"\(([0-9.e-]+%)\)$")
"""What was got ends with the worst share, where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What became of an expectation: its status, and why in some words (empty if there are none)."""

    status: Status
    figure: str
    expected: str
    got: str
    first_wrong: Wrong | None
    cause: str

    @property
    def text(self) -> str:
        """Return the cell in words: ``failed: lost at 262 s (12.67%)``."""
        return f"{self.status.value}: {self.figure}" if self.figure else self.status.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One setting. ``refusal`` says why nothing could be predicted; then there are no cells."""

    setting: Setting
    expectations: tuple[Where, ...] = ()
    cells: tuple[Cell, ...] = ()
    refusal: str = ""


def answer(question: Question, setting: Setting) -> Row:
    """Predict one setting here. Raises KeyboardInterrupt."""
    try:
        plan = question.plan(setting)
    except VaryError as error:
        return Row(setting=setting, refusal="; ".join(error.messages))
    outcome = predict(plan).outcome
    if outcome.interrupted:
        raise KeyboardInterrupt
    if outcome.error is not None:
        return Row(setting=setting, refusal=str(outcome.error))
    return Row(
        setting=setting,
        expectations=tuple(verdict.expectation.where for verdict in outcome.verdicts),
        cells=tuple(_cell(verdict) for verdict in outcome.verdicts),
    )


def answers(question: Question, *, jobs: int | None = None) -> Iterator[Row]:
    """Yield a row for each setting, in their order, with at most ``jobs`` processes (None: one a core)."""
    began_s = time.monotonic()
    processes = min(jobs or len(os.sched_getaffinity(0)), question.size)
    for number, setting in enumerate(question.settings(), 1):
        yield answer(question, setting)
        left = question.size - number
        if processes > 1 and left > 1 and time.monotonic() - began_s > PATIENCE_S:
            yield from _side_by_side(question, number, processes)
            return


def _cell(verdict: Verdict) -> Cell:
    return Cell(
        status=verdict.status,
        figure=_figure(verdict),
        expected=verdict.expected,
        got=verdict.got,
        first_wrong=verdict.first_wrong,
        cause=verdict.cause,
    )


def _figure(verdict: Verdict) -> str:
    """What is short and says most: the first wrong datagram and the worst share, else what was got."""
    share = _SHARE.search(verdict.got)
    if (first := verdict.first_wrong) is not None:
        moment = "" if " at " in first.what else f" at {round(first.at_s, 3):g} s"
        return first.what + moment + (f" ({share[1]})" if share else "")
    if verdict.status is Status.PASSED:
        return share[1] if share else ""
    return verdict.got


# --- several processes --------------------------------------------------------------------------------------

_asked: Question | None = None
"""In a process: the question, as its parent left it."""


def _side_by_side(question: Question, first: int, processes: int) -> Iterator[Row]:
    """Yield the rows from the setting of that number on."""
    import multiprocessing  # noqa: PLC0415  only a long question pays for it
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415

    others = frozenset(child.pid for child in multiprocessing.active_children())
    executor = ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("fork"),
        initializer=_begin,
        initargs=(question, os.getpid()),
    )
    ended = False
    try:
        with warnings.catch_warnings():
            # The processes touch no lock of other threads; Python 3.12 warns of such forks in general.
            warnings.simplefilter("ignore", DeprecationWarning)
            found = executor.map(_row, range(first, question.size))
        for setting, row in zip(islice(question.settings(), first, None), found, strict=True):
            yield replace(row, setting=setting)
        ended = True
    finally:
        if not ended:
            for child in multiprocessing.active_children():
                if child.pid not in others:
                    child.terminate()
        executor.shutdown(cancel_futures=True)


def _begin(question: Question, parent: int) -> None:
    """Make a new process one of ours: it ends with its parent, and leaves Ctrl-C to it."""
    from harness.run.workers import die_with_parent  # noqa: PLC0415

    global _asked  # noqa: PLW0603  the one thing that a process is for
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _asked = question


def _row(number: int) -> Row:
    """Answer the setting of that number; the setting itself stays behind, since the parent has it."""
    assert _asked is not None
    setting = next(islice(_asked.settings(), number, None))
    return replace(answer(_asked, setting), setting=())
