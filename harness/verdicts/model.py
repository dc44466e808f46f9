"""What a verdict is: an expectation, what was wanted and what was seen in words, and the evidence.

Verdicts are data and can be pickled. They carry no colour and no layout (that is ``harness.report``) and are
made by ``harness.verdicts.judge`` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from harness.explanation.model import Explanation
from harness.plan.model import Expectation


class Status(Enum):
    """What became of an expectation, or of a whole run."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    """Neither: the run or this machine did not allow an answer."""


class Heard(Enum):
    """How much of what was judged a receiver heard from a sender; the value is the matrix's sign."""

    ALL = "#"
    SOME = "+"
    NOTHING = "."
    NOT_JUDGED = " "


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Who heard whom: ``rows[i][j]`` is what ``receivers[j]`` heard of ``senders[i]``.

    ``wrong`` are the (sender, receiver) cells that contradict the expectation, in the order of the rows.
    """

    senders: tuple[str, ...]
    receivers: tuple[str, ...]
    rows: tuple[tuple[Heard, ...], ...]
    wrong: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """The first datagram that contradicts the expectation: due ``at_s``, ``what`` became of it."""

    sender: str
    receiver: str
    at_s: float
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One expectation, judged.

    ``expected`` and ``got`` are phrases. ``matrix`` and ``first_wrong`` are None where they mean nothing (an
    expectation about tables). ``explanation`` is that of ``first_wrong``. ``cause`` is the explanation in a
    sentence, or of an expectation about tables their last change; empty when nothing is wrong.
    ``machine`` says what this machine did to the run, if that is why there is no verdict.
    """

    expectation: Expectation
    status: Status
    expected: str
    got: str
    matrix: Matrix | None = None
    first_wrong: Wrong | None = None
    explanation: Explanation | None = None
    cause: str = ""
    machine: str = ""
