"""The timer table."""

import math

from hypothesis import given
from hypothesis import strategies as st

from harness.protocols.deadlines import Deadlines, FewDeadlines

keys = st.sampled_from("abcd")
times = st.integers(0, 20).map(float) | st.just(math.inf)
steps = st.one_of(
    st.tuples(st.just("set"), keys, times),
    st.tuples(st.just("discard"), keys, st.just(0.0)),
    st.tuples(st.just("pop"), st.just("a"), st.integers(0, 20).map(float)),
    st.tuples(st.just("clear"), st.just("a"), st.just(0.0)),
)


@given(st.lists(steps, max_size=60))
def test_it_behaves_as_a_plain_dictionary_that_is_scanned(done):
    timers: Deadlines[str] = Deadlines()
    plain: dict[str, float] = {}
    for what, key, at in done:
        if what == "set":
            timers.set(key, at)
            plain[key] = at
        elif what == "discard":
            timers.discard(key)
            plain.pop(key, None)
        elif what == "clear":
            timers.clear()
            plain.clear()
        else:
            due = timers.pop_due(at)
            assert sorted(due) == sorted(name for name, moment in plain.items() if moment <= at)
            assert [plain[name] for name in due] == sorted(plain[name] for name in due)
            for name in due:
                del plain[name]
        finite = [moment for moment in plain.values() if moment < math.inf]
        assert timers.next() == min(finite, default=None)
        assert timers.pending() == tuple(plain)
        assert len(timers) == len(plain)
        assert {name: timers.at(name) for name in plain} == plain


def test_keys_due_together_come_in_the_order_in_which_they_were_set():
    timers: Deadlines[str] = Deadlines()
    for key in "dbca":
        timers.set(key, 5.0)
    assert timers.pop_due(5.0) == ("d", "b", "c", "a")


def test_keys_that_come_and_go_are_forgotten_by_the_heap_too():
    timers: Deadlines[int] = Deadlines()
    for number in range(10_000):
        timers.set(number, 3000.0 - number)
        if number % 100:
            timers.discard(number)
    assert len(timers._heap) < 2000
    assert timers.pop_due(math.inf) == tuple(range(9900, -1, -100))


def test_a_refresh_does_not_grow_the_heap():
    timers: Deadlines[str] = Deadlines()
    for moment in range(1000):
        timers.set("a", 260.0 + moment)
    assert len(timers._heap) == 1
    assert timers.next() == 1259.0


@given(st.lists(steps, max_size=60))
def test_few_deadlines_are_the_same(done):
    many: Deadlines[str] = Deadlines()
    few: FewDeadlines[str] = FewDeadlines()
    for what, key, at in done:
        if what == "set":
            many.set(key, at)
            few.set(key, at)
        elif what == "discard":
            many.discard(key)
            few.discard(key)
        elif what == "clear":
            many.clear()
            few.clear()
        else:
            due, in_order = few.pop_due(at), many.pop_due(at)
            assert sorted(due) == sorted(in_order)
        assert few.next_s == (math.inf if (next_s := many.next()) is None else next_s)
        assert few.pending() == many.pending()
        assert [few.at(name) for name in "abcd"] == [many.at(name) for name in "abcd"]


def test_a_timer_that_was_found_is_moved_until_it_is_taken_out():
    timers: Deadlines[str] = Deadlines()
    timers.set("a", 10.0)
    timer = timers.timer("a")
    assert timer is not None and timers.timer("b") is None
    timer.due = 20.0
    assert timers.pop_due(15.0) == () and timers.next() == 20.0
    timer.due = 5.0
    timers.sooner(timer)
    assert timers.pop_due(5.0) == ("a",) and not timer.running
    timers.set("a", 30.0)
    timers.clear()
    assert timers.timer("a") is None and timers.next() is None
