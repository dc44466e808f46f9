"""The member table against RFC 9776 section 6: its tables line by line, and a plain reading of its text."""

from __future__ import annotations

import math
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.protocols.effects import FilterMode, SourceFilter
from harness.protocols.membership import MembershipTable, Questions
from harness.wire.membership import RecordType

GROUP, PORT = IPv4Address("239.192.1.1"), "p1"
ENTRY = (GROUP, PORT)
GMI = 260.0
SOURCES = {name: IPv4Address(f"10.0.0.{number}") for number, name in enumerate("abcd", 1)}
NAMES = {address: name for name, address in SOURCES.items()}


def addresses(names: str) -> tuple[IPv4Address, ...]:
    return tuple(SOURCES[name] for name in names)


def names(found: tuple[IPv4Address, ...]) -> str:
    return "".join(sorted(NAMES[address] for address in found))


def table_in(state: str) -> MembershipTable:
    """A table in the state "include ab", or "exclude ab/c": a and b wanted, c refused."""
    table = MembershipTable()
    mode, _, sources = state.partition(" ")
    wanted, _, refused = sources.partition("/")
    if mode == "exclude":
        table.record(ENTRY, RecordType.IS_EX, addresses(refused), GMI, "test")
    if wanted:
        table.record(ENTRY, RecordType.ALLOW, addresses(wanted), GMI - 60, "test")
    assert state_of(table) == state
    return table


def state_of(table: MembershipTable) -> str:
    """The state told in the notation of ``table_in``, found out by letting the group's time run out."""
    found = table.filter_of(ENTRY)
    if found is None:
        return "include "
    if found.mode is FilterMode.INCLUDE:
        return f"include {names(found.sources)}"
    return f"exclude {wanted_in(table)}/{names(found.sources)}"


def wanted_in(table: MembershipTable) -> str:
    return "".join(
        name for name, address in SOURCES.items() if table._source_timers.at((ENTRY, address)) is not None
    )


def timer_of(table: MembershipTable, name: str) -> float | None:
    return table._source_timers.at((ENTRY, SOURCES[name]))


@pytest.mark.parametrize(
    ("state", "record", "after", "asked"),
    [
        # 6.4.1: current state
        ("include ab", "IS_IN bc", "include abc", ""),
        ("include ab", "IS_EX bc", "exclude b/c", ""),
        ("exclude ab/c", "IS_IN cd", "exclude abcd/", ""),
        ("exclude ab/c", "IS_EX bcd", "exclude bd/c", ""),
        # 6.4.2: changes of the filter mode and of the list of sources
        ("include ab", "ALLOW bc", "include abc", ""),
        ("include ab", "BLOCK bc", "include ab", "b"),
        ("include ab", "TO_EX bc", "exclude b/c", "b"),
        ("include ab", "TO_IN bc", "include abc", "a"),
        ("exclude ab/c", "ALLOW cd", "exclude abcd/", ""),
        ("exclude ab/c", "BLOCK bcd", "exclude abd/c", "bd"),
        ("exclude ab/c", "TO_EX bcd", "exclude bd/c", "bd"),
        ("exclude ab/c", "TO_IN bcd", "exclude abcd/", "a*"),
        # and with nothing in them
        ("include ", "IS_IN ", "include ", ""),
        ("include ", "TO_IN ", "include ", ""),
        ("include ", "BLOCK a", "include ", ""),
        ("include ", "IS_EX ", "exclude /", ""),
        ("exclude /", "TO_IN ", "exclude /", "*"),
        ("exclude ab/c", "IS_EX ", "exclude /", ""),
    ],
)
def test_the_tables_of_the_rfc(state, record, after, asked):
    """RFC 9776 sections 6.4.1 and 6.4.2; a question for the whole group is written *."""
    table = table_in(state)
    kind, _, sources = record.partition(" ")
    _, questions = table.record(ENTRY, RecordType[kind], addresses(sources), 50 + GMI, "test")
    assert state_of(table) == after
    assert names(questions.sources) + "*" * questions.group == asked


