"""The lab's loop: order of timers, limits of waits, what is told of lateness."""

import os
import time

import pytest

from harness.errors import LabError
from harness.sockets.loop import Loop


@pytest.fixture
def loop():
    loop = Loop()
    yield loop
    loop.close()


def test_timers_fire_in_the_order_of_their_moments_after_a_stall(loop):
    fired: list[str] = []
    start = loop.now()
    loop.call_at(start + 0.003, lambda: fired.append("second"))
    loop.call_at(start + 0.001, lambda: fired.append("first"))
    loop.call_at(start + 0.003, lambda: fired.append("third, as it was set later"))
    while loop.now() < start + 0.01:
        pass  # the machine stalls
    loop.run_until(loop.now() + 0.001)
    assert fired == ["first", "second", "third, as it was set later"]


def test_a_timer_set_by_a_timer_is_served_in_its_turn(loop):
    fired: list[str] = []
    start = loop.now()

    def first() -> None:
        fired.append("first")
        loop.call_at(start + 0.002, lambda: fired.append("between"))

    loop.call_at(start + 0.001, first)
    loop.call_at(start + 0.003, lambda: fired.append("last"))
    while loop.now() < start + 0.005:
        pass
    loop.run_until(loop.now() + 0.001)
    assert fired == ["first", "between", "last"]


def test_lateness_is_kept(loop):
    start = loop.now()
    loop.call_at(start, lambda: None)
    while loop.now() < start + 0.02:
        pass
    loop.run_until(loop.now() + 0.001)
    assert loop.worst_late_s >= 0.02


def test_a_readable_descriptor_is_served_while_waiting(loop):
    reader, writer = os.pipe()
    seen: list[bytes] = []
    loop.watch(reader, lambda: seen.append(os.read(reader, 10)))
    loop.call_at(loop.now() + 0.001, lambda: os.write(writer, b"x"))
    loop.wait_for(lambda: bool(seen), 1.0, lambda: "a byte")
    assert seen == [b"x"]
    loop.unwatch(reader)
    loop.unwatch(reader)
    os.close(reader)
    os.close(writer)


def test_a_wait_ends_at_its_limit_and_says_what_it_waited_for(loop):
    began = time.monotonic()
    with pytest.raises(LabError, match=r"waited 0\.02 s for sw1 to learn n1"):
        loop.wait_for(lambda: False, 0.02, lambda: "sw1 to learn n1")
    assert time.monotonic() - began < 1


def test_a_turn_that_takes_longer_than_it_should_is_late_too(loop):
    """Also without a timer that is due: joins made before a stall are older than the scenario's zero says."""
    reader, writer = os.pipe()

    def stall() -> None:
        os.read(reader, 10)
        end_s = loop.now() + 0.1
        while loop.now() < end_s:
            pass

    loop.watch(reader, stall)
    os.write(writer, b"x")
    loop.wait_for(lambda: loop.worst_late_s > 0, 1.0, lambda: "the stall to be told")
    assert 0.04 <= loop.worst_late_s < 1
    loop.unwatch(reader)
    os.close(reader)
    os.close(writer)
