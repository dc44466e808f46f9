"""The rounds of questions with which a querier follows up what hosts leave.

A group or some of its sources are asked for on one port, a count of times at an interval. A report that
answers ends the round where queries have no S flag (RFC 2236 section 7, Checking Membership). With version 3
the round goes on with the S flag set, since other routers must not touch their timers any more (RFC 9776
section 6.6.3); sources that were answered and those that were not go into separate queries.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.protocols.deadlines import Deadlines
from harness.wire.membership import Address

Key = tuple[Address, str]
"""A group and the port where it is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A query to send on ``port``: for the whole group, or for ``sources`` of it."""

    group: Address
    port: str
    sources: tuple[Address, ...] = ()
    suppress: bool = False


@dataclass(slots=True)
class _Round:
    left: int
    answered: bool = False


class FollowUps:
    """The rounds under way. ``s_flag`` tells whether the queries have one."""

    def __init__(self, *, count: int, interval_s: float, s_flag: bool) -> None:
        self._count = count
        self._interval_s = interval_s
        self._s_flag = s_flag
        self._groups: dict[Key, _Round] = {}
        self._groups_due: Deadlines[Key] = Deadlines()
        self._sources: dict[Key, dict[Address, _Round]] = {}
        self._sources_due: Deadlines[Key] = Deadlines()

    @property
    def under_way(self) -> bool:
        """Whether there is any round."""
        return bool(self._groups) or bool(self._sources)

    def ask_group(self, key: Key, now: float) -> list[Question]:
        """Begin a round for a group, unless one is under way that nobody has answered yet."""
        under_way = self._groups.get(key)
        if not self._count or (under_way is not None and not under_way.answered):
            return []
        self._groups[key] = _Round(self._count)
        return self._next_of_group(key, now)

    def ask_sources(self, key: Key, sources: Iterable[Address], now: float) -> list[Question]:
        """Begin rounds for sources; those of a round under way are asked for again at the same moments."""
        if not self._count:
            return []
        rounds = self._sources.setdefault(key, {})
        fresh = tuple(source for source in sources if (known := rounds.get(source)) is None or known.answered)
        for source in fresh:
            rounds[source] = _Round(self._count - 1)
        if fresh and self._count > 1 and key not in self._sources_due:
            self._sources_due.set(key, now + self._interval_s)
        self._tidy(key)
        return [Question(group=key[0], port=key[1], sources=fresh)] if fresh else []

    def group_answered(self, key: Key) -> None:
        """A member of the group answered."""
        if (under_way := self._groups.get(key)) is None:
            return
        if self._s_flag:
            under_way.answered = True
        else:
            del self._groups[key]
            self._groups_due.discard(key)

    def sources_answered(self, key: Key, sources: Iterable[Address]) -> None:
        """Somebody wants these sources."""
        rounds = self._sources.get(key)
        if rounds is None:
            return
        for source in sources:
            if source in rounds:
                rounds[source].answered = True

    def due(self, now: float) -> list[Question]:
        """The questions whose time has come: for sources first, as RFC 9776 section 6.4.2 writes them."""
        questions: list[Question] = []
        for key in self._sources_due.pop_due(now):
            questions += self._next_of_sources(key, now)
        for key in self._groups_due.pop_due(now):
            questions += self._next_of_group(key, now)
        return questions

    def next_deadline(self) -> float | None:
        """When the next question is due."""
        moments = (self._sources_due.next(), self._groups_due.next())
        return min((at_s for at_s in moments if at_s is not None), default=None)

    def keep_ports(self, ports: Iterable[str]) -> None:
        """End the rounds on all other ports."""
        kept = frozenset(ports)
        for key in [key for key in self._groups if key[1] not in kept]:
            del self._groups[key]
            self._groups_due.discard(key)
        for key in [key for key in self._sources if key[1] not in kept]:
            del self._sources[key]
            self._sources_due.discard(key)

    def clear(self) -> None:
        """End all rounds."""
        self.keep_ports(())

    def _next_of_group(self, key: Key, now: float) -> list[Question]:
        under_way = self._groups[key]
        under_way.left -= 1
        if under_way.left:
            self._groups_due.set(key, now + self._interval_s)
        else:
            del self._groups[key]
        return [Question(group=key[0], port=key[1], suppress=under_way.answered)]

    def _next_of_sources(self, key: Key, now: float) -> list[Question]:
        rounds = self._sources[key]
        open_ = tuple(source for source, under_way in rounds.items() if not under_way.answered)
        answered = tuple(source for source, under_way in rounds.items() if under_way.answered)
        for under_way in rounds.values():
            under_way.left -= 1
        self._tidy(key)
        if key in self._sources:
            self._sources_due.set(key, now + self._interval_s)
        return [
            Question(group=key[0], port=key[1], sources=sources, suppress=suppress)
            for sources, suppress in ((open_, False), (answered, True))
            if sources
        ]

    def _tidy(self, key: Key) -> None:
        rounds = {source: under_way for source, under_way in self._sources[key].items() if under_way.left > 0}
        if rounds:
            self._sources[key] = rounds
        else:
            del self._sources[key]
            self._sources_due.discard(key)