@pytest.mark.parametrize(
    ("state", "record", "timers"),
    [
        ("include ab", "IS_IN bc", {"a": GMI - 60, "b": 50 + GMI, "c": 50 + GMI}),
        ("include ab", "BLOCK b", {"a": GMI - 60, "b": GMI - 60}),
        ("include ab", "TO_EX bc", {"b": GMI - 60, "a": None, "c": None}),
        ("exclude ab/c", "IS_EX bd", {"b": GMI - 60, "d": 50 + GMI, "a": None}),
        ("exclude ab/c", "TO_EX bd", {"b": GMI - 60, "d": GMI}),
        ("exclude ab/c", "BLOCK bd", {"b": GMI - 60, "d": GMI}),
        ("exclude ab/c", "TO_IN bc", {"a": GMI - 60, "b": 50 + GMI, "c": 50 + GMI}),
    ],
)
def test_the_timers_of_the_sources(state, record, timers):
    """(A)=GMI, (A-X-Y)=GMI, (A-X-Y)=Group Timer, and those that a record leaves alone."""
    table = table_in(state)
    kind, _, sources = record.partition(" ")
    table.record(ENTRY, RecordType[kind], addresses(sources), 50 + GMI, "test")
    assert {name: timer_of(table, name) for name in timers} == timers


def test_a_source_timer_that_runs_out_refuses_the_source_while_the_group_timer_runs():
    """RFC 9776 section 6.3."""
    table = table_in("exclude ab/c")
    (change,) = table.expire(GMI - 60)
    assert change.present and change.filter == SourceFilter(sources=addresses("abc"))
    assert change.cause == "aged out: no report of a source for the membership interval"


def test_a_group_timer_that_runs_out_leaves_the_wanted_sources():
    """RFC 9776 section 6.5: back to INCLUDE."""
    table = table_in("exclude /c")
    table.record(ENTRY, RecordType.ALLOW, addresses("a"), GMI + 1, "test")
    (change,) = table.expire(GMI)
    assert change.present and change.filter == SourceFilter(mode=FilterMode.INCLUDE, sources=addresses("a"))
    (gone,) = table.expire(GMI + 1)
    assert not gone.present and ENTRY not in table


def test_everything_that_ends_in_one_moment_is_told_once():
    table = table_in("exclude /c")
    table.record(ENTRY, RecordType.ALLOW, addresses("ab"), GMI, "test")
    (gone,) = table.expire(GMI)
    assert not gone.present


def test_what_was_asked_for_has_left():
    table = table_in("include ab")
    table.shorten_sources(ENTRY, addresses("a"), 2.0)
    (change,) = table.expire(2.0)
    assert change.cause == "left: no member answered for a source"
    assert change.filter == SourceFilter(mode=FilterMode.INCLUDE, sources=addresses("b"))


def test_silence_can_be_taken_for_the_answer():
    """Fast leave: the questions of a record are answered at once."""
    table = table_in("exclude a/c")
    _, questions = table.record(ENTRY, RecordType.TO_IN, addresses("b"), GMI, "test")
    (change,) = table.end(ENTRY, questions, "fast")
    assert change.filter == SourceFilter(mode=FilterMode.INCLUDE, sources=addresses("b"))
    (gone,) = table.end(ENTRY, Questions(sources=addresses("b")), "fast")
    assert not gone.present and table.next_deadline() is None


def test_sources_can_be_forgotten():
    table = table_in("include ab")
    (change,) = table.forget_sources("configured")
    assert change.filter == SourceFilter()
    assert table.expire(GMI - 61) == [] and len(table.expire(GMI - 60)) == 1


def test_counts_follow_the_entries():
    table = table_in("include ab")
    table.record((GROUP, "p2"), RecordType.IS_EX, (), math.inf, "test")
    table.record((IPv4Address("239.192.1.2"), "p2"), RecordType.IS_EX, (), math.inf, "test")
    assert (table.group_count, table.group_count_at("p1"), table.group_count_at("p2")) == (2, 1, 2)
    table.drop_port("p2", "down")
    assert (table.group_count, table.group_count_at("p2")) == (1, 0)
    assert table.ports_of(GROUP) == ("p1",)


