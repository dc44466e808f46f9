"""Judges when delivery ends and when it comes back.

The moment when a pair stopped lies after the due moment of the last datagram it heard, and not after that of
the first judged one it then missed. Between the two nothing was sent, so nobody can know more: the expected
range and this bracket must meet. Before the stop everything has to be heard, after it nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.observations.history import History
from harness.observations.schedule import first_due
from harness.plan.model import ExpectHeal, ExpectStop
from harness.verdicts import words
from harness.verdicts.delivery import LOST
from harness.verdicts.finding import Complaint, Finding, compose, unanswerable, unjudged
from harness.verdicts.pairs import Pair, Selection, select

_SAME_S = 1e-9
_NEVER = "never delivered"
_STILL = "still delivered at the end"
_GAP = "interrupted before it stopped"
_LATE = "stopped late"
_EARLY = "stopped early"
_KINDS = (_NEVER, _STILL, _GAP, _LATE, _EARLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stop:
    """When a pair stopped: after ``heard_s``, not after ``missed_s``."""

    heard_s: float
    missed_s: float


def find_stop(history: History, expectation: ExpectStop) -> Finding:
    """Look whether every pair hears everything, then stops in the range, and stays silent."""
    subject = expectation.subject
    between = f"{words.moment(expectation.earliest_s)} and {words.moment(expectation.latest_s)}"
    expected = f"every pair hears everything, then stops between {between}"
    selection = select(history, subject)
    if nothing := unanswerable(selection, subject, expected, demands=True):
        return nothing
    stops: list[_Stop] = []
    complaints: list[Complaint] = []
    for pair in selection.pairs:
        found = _stop_of(pair, expectation)
        if isinstance(found, _Stop):
            stops.append(found)
        else:
            complaints.append(found)
    return compose(
        selection,
        complaints,
        expected=expected,
        got=_got_stop(stops, complaints),
        rests_on_absence=True,
        unjudged=unjudged(selection, subject, demands=True),
    )


def _stop_of(pair: Pair, expectation: ExpectStop) -> _Stop | Complaint:
    due_s = pair.stream.sent_at
    last, gap = pair.last_heard(), pair.first_missing()
    if last is None:
        return Complaint(pair=pair, number=pair.first_judged(), arrived=False, what=_NEVER)
    if gap is None:
        return Complaint(pair=pair, number=_first_late(pair, expectation, last), arrived=True, what=_STILL)
    if gap < last:
        return Complaint(pair=pair, number=gap, arrived=False, what=_GAP)
    if due_s(last) > expectation.latest_s + _SAME_S:
        return Complaint(pair=pair, number=_first_late(pair, expectation, last), arrived=True, what=_LATE)
    if due_s(gap) < expectation.earliest_s - _SAME_S:
        return Complaint(pair=pair, number=gap, arrived=False, what=_EARLY)
    return _Stop(heard_s=due_s(last), missed_s=due_s(gap))


def _first_late(pair: Pair, expectation: ExpectStop, last: int) -> int:
    """Return the first datagram that was heard after the range, or the last one of all."""
    late = pair.narrowed(first_due(pair.stream, expectation.latest_s + 2 * _SAME_S), last + 1).first_heard()
    return last if late is None else late


def _got_stop(stops: Sequence[_Stop], complaints: Sequence[Complaint]) -> str:
    total = words.count(len(stops) + len(complaints), "pair")
    seen = ""
    if stops:
        first, last = min(stop.heard_s for stop in stops), max(stop.missed_s for stop in stops)
        seen = f"stopped after {words.moment(first)} and not later than {words.moment(last)}"
    if not complaints:
        return f"{total} {seen}"
    kinds = Counter(one.what for one in complaints)
    parts = [f"{kinds[kind]} {kind}" for kind in _KINDS if kinds[kind]]
    extremes = [words.moment(_told_s(one)) for one in complaints if one.what in {_LATE, _EARLY}]
    told = f" (first {extremes[0]})" if extremes else ""
    rest = f"; {words.count(len(stops), 'pair')} {seen}" if seen else ""
    return f"{len(complaints)} of {total} wrong: {', '.join(parts)}{told}{rest}"


def _told_s(one: Complaint) -> float:
    """Return the moment that tells most: the last datagram heard if late, the first missed if early."""
    number = one.pair.last_heard() if one.arrived else one.number
    return one.pair.stream.sent_at(number or 0)


def find_heal(history: History, expectation: ExpectHeal) -> Finding:
    """Look whether every pair hears everything that is due from ``by_s`` on."""
    by_s = max(expectation.by_s, expectation.subject.from_s)
    subject = replace(expectation.subject, from_s=by_s)
    expected = f"every pair hears everything {words.window(by_s, subject.until_s)}"
    selection = select(history, subject)
    if nothing := unanswerable(selection, subject, expected, demands=True):
        return nothing
    complaints = [
        Complaint(pair=pair, number=number, arrived=False, what=LOST)
        for pair in selection.pairs
        if (number := pair.first_missing()) is not None
    ]
    since_s = min(expectation.since_s, by_s)
    whole = select(history, replace(subject, from_s=since_s))
    return compose(
        selection,
        complaints,
        expected=expected,
        got=_got_heal(selection, whole, complaints, since_s),
        rests_on_absence=False,
        unjudged=unjudged(selection, subject, demands=True),
    )


def _got_heal(selection: Selection, whole: Selection, complaints: Sequence[Complaint], since_s: float) -> str:
    total = words.count(len(selection.pairs), "pair")
    if complaints:
        ends = [_healed_s(one.pair) for one in complaints]
        later = [at_s for at_s in ends if at_s is not None]
        parts = [f"{len(later)} healed late, the last at {words.moment(max(later))}"] if later else []
        if len(later) < len(ends):
            parts.append(f"{len(ends) - len(later)} not healed at the end")
        return f"{len(complaints)} of {total} wrong: {', '.join(parts)}"
    healed = [at_s for pair in whole.pairs if (at_s := _healed_s(pair)) is not None]
    broken = [pair for pair in whole.pairs if pair.first_missing() is not None]
    if not broken:
        return f"{total} heard everything, also from {words.moment(since_s)} on: nothing had to heal"
    return f"{total} heard everything; {len(broken)} had to heal, the last at {words.moment(max(healed))}"


def _healed_s(pair: Pair) -> float | None:
    """Return when the first datagram was due since which all were heard; None if the last one was lost."""
    lost = pair.last_missing()
    if lost is None:
        return pair.stream.sent_at(pair.first_judged())
    after = pair.narrowed(lost + 1, pair.last_judged() + 1)
    return pair.stream.sent_at(after.first_judged()) if after.parts else None
