"""Two runs of one plan, compared: what they judge, what their switches knew, and what became of datagrams.

Differences that chance explains are none (``tolerance``, ``limits``, ``chance``); those that this machine can
have made are doubts. Pure: plan and records in, a Comparison out; docs/decisions/0010-comparison.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.comparison.chance import Sides, chances_of
from harness.comparison.deliveries import Deliveries
from harness.comparison.fates import sent_by_one
from harness.comparison.limits import Limits
from harness.comparison.model import Comparison, Parting, Subject
from harness.comparison.places import Ways
from harness.comparison.reports import report_partings
from harness.comparison.series import read
from harness.comparison.tables import TableParting, table_partings
from harness.comparison.tolerance import tolerance_of
from harness.observations.history import History
from harness.observations.model import Membership, Record
from harness.plan.model import ExpectTables, Plan
from harness.profiles import DataPlane
from harness.verdicts import words
from harness.verdicts.judge import judge_history
from harness.verdicts.machine import last_moment_s, losses
from harness.verdicts.model import Status, Verdict


def compare(plan: Plan, left_records: Iterable[Record], right_records: Iterable[Record]) -> Comparison:
    """Compare the records of two runs of a plan."""
    return _Pair(plan, tuple(left_records), tuple(right_records)).comparison()


class _Pair:
    """Two runs side by side."""

    def __init__(self, plan: Plan, left: tuple[Record, ...], right: tuple[Record, ...]) -> None:
        self._plan = plan
        self._left, self._right = History(left, plan), History(right, plan)
        self._until_s = min(plan.duration_s, self._left.known_until_s, self._right.known_until_s)
        self._tolerance = tolerance_of(plan, self._left, self._right)
        self._ways = Ways(self._left, self._right)
        self._tables = read(left), read(right)
        changes = (*self._changes(), *(one.at_s for one in (*left, *right) if isinstance(one, Membership)))
        moments = (*(at_s for at_s in changes if at_s > 0), *self._graces())
        self._limits = Limits(self._tolerance.seconds, moments)

    def comparison(self) -> Comparison:
        """Find everything in which the two differ."""
        chances = chances_of(self._plan)
        sides = Sides(self._plan, chances)
        found = table_partings(self._plan, *self._tables, self._limits, self._until_s)
        by_chance = [one for one in found if sides.is_chance(one.line.device, one.line.port)]
        chosen = [one for one in found if one not in by_chance]
        loose = frozenset(one.line.device for one in by_chance)
        deliveries = Deliveries(
            self._plan,
            self._left,
            self._right,
            self._limits,
            self._ways,
            chances,
            loose=loose,
            until_s=self._until_s,
        )
        partings = [_of_table(one) for one in chosen]
        partings += [*self._of_sending(), *deliveries.partings(), *self._of_reports()]
        partings += self._of_verdicts(loose)
        doubts = [*self._unfinished()]
        certain: list[Parting] = []
        for parting in partings:
            if why := self._machine(parting):
                doubts.append(f"{parting.hop} at {words.moment(parting.at_s)}: {why}")
            else:
                certain.append(parting)
        chance = tuple(f"left to chance: the tables of {name}" for name in sorted(loose))
        left, right = self._names()
        return Comparison(
            left=left,
            right=right,
            tolerance=self._tolerance,
            partings=self._ordered(certain),
            doubts=tuple(dict.fromkeys((*doubts, *self._undecided(loose)))),
            chance=(*chance, *deliveries.notes()),
            quirk=self._plan.quirk,
        )

    def _names(self) -> tuple[str, str]:
        left, right = (
            "" if history.started is None else history.started.backend
            for history in (self._left, self._right)
        )
        return left or "one run", (f"{right} again" if right == left else right) or "the other run"

    def _changes(self) -> Iterator[float]:
        for tables in self._tables:
            yield from (turn.at_s for series in tables.values() for turn in series.turns)
        for history in (self._left, self._right):
            yield from (step.at_s for step in history.steps)

    def _graces(self) -> Iterator[float]:
        """Yield second 0 where a genuine switch knew a querier: it may still flood, and tells nobody."""
        genuine = {one.name for one in self._plan.switches if one.data_plane is not DataPlane.EMULATED}
        for tables in self._tables:
            for line, series in tables.items():
                if line.table == "querier" and line.device in genuine and series.at(0.0).state:
                    yield 0.0

    def _of_sending(self) -> Iterator[Parting]:
        for stream, sender, by_left, alone in sent_by_one(self._plan, self._left, self._right, self._until_s):
            count = sum(end - first for first, end in alone)
            more = f"sends {words.count(count, 'datagram')} of {stream.name} more"
            yield Parting(
                subject=Subject.SENDING,
                at_s=stream.sent_at(alone[0][0]),
                until_s=stream.sent_at(alone[-1][1] - 1),
                hop=sender,
                left=more if by_left else "does not send them",
                right="does not send them" if by_left else more,
                hosts=(sender,),
            )

    def _of_reports(self) -> Iterator[Parting]:
        seconds = self._tolerance.seconds
        return report_partings(self._plan, self._left, self._right, seconds, self._until_s)

    def _verdicts(self) -> Iterator[tuple[Verdict, Verdict]]:
        ours, theirs = (judge_history(one, self._plan.expectations) for one in (self._left, self._right))
        yield from (
            (one, other)
            for one, other in zip(ours, theirs, strict=True)
            if one.status is not other.status and last_moment_s(one.expectation) <= self._until_s
        )

    def _of_verdicts(self, loose: frozenset[str]) -> Iterator[Parting]:
        for ours, theirs in self._verdicts():
            expectation = ours.expectation
            if Status.INCONCLUSIVE in {ours.status, theirs.status} or self._is_loose(ours, loose):
                continue
            failed = ours if ours.status is Status.FAILED else theirs
            wrong = failed.first_wrong
            at_s = last_moment_s(expectation) if wrong is None else wrong.at_s
            place = expectation.where.file.name if wrong is None else wrong.receiver
            yield Parting(
                subject=Subject.VERDICT,
                at_s=at_s,
                until_s=last_moment_s(expectation),
                hop=expectation.switch if isinstance(expectation, ExpectTables) else place,
                left=f"judges line {expectation.where.line} {ours.status.value}: {ours.got}",
                right=f"{theirs.status.value}: {theirs.got}",
                hosts=() if wrong is None else (wrong.sender, wrong.receiver),
            )

    def _is_loose(self, verdict: Verdict, loose: frozenset[str]) -> bool:
        expectation = verdict.expectation
        return isinstance(expectation, ExpectTables) and expectation.switch in loose

    def _undecided(self, loose: frozenset[str]) -> Iterator[str]:
        for ours, theirs in self._verdicts():
            if Status.INCONCLUSIVE in {ours.status, theirs.status} and not self._is_loose(ours, loose):
                why = ours if ours.status is Status.INCONCLUSIVE else theirs
                line = why.expectation.where.line
                yield f"line {line} is inconclusive in one run: {why.machine or why.got}"

    def _unfinished(self) -> Iterator[str]:
        for name, history in zip(self._names(), (self._left, self._right), strict=True):
            if not history.complete:
                yield f"{name} did not come to its end: compared until {words.moment(self._until_s)}"

    def _machine(self, parting: Parting) -> str:
        """Return what this machine lost that can have made the two differ; empty for nothing."""
        receivers = frozenset(parting.hosts[1:]) if len(parting.hosts) > 1 else None
        if parting.subject is Subject.VERDICT:
            receivers = None
        found = (losses(one, parting.until_s, receivers) for one in (self._left, self._right))
        return next((text for text in found if text), "")

    def _ordered(self, partings: list[Parting]) -> tuple[Parting, ...]:
        """Return them by time; first the one that explains the first datagram that took another way."""
        order = list(Subject)
        partings.sort(key=lambda one: (one.at_s, order.index(one.subject)))
        datagram = next((one for one in partings if len(one.hosts) == 2), None)
        if datagram is None:
            return tuple(partings)
        sender, host = datagram.hosts
        hops = [end.device for end in self._ways.ends(sender, host, datagram.at_s)]
        period_s = max((stream.period_s for stream in self._plan.streams), default=0.0)
        causes = [
            one
            for one in partings
            if one.subject is Subject.TABLE and one.hop in hops and one.at_s <= datagram.at_s + period_s
        ]
        if causes:
            together_s = causes[0].at_s + self._left.guard_s + self._right.guard_s
            first = min(
                (one for one in causes if one.at_s <= together_s), key=lambda one: hops.index(one.hop)
            )
            partings.remove(first)
            partings.insert(0, first)
        return tuple(partings)


def _of_table(one: TableParting) -> Parting:
    return Parting(
        subject=Subject.TABLE,
        at_s=one.span.from_s,
        until_s=one.span.until_s,
        hop=one.line.device,
        left=one.left,
        right=one.right,
    )
