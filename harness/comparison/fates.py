"""What became of datagrams in two runs: for each stream, sender and host, where the fates differ.

A host gets a datagram by its socket, or its interface sees it unasked; once, not at all, or more than once.
Only what both runs sent is compared. Rows that are equal, which nearly all are, cost one comparison of bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.comparison.series import Span
from harness.observations.history import Flow, History
from harness.observations.schedule import due
from harness.observations.spans import Spans, intersect, size, subtract
from harness.plan.model import Plan, PlanStream

_ONCE_OR_MORE = bytes(min(number, 1) for number in range(256))
_TIMES = bytes(min(number, 2) for number in range(256))
_DIFFERENT = re.compile(rb"[^\0]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """One sender's datagrams at one host in both runs, which are not the same.

    ``by_socket``: what the host got, else what its interface saw unasked. ``sent`` are the datagrams that
    both runs sent.
    """

    stream: PlanStream
    sender: str
    host: str
    by_socket: bool
    left: bytes
    right: bytes
    sent: Spans

    def differing(self, *, once: bool) -> tuple[tuple[int, int], ...]:
        """Return the runs of datagrams with different fates; ``once``: how often one came does not matter."""
        table = _ONCE_OR_MORE if once else _TIMES
        ours, theirs = self.left.translate(table), self.right.translate(table)
        width = len(ours)
        unlike = int.from_bytes(ours, "big") ^ int.from_bytes(theirs, "big")
        runs = tuple((m.start(), m.end()) for m in _DIFFERENT.finditer(unlike.to_bytes(width, "big")))
        return intersect(runs, self.sent)

    def spans(self, *, once: bool) -> tuple[Span, ...]:
        """Return the differences as spans of time, from the first datagram due to the last one."""
        return tuple(
            Span(from_s=self.stream.sent_at(first), until_s=self.stream.sent_at(end - 1))
            for first, end in self.differing(once=once)
        )

    def missing(self, row: bytes) -> int:
        """Return how many of the datagrams that both runs sent did not come by one of the two rows."""
        return sum(row.count(0, first, end) for first, end in self.sent)


def fates(plan: Plan, left: History, right: History, until_s: float) -> Iterator[Fates]:
    """Yield every sender and host at which the two runs are not equal."""
    for stream in plan.streams:
        known = due(stream, 0.0, until_s)
        for sender in stream.senders:
            ours, theirs = left.flow(stream.number, sender), right.flow(stream.number, sender)
            sent = intersect(known, intersect(ours.sent, theirs.sent))
            yield from _of_flow(plan, stream, sender, ours, theirs, sent)


def _of_flow(
    plan: Plan, stream: PlanStream, sender: str, left: Flow, right: Flow, sent: Spans
) -> Iterator[Fates]:
    nothing = bytes(left.count)
    for by_socket in (True, False):
        ours = left.heard if by_socket else left.flooded
        theirs = right.heard if by_socket else right.flooded
        for host in plan.hosts:
            if host.name not in ours and host.name not in theirs:
                continue
            mine, other = ours.get(host.name, nothing), theirs.get(host.name, nothing)
            if mine != other:
                yield Fates(
                    stream=stream,
                    sender=sender,
                    host=host.name,
                    by_socket=by_socket,
                    left=bytes(mine),
                    right=bytes(other),
                    sent=sent,
                )


def sent_by_one(
    plan: Plan, left: History, right: History, until_s: float
) -> Iterator[tuple[PlanStream, str, bool, Spans]]:
    """Yield stream, sender, whether the left run sent, and the datagrams that the other did not send."""
    for stream in plan.streams:
        known = due(stream, 0.0, until_s)
        for sender in stream.senders:
            ours, theirs = left.flow(stream.number, sender).sent, right.flow(stream.number, sender).sent
            for by_left, more, less in ((True, ours, theirs), (False, theirs, ours)):
                alone = intersect(known, subtract(more, less))
                if size(alone):
                    yield stream, sender, by_left, alone
