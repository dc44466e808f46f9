"""Which ports of a switch receive which groups from which sources, and until when.

A group timer and source timers for every group and port, and what each kind of group record does to them:
RFC 9776 sections 6.2 to 6.4 (RFC 9777 section 7 for MLD). An entry in EXCLUDE mode has a group timer; its
sources with a running timer are wanted, those without are refused. An entry in INCLUDE mode is nothing but
its source timers. A switch that keeps no sources (RFC 4541 section 2.1.2) uses the same table and never has
anything but EXCLUDE without sources.

The table asks no question and decides none: it says which questions a record raises, and is told which of
them were put. It holds state and deadlines and says what changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import assert_never

from harness.protocols.deadlines import Deadlines, Timer
from harness.protocols.effects import EVERY_SOURCE, FilterMode, SourceFilter, Table, TableChange
from harness.wire.membership import Address, RecordType

_AGED = "aged out: no report for the membership interval"
_AGED_SOURCE = "aged out: no report of a source for the membership interval"
_LEFT = "left: no member answered after the leave"
_LEFT_SOURCE = "left: no member answered for a source"

Entry = tuple[Address, str]
"""A group and a port that receives it."""


class KnownEntry:
    """An entry with its group timer, once that was found: looking for it is most of a refresh."""

    __slots__ = ("entry", "timer")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.timer: Timer[Entry] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What the querier should ask on the port of an entry: about ``sources``, and about the whole group."""

    sources: tuple[Address, ...] = ()
    group: bool = False


NOTHING_TO_ASK = Questions()


@dataclass(slots=True)
class _Sources:
    """Sources of an entry in the order in which they were named; a dictionary is an ordered set here."""

    wanted: dict[Address, None] = field(default_factory=dict)
    refused: dict[Address, None] = field(default_factory=dict)


