"""Judges how much of others' traffic reaches hosts that did not ask for it."""

from __future__ import annotations

from harness.observations.history import History
from harness.plan.model import ExpectLoad
from harness.verdicts import words
from harness.verdicts.delivery import arrived, lost
from harness.verdicts.finding import Complaint, Finding, compose, unanswerable, unjudged
from harness.verdicts.pairs import Pair, select

_ROUNDING = 1e-9


def find_load(history: History, expectation: ExpectLoad) -> Finding:
    """Look whether the share is in its bounds for every host.

    The share is taken of what others sent while the host was no member: how much reached its interface.
    """
    least, most = expectation.share_at_least, expectation.share_at_most
    subject = expectation.subject
    expected = (
        f"{words.bounds(least, most)} of others' datagrams reach hosts that did not ask "
        f"{words.window(subject.from_s, subject.until_s)}"
    )
    selection = select(history, subject, unasked=True)
    if nothing := unanswerable(selection, subject, expected, demands=False):
        return nothing
    hosts: dict[str, list[Pair]] = {}
    for pair in selection.pairs:
        hosts.setdefault(pair.receiver, []).append(pair)
    complaints: list[Complaint] = []
    shares: dict[str, tuple[float, int, int]] = {}
    for host, pairs in hosts.items():
        judged = sum(pair.judged for pair in pairs)
        reached = judged - sum(pair.missing() for pair in pairs)
        shares[host] = (reached / judged, reached, judged)
        if reached / judged > most + _ROUNDING:
            complaints += [arrived(pair) for pair in pairs if pair.first_heard() is not None]
        elif reached / judged < least - _ROUNDING:
            complaints += [lost(pair) for pair in pairs if pair.first_missing() is not None]
    return compose(
        selection,
        complaints,
        expected=expected,
        got=_got(shares, most, complaints),
        rests_on_absence=most < 1,
        unjudged=unjudged(selection, subject, demands=False),
    )


def _got(shares: dict[str, tuple[float, int, int]], most: float, complaints: list[Complaint]) -> str:
    wrong = dict.fromkeys(one.pair.receiver for one in complaints)
    lowest = bool(complaints) and not complaints[0].arrived
    if not complaints:
        lowest = most >= 1
    pick = min if lowest else max
    worst = pick(wrong or shares, key=lambda host: shares[host][0])
    value, reached, judged = shares[worst]
    who = (
        f"{len(wrong)} of {words.count(len(shares), 'host')} out of bounds; worst" if wrong else "worst host"
    )
    return f"{who} {worst}: {reached} of {words.count(judged, 'datagram')} ({words.share(value)})"
