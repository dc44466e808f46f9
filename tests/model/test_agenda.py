"""Virtual time: what was due first happens first, and equals keep their order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.backends.model.agenda import Agenda, Alarm


@given(st.lists(st.integers(0, 5), max_size=30))
def test_things_happen_in_the_order_of_their_moments_then_of_planning(moments):
    agenda, seen = Agenda(), []
    for number, at_s in enumerate(moments):
        agenda.at(at_s, lambda entry=(at_s, number): seen.append((agenda.now, entry)))
    agenda.run_until(10)
    assert [entry for _, entry in seen] == sorted((at_s, number) for number, at_s in enumerate(moments))
    assert all(now == at_s for now, (at_s, _) in seen)
    assert agenda.now == 10


def test_frames_arrive_before_the_next_moment_and_in_order():
    agenda, seen = Agenda(), []

    def receive(port, frame):
        seen.append((agenda.now, port, frame))
        if frame == b"first":
            agenda.arrive((receive, "p1", b"answer"))

    agenda.at(1.0, lambda: agenda.arrive((receive, "p1", b"first")))
    agenda.at(1.0, lambda: agenda.arrive((receive, "p2", b"second")))
    agenda.run_until(2.0)
    assert seen == [(1.0, "p1", b"first"), (1.0, "p1", b"answer"), (1.0, "p2", b"second")]


def test_what_is_due_later_waits():
    agenda, seen = Agenda(), []
    agenda.at(2.0, lambda: seen.append(agenda.now))
    agenda.run_until(1.999)
    assert seen == []
    assert agenda.next_s() == 2.0
    agenda.run_until(2.0)
    assert seen == [2.0]
    assert agenda.next_s() is None


def test_an_alarm_rings_at_the_earliest_deadline_and_at_those_that_were_planned_before():
    agenda, rung = Agenda(), []
    alarm = Alarm(agenda, lambda: rung.append(agenda.now))
    for at_s in (5.0, 3.0, 4.0, None):
        alarm.set(at_s)
    agenda.run_until(10.0)
    assert rung == [3.0, 5.0]
    alarm.set(12.0)
    agenda.run_until(20.0)
    assert rung == [3.0, 5.0, 12.0]
