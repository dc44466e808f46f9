"""From a plan and the records of its run to verdicts. Pure: no I/O, no clock, no chance.

Looks first whether the run came far enough, then what the datagrams say, then whether this machine allowed
them to say it. A doubt never turns into a pass: it makes a verdict inconclusive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

from harness.explanation import Explanation, explain
from harness.observations.history import History
from harness.observations.model import Record
from harness.plan.model import (
    Expectation,
    ExpectDelivery,
    ExpectHeal,
    ExpectLoad,
    ExpectMatrix,
    ExpectReport,
    ExpectStop,
    ExpectTables,
    Plan,
)
from harness.verdicts import words
from harness.verdicts.delivery import find_delivery, find_matrix
from harness.verdicts.finding import Complaint, Finding
from harness.verdicts.load import find_load
from harness.verdicts.machine import last_moment_s, lateness_s, loosened, losses
from harness.verdicts.model import Heard, Matrix, Status, Verdict, Wrong
from harness.verdicts.reports import find_report
from harness.verdicts.switch_tables import find_tables
from harness.verdicts.timing import find_heal, find_stop

__all__ = ["Heard", "Matrix", "Status", "Verdict", "Wrong", "judge", "judge_history", "overall"]

_SAME_S = 1e-9


def judge(
    plan: Plan, records: Iterable[Record], expectations: Sequence[Expectation] | None = None
) -> tuple[Verdict, ...]:
    """Judge expectations (left out: all of the plan), in their order."""
    return judge_history(History(records, plan), plan.expectations if expectations is None else expectations)


def judge_history(history: History, expectations: Sequence[Expectation]) -> tuple[Verdict, ...]:
    """Judge expectations by records that are indexed already, in their order."""
    return tuple(_verdict(history, expectation) for expectation in expectations)


def overall(verdicts: Iterable[Verdict]) -> Status:
    """Return FAILED if any failed, else INCONCLUSIVE if any is (or there are none), else PASSED."""
    found = {verdict.status for verdict in verdicts}
    if Status.FAILED in found:
        return Status.FAILED
    return Status.PASSED if found == {Status.PASSED} else Status.INCONCLUSIVE


def _verdict(history: History, expectation: Expectation) -> Verdict:
    finding = _find(history, expectation)
    if too_short := _too_short(history, expectation):
        return Verdict(
            expectation=expectation, status=Status.INCONCLUSIVE, expected=finding.expected, got=too_short
        )
    status, machine = finding.status, ""
    if doubt := _doubt(history, expectation, finding):
        status, machine = Status.INCONCLUSIVE, f"{doubt}: no verdict on the scenario"
    first, cause = finding.first, ""
    explanation: Explanation | None = None
    if first is not None:
        pair = first.pair
        explanation = explain(history, pair.stream, pair.sender, pair.receiver, first.at_s)
        cause = explanation.summary
    elif isinstance(expectation, ExpectTables) and finding.status is not Status.PASSED:
        cause = _cause_of_tables(history, expectation)
    return Verdict(
        expectation=expectation,
        status=status,
        expected=finding.expected,
        got=finding.got,
        matrix=finding.matrix,
        first_wrong=None if first is None else _wrong(first),
        explanation=explanation,
        cause=cause,
        machine=machine,
    )


def _find(  # noqa: PLR0911  one a kind of expectation
    history: History, expectation: Expectation, slack_s: float = 0.0
) -> Finding:
    match expectation:
        case ExpectDelivery():
            return find_delivery(history, expectation)
        case ExpectMatrix():
            return find_matrix(history, expectation)
        case ExpectStop():
            return find_stop(history, expectation)
        case ExpectHeal():
            return find_heal(history, expectation)
        case ExpectLoad():
            return find_load(history, expectation)
        case ExpectTables():
            return find_tables(history, expectation, slack_s)
        case ExpectReport():
            return find_report(history, expectation)
        case _:
            assert_never(expectation)


def _too_short(history: History, expectation: Expectation) -> str:
    """Return in words that the run ended before the expectation's last moment; empty if it did not."""
    needed_s = last_moment_s(expectation)
    if history.complete or needed_s <= history.known_until_s + _SAME_S:
        return ""
    ended = history.ended
    how = "without an end in its records" if ended is None else ended.status
    why = f": {ended.detail}" if ended is not None and ended.detail else ""
    return f"the run ended at {words.moment(history.last_at_s)}, before {words.moment(needed_s)} ({how}{why})"


def _doubt(history: History, expectation: Expectation, finding: Finding) -> str:
    """Return what this machine did that can have made the finding, in words; empty for nothing."""
    until_s = last_moment_s(expectation)
    match finding.status:
        case Status.PASSED:
            return losses(history, until_s, finding.receivers) if finding.rests_on_absence else ""
        case Status.FAILED:
            receivers = None if isinstance(expectation, ExpectTables) else finding.receivers
            if finding.only_lost and (lost := losses(history, until_s, receivers)):
                return lost
            slack_s = lateness_s(history, until_s)
            if (
                slack_s
                and _find(history, loosened(expectation, slack_s), slack_s).status is not Status.FAILED
            ):
                return f"this machine ran {words.moment(slack_s)} late (customer's time)"
            return ""
        case Status.INCONCLUSIVE:
            return ""
        case _:
            assert_never(finding.status)


def _wrong(first: Complaint) -> Wrong:
    return Wrong(sender=first.pair.sender, receiver=first.pair.receiver, at_s=first.at_s, what=first.what)


def _cause_of_tables(history: History, expectation: ExpectTables) -> str:
    change = history.switches.last_change(expectation.switch, expectation.at_s)
    return "" if change is None else words.change(change)
