"""What this machine did to a run, and whether a finding can be trusted in spite of it.

Losses of this machine look like losses of the network. They put in doubt a failure that consists of nothing
but what did not come, and a pass that rests on something not coming; never a failure because something came.
A late machine puts in doubt a failure that would be none if every moment were off by that much, and one that
has no time left in which it were one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import assert_never

from harness.observations.history import History
from harness.observations.model import Impaired
from harness.plan.model import (
    Expectation,
    ExpectDelivery,
    ExpectHeal,
    ExpectLoad,
    ExpectMatrix,
    ExpectReport,
    ExpectStop,
    ExpectTables,
    Subject,
)
from harness.verdicts import words

_QUEUES = {"backlog": "netdev backlog"}
_HARMLESS = ("capture", "late")


def losses(history: History, until_s: float, receivers: frozenset[str] | None) -> str:
    """Return what this machine lost up to a moment that these receivers can have missed; empty for nothing.

    ``receivers`` None asks for all losses. What a switch of the lab lost concerns everybody.
    """
    hosts = {host.name for host in history.plan.hosts}
    counts: Counter[str] = Counter()
    for record in history.impaired_until(until_s):
        concerns = receivers is None or record.host not in hosts or record.host in receivers
        if record.count and record.what not in _HARMLESS and concerns:
            counts[_place(record)] += record.count
    if not counts:
        return ""
    places = ", ".join(sorted(counts))
    return f"this machine dropped {words.count(counts.total(), 'frame')} ({places}) while it ran"


def _place(record: Impaired) -> str:
    if record.what == "socket" and record.host:
        return f"receive buffer of {record.host}"
    return _QUEUES.get(record.what, record.what)


def lateness_s(history: History, until_s: float) -> float:
    """Return how late this machine was at worst up to a moment, in the customer's seconds."""
    late = (record.late_s for record in history.impaired_until(until_s) if record.what == "late")
    return max(late, default=0.0)


def last_moment_s(expectation: Expectation) -> float:
    """Return the moment after which an expectation looks at nothing any more."""
    if isinstance(expectation, ExpectTables):
        return expectation.at_s
    if isinstance(expectation, ExpectReport):
        return expectation.ended_by_s
    return expectation.subject.until_s


def loosened(expectation: Expectation, slack_s: float) -> Expectation:
    """Return the same expectation for a machine whose every moment may be off by ``slack_s``.

    Windows lose that much at both ends, ranges gain it; an ExpectTables stays as it is.
    """
    match expectation:
        case ExpectTables() | ExpectReport():
            return expectation
        case ExpectStop():
            return replace(
                expectation,
                earliest_s=expectation.earliest_s - slack_s,
                latest_s=expectation.latest_s + slack_s,
            )
        case ExpectHeal():
            return replace(
                expectation, by_s=expectation.by_s + slack_s, subject=_narrowed(expectation.subject, slack_s)
            )
        case ExpectDelivery() | ExpectMatrix() | ExpectLoad():
            return replace(expectation, subject=_narrowed(expectation.subject, slack_s))
        case _:
            assert_never(expectation)


def _narrowed(subject: Subject, slack_s: float) -> Subject:
    return replace(subject, from_s=subject.from_s + slack_s, until_s=subject.until_s - slack_s)
