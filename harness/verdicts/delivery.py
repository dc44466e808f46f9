"""Judges how much is delivered: a share for every pair, or a matrix of who hears whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.observations.history import History
from harness.plan.model import ExpectDelivery, ExpectMatrix
from harness.verdicts import words
from harness.verdicts.finding import Complaint, Finding, compose, unanswerable, unjudged
from harness.verdicts.model import Status
from harness.verdicts.pairs import Pair, Selection, select

_ROUNDING = 1e-9
LOST, ARRIVED = "lost", "delivered"


def find_delivery(history: History, expectation: ExpectDelivery) -> Finding:
    """Look whether the loss of every pair is in its bounds."""
    least, most = expectation.loss_at_least, expectation.loss_at_most
    subject = expectation.subject
    expected = f"{_wanted(least, most)} {words.window(subject.from_s, subject.until_s)}"
    selection = select(history, subject)
    if nothing := unanswerable(selection, subject, expected, demands=most < 1):
        return nothing
    losses = [(pair, pair.missing()) for pair in selection.pairs]
    complaints = []
    for pair, missing in losses:
        loss = missing / pair.judged
        if loss > most + _ROUNDING:
            complaints.append(lost(pair))
        elif loss < least - _ROUNDING:
            complaints.append(arrived(pair))
    return compose(
        selection,
        complaints,
        expected=expected,
        got=_got(least, losses, complaints),
        rests_on_absence=least > 0,
        unjudged=unjudged(selection, subject, demands=most < 1),
    )


def lost(pair: Pair) -> Complaint:
    """Return the complaint that a pair lost datagrams, with the first of them."""
    return Complaint(pair=pair, number=pair.first_missing() or 0, arrived=False, what=LOST)


def arrived(pair: Pair) -> Complaint:
    """Return the complaint that datagrams of a pair came, with the first of them."""
    return Complaint(pair=pair, number=pair.first_heard() or 0, arrived=True, what=ARRIVED)


def _wanted(least: float, most: float) -> str:
    if most <= 0:
        return "every pair hears everything"
    if least >= 1:
        return "nothing is delivered"
    return f"the loss of every pair is {words.bounds(least, most)}"


def _got(least: float, losses: Sequence[tuple[Pair, int]], complaints: Sequence[Complaint]) -> str:
    total = words.count(len(losses), "pair")
    if not complaints:
        judged = sum(pair.judged for pair, _ in losses)
        missing = sum(missing for _, missing in losses)
        return f"{total} as expected: {judged - missing} of {words.count(judged, 'datagram')} delivered"
    if least >= 1:
        last_s = max(one.pair.stream.sent_at(one.pair.last_heard() or 0) for one in complaints)
        return f"{len(complaints)} of {total} still delivered at {words.moment(last_s)}"
    bad = {id(one.pair) for one in complaints}
    wrong = [(pair, missing) for pair, missing in losses if id(pair) in bad]
    sign = -1 if all(one.arrived for one in complaints) else 1
    pair, missing = max(wrong, key=lambda entry: sign * entry[1] / entry[0].judged)
    kind = "lost datagrams" if least <= 0 else "out of bounds"
    return (
        f"{len(complaints)} of {total} {kind}; worst {pair.sender} -> {pair.receiver}: "
        f"{missing} of {pair.judged} lost ({words.share(missing / pair.judged)})"
    )


def find_matrix(history: History, expectation: ExpectMatrix) -> Finding:
    """Look whether each sender is heard completely by its receivers, and not at all by the others."""
    hears = {sender: frozenset(names) for sender, names in expectation.hears}
    subject = replace(
        expectation.subject, senders=tuple(name for name in expectation.subject.senders if name in hears)
    )
    expected = f"the matrix as written {words.window(subject.from_s, subject.until_s)}"
    selection = select(history, subject)
    if nothing := unanswerable(selection, subject, expected, demands=False):
        return _refused(nothing, selection, hears)
    complaints = []
    for pair in selection.pairs:
        missing = pair.missing()
        if pair.receiver in hears[pair.sender]:
            if missing:
                complaints.append(lost(pair))
        elif missing < pair.judged:
            complaints.append(arrived(pair))
    finding = compose(
        selection,
        complaints,
        expected=expected,
        got=_got_matrix(selection, complaints),
        rests_on_absence=any(pair.receiver not in hears[pair.sender] for pair in selection.pairs),
        unjudged=_unjudged_cells(selection, hears) or unjudged(selection, subject, demands=False),
    )
    return _refused(finding, selection, hears)


def _refused(finding: Finding, selection: Selection, hears: dict[str, frozenset[str]]) -> Finding:
    """Return the finding as failed if the kernel refused to send what somebody should have heard."""
    refused = [one for one in selection.silent if one.error and hears[one.sender]]
    if not refused:
        return finding
    who = words.names(tuple(dict.fromkeys(one.sender for one in refused)))
    got = f"{finding.got}; nothing was sent by {who}: the kernel answered {refused[0].error}"
    return replace(finding, status=Status.FAILED, got=got, only_lost=False)


def _unjudged_cells(selection: Selection, hears: dict[str, frozenset[str]]) -> str:
    judged = {(pair.sender, pair.receiver) for pair in selection.pairs}
    lacking = tuple(
        f"{sender} -> {name}"
        for sender, names in hears.items()
        for name in sorted(names)
        if name != sender and (sender, name) not in judged
    )
    return f"not judged: {', '.join(lacking[:4])}" if lacking else ""


def _got_matrix(selection: Selection, complaints: Sequence[Complaint]) -> str:
    total = words.count(len(selection.pairs), "pair")
    if not complaints:
        return f"{total} as written"
    too_much = sum(one.arrived for one in complaints)
    parts = []
    if len(complaints) > too_much:
        parts.append(f"{len(complaints) - too_much} lost datagrams")
    if too_much:
        parts.append(f"{too_much} heard what they should not")
    return f"{len(complaints)} of {total} not as written: {', '.join(parts)}"
