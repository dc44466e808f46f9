"""What looking at the datagrams gave, before it is asked whether the run allowed a verdict at all.

Each kind of expectation makes a ``Finding``; ``harness.verdicts.judge`` weighs it against what this machine
did to the run and turns it into a verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.plan.model import Audience, Subject
from harness.verdicts import words
from harness.verdicts.model import Heard, Matrix, Status
from harness.verdicts.pairs import Pair, Selection

_AUDIENCES = {
    Audience.MEMBERS: "no members other than the sender itself",
    Audience.NON_MEMBERS: "no watched hosts that are not members",
    Audience.ROUTER_PORTS: "no watched routers",
    Audience.NAMED: "none of the named hosts can be watched",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """A pair that contradicts the expectation, and the first datagram with which it does.

    ``arrived`` tells a datagram that came and should not have from one that did not come and should have.
    """

    pair: Pair
    number: int
    arrived: bool
    what: str

    @property
    def at_s(self) -> float:
        """Return when the datagram was due."""
        return self.pair.stream.sent_at(self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """``rests_on_absence``: it passed because something did not come. ``only_lost``: it failed because of
    nothing but what did not come. Losses of this machine put both in doubt, at the ``receivers`` named."""

    status: Status
    expected: str
    got: str
    matrix: Matrix | None = None
    first: Complaint | None = None
    rests_on_absence: bool = False
    only_lost: bool = False
    receivers: frozenset[str] = frozenset()


def unanswerable(selection: Selection, subject: Subject, expected: str, *, demands: bool) -> Finding | None:
    """Return a finding if there is nothing that could be judged, else None.

    ``demands``: something has to arrive; then a sender that the kernel did not let send is a failure.
    """
    silent = [one for one in selection.silent if one.error]
    if silent and demands:
        who = words.names(tuple(dict.fromkeys(one.sender for one in silent)))
        got = f"nothing was sent by {who}: the kernel answered {silent[0].error}"
        return Finding(status=Status.FAILED, expected=expected, got=got)
    span = words.window(subject.from_s, subject.until_s)
    if not selection.due:
        got = f"no datagram was due {span}: nothing to judge"
    elif not selection.sent:
        answer = f", the kernel answered {silent[0].error}" if silent else ""
        got = f"nothing was sent {span}, although {words.count(selection.due, 'datagram')} were due{answer}"
    elif not selection.pairs:
        got = f"nobody to judge {span}: {_AUDIENCES[subject.audience]}, or every datagram too close to a step"
    else:
        return None
    return Finding(status=Status.INCONCLUSIVE, expected=expected, got=got)


def unjudged(selection: Selection, subject: Subject, *, demands: bool) -> str:
    """Return who was asked for and could not be judged, in words; empty if all could."""
    if demands and selection.silent:
        silent = tuple(dict.fromkeys(one.sender for one in selection.silent))
        return f"nothing was sent by {words.names(silent)}"
    if subject.audience is Audience.NAMED:
        judged = {pair.receiver for pair in selection.pairs}
        lacking = tuple(name for name in subject.names if name not in judged and subject.senders != (name,))
        if lacking:
            return f"{words.names(lacking)} could not be watched"
    return ""


def compose(
    selection: Selection,
    complaints: Sequence[Complaint],
    *,
    expected: str,
    got: str,
    rests_on_absence: bool,
    unjudged: str = "",
) -> Finding:
    """Return the finding over all pairs: failed with complaints, inconclusive if somebody was left out."""
    status = Status.PASSED
    if complaints:
        status = Status.FAILED
    elif unjudged:
        status, got = Status.INCONCLUSIVE, f"{got}, but {unjudged}"
    concerned = [one.pair for one in complaints] if complaints else selection.pairs
    return Finding(
        status=status,
        expected=expected,
        got=got,
        matrix=matrix_of(selection, complaints),
        first=min(complaints, key=lambda one: one.at_s, default=None),
        rests_on_absence=rests_on_absence,
        only_lost=bool(complaints) and not any(one.arrived for one in complaints),
        receivers=frozenset(pair.receiver for pair in concerned),
    )


def matrix_of(selection: Selection, complaints: Sequence[Complaint]) -> Matrix | None:
    """Return who heard whom, several streams of a pair taken together; None without pairs."""
    if not selection.pairs:
        return None
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for pair in selection.pairs:
        key = (pair.sender, pair.receiver)
        missing, judged = sums.get(key, (0, 0))
        sums[key] = (missing + pair.missing(), judged + pair.judged)
    senders = tuple(dict.fromkeys(sender for sender, _ in sums))
    hearing = {receiver for _, receiver in sums}
    receivers = tuple(host for host in selection.hosts if host in hearing)
    rows = tuple(tuple(_cell(sums.get((sender, host))) for host in receivers) for sender in senders)
    wrong = {(one.pair.sender, one.pair.receiver) for one in complaints}
    return Matrix(
        senders=senders,
        receivers=receivers,
        rows=rows,
        wrong=tuple((s, r) for s in senders for r in receivers if (s, r) in wrong),
    )


def _cell(counts: tuple[int, int] | None) -> Heard:
    if counts is None:
        return Heard.NOT_JUDGED
    missing, judged = counts
    if missing == 0:
        return Heard.ALL
    return Heard.NOTHING if missing == judged else Heard.SOME
