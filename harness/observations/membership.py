"""Who was a member of which stream when, as spans of datagrams.

A host is a member by its own wish: from the start if the plan says so, then as its joins and leaves were
recorded. What the switches know of it is another matter. A datagram due while a join or leave of its receiver
was under way belongs to neither side: such a datagram is ``changing``. The change lasts from the moment when
the timeline wanted it to the moment when it was done, a guard on both ends. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from harness.observations.model import Membership
from harness.observations.schedule import due, near
from harness.observations.spans import Spans, normal
from harness.plan.model import Action, ActionKind, Cast, Plan, PlanStream

_CHANGES = (ActionKind.JOIN, ActionKind.LEAVE)


class MembershipLog:
    """Memberships of every node and stream, of which those that no plan begins have no members at first."""

    def __init__(
        self, plan: Plan, streams: Iterable[PlanStream], records: Iterable[Membership], guard_s: float
    ) -> None:
        self._streams = {stream.number: stream for stream in streams}
        self._guard_s = guard_s
        self._actions = [action for action in plan.actions if action.kind in _CHANGES]
        self._intervals: dict[tuple[int, str], tuple[tuple[float, float], ...]] = {}
        self._changing: dict[tuple[int, str], Spans] = {}
        self._spans: dict[tuple[int, str], Spans] = {}
        changes: dict[tuple[int, str], list[Membership]] = {}
        for record in records:
            if record.stream in self._streams:
                changes.setdefault((record.stream, record.node), []).append(record)
        self._first = dict.fromkeys(self._streams, frozenset[str]())
        self._first.update((stream.number, frozenset(stream.receivers)) for stream in plan.streams)
        initial = [(stream.number, host) for stream in plan.streams for host in stream.receivers]
        for key in dict.fromkeys((*initial, *changes)):
            self._follow(key, changes.get(key, ()))

    def _follow(self, key: tuple[int, str], changes: Iterable[Membership]) -> None:
        stream = self._streams[key[0]]
        member = key[1] in self._first[stream.number]
        since_s = -math.inf
        intervals: list[tuple[float, float]] = []
        changing: list[tuple[int, int]] = []
        for change in sorted(changes, key=lambda record: record.at_s):
            if change.joined == member or stream.cast is Cast.UNICAST:
                continue
            if member:
                intervals.append((since_s, change.at_s))
            since_s, member = change.at_s, change.joined
            began_s = self._wanted_s(change)
            changing += near(stream, began_s - self._guard_s, change.at_s + self._guard_s)
        if member:
            intervals.append((since_s, math.inf))
        self._intervals[key] = tuple(intervals)
        self._changing[key] = normal(changing)
        self._spans[key] = normal(span for start, end in intervals for span in _due_in(stream, start, end))

    def _wanted_s(self, change: Membership) -> float:
        """Return when the timeline wanted this change: it may have been carried out late."""

        def asks_for_it(action: Action) -> bool:
            kind = ActionKind.JOIN if change.joined else ActionKind.LEAVE
            return (action.kind, action.target, action.stream) == (kind, change.node, change.stream)

        wanted = (action.at_s for action in self._actions if asks_for_it(action))
        return max((at_s for at_s in wanted if at_s <= change.at_s), default=change.at_s)

    def intervals(self, stream: int, node: str) -> tuple[tuple[float, float], ...]:
        """Return when the node was a member, [from, until) in seconds, infinite at open ends."""
        return self._intervals.get((stream, node), ())

    def spans(self, stream: int, node: str) -> Spans:
        """Return the datagrams that were due while the node was a member."""
        return self._spans.get((stream, node), ())

    def changing(self, stream: int, node: str) -> Spans:
        """Return the datagrams that were due while the node was joining or leaving."""
        return self._changing.get((stream, node), ())


def _due_in(stream: PlanStream, start_s: float, end_s: float) -> Spans:
    return due(stream, max(start_s, stream.start_s), end_s)