class MembershipTable:
    """The table. Every method that changes it gives the changes that a data plane must follow."""

    def __init__(self) -> None:
        self._told: dict[Entry, SourceFilter] = {}
        self._ports: dict[Address, dict[str, None]] = {}
        self._groups_at: dict[str, int] = {}
        self._group_timers: Deadlines[Entry] = Deadlines()
        self._source_timers: Deadlines[tuple[Entry, Address]] = Deadlines()
        self._sources: dict[Entry, _Sources] = {}
        self._asked: set[Entry | tuple[Entry, Address]] = set()

    def __contains__(self, entry: Entry) -> bool:
        return entry in self._told

    @property
    def group_count(self) -> int:
        """How many groups have a member."""
        return len(self._ports)

    def group_count_at(self, port: str) -> int:
        """How many groups a port receives."""
        return self._groups_at.get(port, 0)

    def entries(self) -> tuple[Entry, ...]:
        """All entries, by group and then by port."""
        return tuple(sorted(self._told, key=lambda entry: (int(entry[0]), entry[1])))

    def filter_of(self, entry: Entry) -> SourceFilter | None:
        """Which sources the port receives; None for no member."""
        return self._told.get(entry)

    def ports_of(self, group: Address) -> tuple[str, ...]:
        """The ports that receive a group, in the order in which they joined."""
        return tuple(self._ports.get(group, ()))

    # --- what hosts say -----------------------------------------------------------------------------------

    def refresh(self, known: KnownEntry, until_s: float) -> bool:
        """An IS_EX record without sources for an entry that is like that already; False for any other entry.

        Nearly all that a switch hears is this.
        """
        timer = known.timer
        if timer is None or not timer.running:
            timer = known.timer = self._group_timers.timer(known.entry)
        if timer is None or (self._sources and known.entry in self._sources):
            return False
        timer.due = until_s
        if until_s < timer.queued:
            self._group_timers.sooner(timer)
        if self._asked:
            self._asked.discard(known.entry)
        return True

    def record(
        self, entry: Entry, kind: RecordType, sources: Iterable[Address], until_s: float, cause: str
    ) -> tuple[list[TableChange], Questions]:
        """A group record (RFC 9776 section 6.4); ``until_s`` is now and a membership interval (GMI)."""
        named = dict.fromkeys(sources)
        match kind:
            case RecordType.IS_IN | RecordType.ALLOW:
                self._want(entry, named, until_s)
                questions = NOTHING_TO_ASK
            case RecordType.TO_IN:
                questions = self._to_include(entry, named, until_s)
            case RecordType.IS_EX | RecordType.TO_EX:
                questions = self._exclude(entry, named, until_s, changed=kind is RecordType.TO_EX)
            case RecordType.BLOCK:
                questions = self._block(entry, named)
            case _:
                assert_never(kind)
        return self._settle(entry, cause), questions

    def _to_include(self, entry: Entry, named: dict[Address, None], until_s: float) -> Questions:
        """INCLUDE (A), TO_IN (B): A+B, ask A-B. EXCLUDE (X,Y), TO_IN (A): X+A, Y-A, ask X-A and the group."""
        before = tuple(self._sources[entry].wanted) if entry in self._sources else ()
        self._want(entry, named, until_s)
        asked = tuple(source for source in before if source not in named)
        return Questions(sources=asked, group=entry in self._group_timers)

    def _exclude(
        self, entry: Entry, named: dict[Address, None], until_s: float, *, changed: bool
    ) -> Questions:
        """INCLUDE (A), IS_EX (B): A*B and B-A refused, delete A-B. EXCLUDE (X,Y), IS_EX (A): A-Y and Y*A.

        A source that is new to an entry in EXCLUDE mode gets a timer: that of the membership interval for a
        current state, that of the group before this report for a change of mode, which also asks about the
        wanted sources that are left.
        """
        old = self._sources.get(entry) or _Sources()
        group_until_s = self._group_timers.at(entry)
        kept = _Sources(refused={source: None for source in named if source in old.refused})
        for source in named:
            if source in old.wanted:
                kept.wanted[source] = None
            elif group_until_s is None:
                kept.refused[source] = None
            elif source not in old.refused:
                kept.wanted[source] = None
                self._source_timers.set((entry, source), group_until_s if changed else until_s)
        for source in old.wanted:
            if source not in named:
                self._drop_timer(entry, source)
        self._keep(entry, kept)
        self._group_timers.set(entry, until_s)
        self._asked.discard(entry)
        return Questions(sources=tuple(kept.wanted)) if changed else NOTHING_TO_ASK

    def _block(self, entry: Entry, named: dict[Address, None]) -> Questions:
        """INCLUDE (A), BLOCK (B): ask A*B. EXCLUDE (X,Y), BLOCK (A): X+(A-Y), ask A-Y."""
        held = self._sources.get(entry) or _Sources()
        group_until_s = self._group_timers.at(entry)
        if group_until_s is None:
            return Questions(sources=tuple(source for source in named if source in held.wanted))
        asked = tuple(source for source in named if source not in held.refused)
        for source in asked:
            if source not in held.wanted:
                held.wanted[source] = None
                self._source_timers.set((entry, source), group_until_s)
        self._keep(entry, held)
        return Questions(sources=asked)

    def _want(self, entry: Entry, named: dict[Address, None], until_s: float) -> None:
        """(A)=GMI: these sources are wanted for a membership interval, and refused no longer."""
        if not named:
            return
        held = self._sources.setdefault(entry, _Sources())
        for source in named:
            held.refused.pop(source, None)
            held.wanted[source] = None
            self._source_timers.set((entry, source), until_s)
            self._asked.discard((entry, source))

    # --- what follows from questions ----------------------------------------------------------------------

    def shorten(self, entry: Entry, until_s: float) -> None:
        """The group was asked for: its timer runs no longer than this (RFC 9776 section 6.6.3.1)."""
        deadline_s = self._group_timers.at(entry)
        if deadline_s is not None and until_s < deadline_s:
            self._group_timers.set(entry, until_s)
            self._asked.add(entry)

    def shorten_sources(self, entry: Entry, sources: Iterable[Address], until_s: float) -> None:
        """Sources were asked for: their timers run no longer than this (RFC 9776 section 6.6.3.2)."""
        for source in sources:
            deadline_s = self._source_timers.at((entry, source))
            if deadline_s is not None and until_s < deadline_s:
                self._source_timers.set((entry, source), until_s)
                self._asked.add((entry, source))

    def end(self, entry: Entry, questions: Questions, cause: str) -> list[TableChange]:
        """Take the questions as answered by silence: what a fast leave does (RFC 4541 section 2.1.1)."""
        for source in questions.sources:
            self._source_over(entry, source)
        if questions.group:
            self._group_over(entry)
        return self._settle(entry, cause)

    # --- time and removal ---------------------------------------------------------------------------------

    def expire(self, now: float) -> list[TableChange]:
        """Follow the timers that have run out, in the order of their moments (RFC 9776 section 6.5)."""
        changes: list[TableChange] = []
        while (at_s := self.next_deadline()) is not None and at_s <= now:
            causes: dict[Entry, str] = {}
            for entry, source in self._source_timers.pop_due(at_s):
                asked = (entry, source) in self._asked
                causes[entry] = _LEFT_SOURCE if asked else _AGED_SOURCE
                self._source_over(entry, source)
            for entry in self._group_timers.pop_due(at_s):
                causes[entry] = _LEFT if entry in self._asked else _AGED
                self._group_over(entry)
            for entry, cause in causes.items():
                changes += self._settle(entry, cause)
        return changes

    def drop_port(self, port: str, cause: str) -> list[TableChange]:
        """Take out all entries of a port."""
        return self._remove([entry for entry in self.entries() if entry[1] == port], cause)

    def clear(self, cause: str) -> list[TableChange]:
        """Take out all entries."""
        return self._remove(self.entries(), cause)

    def forget_sources(self, cause: str) -> list[TableChange]:
        """Make every entry one of any source, as long as it would have lived: sources are kept no longer."""
        changes: list[TableChange] = []
        for entry in self.entries():
            held = self._sources.get(entry)
            if held is None:
                continue
            timers = [self._group_timers.at(entry)]
            timers += [self._source_timers.at((entry, source)) for source in held.wanted]
            until_s = max(at_s for at_s in timers if at_s is not None)
            changes += self.record(entry, RecordType.IS_EX, (), until_s, cause)[0]
        return changes

    def next_deadline(self) -> float | None:
        """When the next timer runs out."""
        group_s, source_s = self._group_timers.next(), self._source_timers.next()
        if source_s is None or (group_s is not None and group_s <= source_s):
            return group_s
        return source_s

    def _remove(self, entries: Iterable[Entry], cause: str) -> list[TableChange]:
        changes: list[TableChange] = []
        for entry in entries:
            for source in tuple(self._sources[entry].wanted) if entry in self._sources else ():
                self._drop_timer(entry, source)
            self._sources.pop(entry, None)
            self._group_over(entry)
            changes += self._settle(entry, cause)
        return changes

    def _source_over(self, entry: Entry, source: Address) -> None:
        """A source timer ran out: the source goes, or is refused where there is a group timer (6.3)."""
        self._drop_timer(entry, source)
        held = self._sources.get(entry)
        if held is None or source not in held.wanted:
            return
        del held.wanted[source]
        if entry in self._group_timers:
            held.refused[source] = None
        self._keep(entry, held)

    def _group_over(self, entry: Entry) -> None:
        """A group timer ran out: what is left is INCLUDE with the sources that are wanted (6.5)."""
        self._group_timers.discard(entry)
        self._asked.discard(entry)
        if (held := self._sources.get(entry)) is not None:
            self._keep(entry, _Sources(wanted=held.wanted))

    def _drop_timer(self, entry: Entry, source: Address) -> None:
        self._source_timers.discard((entry, source))
        self._asked.discard((entry, source))

    def _keep(self, entry: Entry, sources: _Sources) -> None:
        if sources.wanted or sources.refused:
            self._sources[entry] = sources
        else:
            self._sources.pop(entry, None)

    def _filter(self, entry: Entry) -> SourceFilter | None:
        """RFC 9776 section 6.3: what is forwarded in either mode."""
        held = self._sources.get(entry)
        if entry in self._group_timers:
            if held is None or not held.refused:
                return EVERY_SOURCE
            return SourceFilter(mode=FilterMode.EXCLUDE, sources=tuple(sorted(held.refused, key=int)))
        if held is None:
            return None
        return SourceFilter(mode=FilterMode.INCLUDE, sources=tuple(sorted(held.wanted, key=int)))

    def _settle(self, entry: Entry, cause: str) -> list[TableChange]:
        """Tell what became of the entry, if it is not what was last told."""
        before, after = self._told.get(entry), self._filter(entry)
        if before == after:
            return []
        group, port = entry
        if after is None:
            del self._told[entry]
            self._unlist(group, port)
            return [TableChange(table=Table.MEMBER, present=False, group=group, port=port, cause=cause)]
        if before is None:
            self._ports.setdefault(group, {})[port] = None
            self._groups_at[port] = self._groups_at.get(port, 0) + 1
        self._told[entry] = after
        return [
            TableChange(table=Table.MEMBER, present=True, group=group, port=port, filter=after, cause=cause)
        ]

    def _unlist(self, group: Address, port: str) -> None:
        del self._ports[group][port]
        if not self._ports[group]:
            del self._ports[group]
        self._groups_at[port] -= 1
        if not self._groups_at[port]:
            del self._groups_at[port]
