"""What two runs had over time, and where they differ: lines of tables as states with their causes.

A state holds until the next one. A line that is not there has the state None. What came before second 0
counts as the state at second 0. Differences are spans of time; ``limits`` decides whether one is too long.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from harness.observations.model import Mode, Record, TableLine


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Line:
    """Which line of which device; ``table`` is "member", "router-port", "querier" or "mode"."""

    device: str
    table: str
    protocol: str
    group: str = ""
    port: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """From ``at_s`` on the state holds; ``cause`` is the run's own word for why."""

    at_s: float
    state: str | None
    cause: str = ""


NEVER = Turn(at_s=0.0, state=None)


@dataclass(slots=True)
class Series:
    """The states of one line in one run, in the order of time; two at one moment are the later one."""

    turns: list[Turn] = field(default_factory=list)

    def add(self, turn: Turn) -> None:
        """Add what came next; what changes nothing is left out."""
        if self.turns and turn.at_s <= self.turns[-1].at_s:
            self.turns.pop()
        if (self.turns[-1].state if self.turns else None) != turn.state:
            self.turns.append(turn)

    def at(self, at_s: float) -> Turn:
        """Return what holds at a moment."""
        index = bisect_right(self.turns, at_s, key=lambda turn: turn.at_s)
        return self.turns[index - 1] if index else NEVER

    def after(self, at_s: float) -> Turn | None:
        """Return the next change after a moment."""
        index = bisect_right(self.turns, at_s, key=lambda turn: turn.at_s)
        return self.turns[index] if index < len(self.turns) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time, or a run of datagrams, in which two runs differ."""

    from_s: float
    until_s: float

    @property
    def length_s(self) -> float:
        """Return how long it lasts."""
        return self.until_s - self.from_s


def read(records: Iterable[Record]) -> dict[Line, Series]:
    """Return every line of every table that a run told of."""
    found: dict[Line, Series] = {}
    for record in records:
        match record:
            case TableLine():
                line = Line(
                    device=record.switch,
                    table=record.table,
                    protocol=record.protocol,
                    group=record.group,
                    port="" if record.table == "querier" else record.port,
                )
                series = found.setdefault(line, Series())
                series.add(Turn(at_s=max(0.0, record.at_s), state=_state(record, series), cause=record.cause))
            case Mode():
                line = Line(device=record.switch, table="mode", protocol=record.protocol)
                state = record.unregistered if record.snooping else "off"
                turn = Turn(at_s=max(0.0, record.at_s), state=state, cause=record.cause)
                found.setdefault(line, Series()).add(turn)
            case _:
                pass
    return found


def _state(record: TableLine, series: Series) -> str | None:
    """Return what a line says when it is there: a member its filter, a querier its address.

    Of two queriers, one that is gone says nothing of the other.
    """
    if record.table != "querier":
        return record.filter if record.present else None
    known = series.turns[-1].state if series.turns else None
    if record.present:
        return record.address
    return None if known == record.address else known


def differences(left: Series, right: Series, until_s: float) -> Iterator[Span]:
    """Yield the spans of [0, until_s] in which the two do not have the same state."""
    moments = sorted({0.0, *(turn.at_s for one in (left, right) for turn in one.turns)})
    began_s: float | None = None
    for at_s in (moment for moment in moments if moment < until_s):
        alike = left.at(at_s).state == right.at(at_s).state
        if not alike and began_s is None:
            began_s = at_s
        elif alike and began_s is not None:
            yield Span(from_s=began_s, until_s=at_s)
            began_s = None
    if began_s is not None:
        yield Span(from_s=began_s, until_s=until_s)