class Textbook:
    """RFC 9776 section 6 with sets and moments, for one entry: nothing is clever in here."""

    def __init__(self) -> None:
        self.group_timer: float | None = None
        self.timers: dict[str, float] = {}
        self.refused: set[str] = set()

    def expire(self, now: float) -> None:
        while True:
            due = sorted(at for at in self.timers.values() if at <= now)
            group_due = self.group_timer is not None and self.group_timer <= now
            if not due and not group_due:
                return
            at = min(due + ([self.group_timer] if group_due else []))
            over = {name for name, until in self.timers.items() if until <= at}
            self.timers = {name: until for name, until in self.timers.items() if name not in over}
            if self.group_timer is not None:
                self.refused |= over
                if self.group_timer <= at:
                    self.group_timer, self.refused = None, set()

    def hear(self, kind: RecordType, named: set[str], until: float) -> tuple[set[str], bool]:
        x, y = set(self.timers), self.refused
        old_group_timer = self.group_timer
        if kind in (RecordType.IS_IN, RecordType.ALLOW, RecordType.TO_IN):
            self.timers |= dict.fromkeys(named, until)
            self.refused = y - named
            asks = kind is RecordType.TO_IN
            return (x - named if asks else set()), asks and old_group_timer is not None
        if kind is RecordType.BLOCK:
            if old_group_timer is None:
                return x & named, False
            self.timers |= dict.fromkeys(named - x - y, old_group_timer)
            return named - y, False
        asks = kind is RecordType.TO_EX
        if old_group_timer is None:
            self.timers = {name: at for name, at in self.timers.items() if name in named}
            self.refused, asked = named - x, x & named
        else:
            self.timers |= dict.fromkeys(named - x - y, old_group_timer if asks else until)
            self.timers = {name: at for name, at in self.timers.items() if name in named - y}
            self.refused, asked = y & named, named - y
        self.group_timer = until
        return (asked if asks else set()), False

    def lower(self, named: set[str] | None, until: float) -> None:
        if named is None:
            self.group_timer = None if self.group_timer is None else min(self.group_timer, until)
        else:
            self.timers = {name: min(at, until) if name in named else at for name, at in self.timers.items()}

    def state(self) -> str:
        if self.group_timer is None:
            return f"include {''.join(sorted(self.timers))}"
        return f"exclude {''.join(sorted(self.timers))}/{''.join(sorted(self.refused))}"


some_sources = st.sets(st.sampled_from("abcd")).map(lambda found: "".join(sorted(found)))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("record"), st.sampled_from(RecordType), some_sources),
        st.tuples(st.just("wait"), st.integers(0, 200), st.just("")),
        st.tuples(st.just("ask"), st.booleans(), some_sources),
    ),
    max_size=30,
)


@settings(max_examples=500, deadline=None)
@given(steps)
def test_the_table_does_what_the_text_says(story):
    table, book = MembershipTable(), Textbook()
    now = 0.0
    told: SourceFilter | None = None
    for what, detail, sources in story:
        told_now = []
        if what == "record":
            asked, group = book.hear(detail, set(sources), now + GMI)
            told_now, questions = table.record(ENTRY, detail, addresses(sources), now + GMI, "test")
            assert (set(names(questions.sources)), questions.group) == (asked, group)
        elif what == "wait":
            now += detail
            book.expire(now)
            told_now = table.expire(now)
        elif detail:
            book.lower(None, now + 2)
            table.shorten(ENTRY, now + 2)
        else:
            book.lower(set(sources), now + 2)
            table.shorten_sources(ENTRY, addresses(sources), now + 2)
        assert state_of(table) == book.state()
        for change in told_now:
            assert change.present or told is not None
            assert not change.present or change.filter != told
            told = change.filter if change.present else None
        assert told == table.filter_of(ENTRY)
