"""mcfirst as a machine: its words, what ends it, and the rates of what it hears."""

from __future__ import annotations

import errno
from ipaddress import ip_address

import pytest
from ssmping_bench import lines

from harness.protocols.probes.mcfirst import McFirst, McFirstConfig
from harness.protocols.probes.program import (
    Answered,
    Cast,
    Ended,
    Endpoint,
    Figures,
    Incoming,
    Join,
    Say,
)

GROUP = ip_address("239.192.1.1")
SOURCE = ip_address("10.77.0.1")


def mcfirst(**more):
    return McFirst(McFirstConfig(**({"group": GROUP, "port": 5405} | more)))


def heard(size=100, by_group=True, hops=1):
    return Incoming(
        payload=bytes(size), sender=Endpoint(address=SOURCE, port=5404), by_group=by_group, hops=hops
    )


def test_the_first_datagram_ends_it():
    program = mcfirst()
    assert list(program.start(5.0, 1)) == [
        Join(group=GROUP),
        Say(text="mcfirst joined (*,G) = (*,239.192.1.1)"),
    ]
    assert program.next_deadline() is None
    effects = list(program.receive(heard(), 5.792753))
    assert lines(effects) == [
        "Received 100 bytes from 10.77.0.1 after 792.753 ms (ttl/hops 1)",
        "100 bytes (payload) and 1 packets received in 0.793 seconds",
    ]
    assert effects[-2:] == [
        Figures(peer=GROUP, cast=Cast.MULTICAST, sent=0, received=1, first=1),
        Ended(status=0),
    ]
    assert list(program.receive(heard(), 6.0)) == []


def test_a_source_is_joined():
    effects = list(mcfirst(source=SOURCE).start(0.0, 1))
    assert effects[0] == Join(group=GROUP, source=SOURCE)
    assert lines(effects) == ["mcfirst joined (S,G) = (10.77.0.1,239.192.1.1)"]


def test_nothing_came():
    program = mcfirst(time_s=3.0)
    program.start(1.0, 1)
    assert program.next_deadline() == 4.0
    assert list(program.tick(3.999)) == []
    effects = list(program.tick(4.0))
    assert lines(effects) == ["0 bytes (payload) and 0 packets received in 0.000 seconds"]
    assert effects[-1] == Ended(status=1)
    assert program.next_deadline() is None


def test_rates_are_of_what_came_after_the_first():
    program = mcfirst(count=3)
    program.start(0.0, 1)
    for at_s in (0.1, 0.2):
        assert len(lines(program.receive(heard(), at_s))) == 1
    assert lines(program.receive(heard(), 0.3006)) == [
        "Received 100 bytes from 10.77.0.1 after 300.600 ms (ttl/hops 1)",
        "300 bytes (payload) and 3 packets received in 0.301 seconds",
        "Average rate: 7.976 kbits of payload per second",
        "Estimated average rate including all headers: 10.209 kbits per second",
    ]


def test_headers_of_ipv6_are_longer():
    program = mcfirst(group=ip_address("ff15::1"), count=2, rates_only=True)
    program.start(0.0, 1)
    program.receive(heard(size=52), 0.0)
    assert lines(program.receive(heard(size=52), 1.0))[-1].endswith("headers: 0.800 kbits per second")


def test_rates_only_says_nothing_of_each():
    program = mcfirst(count=2, rates_only=True)
    program.start(0.0, 1)
    effects = list(program.receive(heard(), 0.5))
    assert effects == [Answered(peer=SOURCE, cast=Cast.MULTICAST, sequence=1, size=100)]


def test_two_at_the_same_moment_have_no_rate():
    program = mcfirst(count=2, rates_only=True)
    program.start(0.0, 1)
    program.receive(heard(), 0.5)
    assert len(lines(program.receive(heard(), 0.5))) == 1


def test_seconds_are_rounded():
    program = mcfirst()
    program.start(0.0, 1)
    assert lines(program.receive(heard(), 0.9996))[-1].endswith("received in 1.000 seconds")


def test_with_a_time_it_hears_until_then():
    program = mcfirst(time_s=1.0)
    program.start(0.0, 1)
    for number in range(5):
        program.receive(heard(), number * 0.25)
    assert lines(program.tick(1.0))[0] == "400 bytes (payload) and 4 packets received in 0.750 seconds"


def test_only_the_group_counts():
    program = mcfirst()
    program.start(0.0, 1)
    assert list(program.receive(heard(by_group=False), 0.1)) == []


def test_an_interrupt_says_what_came():
    program = mcfirst(count=10)
    program.start(0.0, 1)
    program.receive(heard(hops=None), 0.25)
    assert lines(program.report(0.3)) == ["100 bytes (payload) and 1 packets received in 0.250 seconds"]
    assert list(program.interrupt(0.5))[-1] == Ended(status=0)
    assert list(program.interrupt(0.6)) == []


def test_a_refusal_is_told():
    assert lines(mcfirst().refused(errno.ENETDOWN, 0.0)) == ["recv failed: Network is down", "errno=100"]


@pytest.mark.parametrize(
    ("count", "time_s", "limit"), [(None, None, 1), (3, None, 3), (None, 2.0, None), (3, 2.0, 3)]
)
def test_what_ends_it(count, time_s, limit):
    assert McFirstConfig(group=GROUP, port=1, count=count, time_s=time_s).limit == limit
