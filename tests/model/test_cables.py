"""Cables of the model: what passes an end, what is lost, and when it arrives."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from harness.backends.model.agenda import Agenda
from harness.backends.model.cables import CableEnd, Kind, StreamDatagram
from harness.plan.impairment import FrameKind, Impairment
from harness.protocols.dialect import Dialect
from harness.wire.membership import Query

KIND = Kind(
    group=IPv4Address("239.192.0.1"),
    source=IPv4Address("10.77.0.1"),
    port=5405,
    hops=1,
    kinds=frozenset({FrameKind.ALL, FrameKind.MULTICAST}),
    sizes=(100,),
)
QUERY = Dialect.IGMP.frame(
    Query(version=2, max_response_s=10.0), source_mac=bytes(6), source=IPv4Address("10.77.0.9")
)


class Ear:
    """Something at the other end, which notes what arrives and when."""

    def __init__(self, agenda):
        self.agenda = agenda
        self.frames = []
        self.datagrams = []

    def receive(self, port, frame):
        self.frames.append((self.agenda.now, port, frame))

    def receive_data(self, port, datagram):
        self.datagrams.append((self.agenda.now, port, datagram.sequence))


@pytest.fixture
def cable():
    agenda = Agenda()
    ear = Ear(agenda)
    near = CableEnd(agenda, 1, device="sw1", port="p1", mtu=1500, up=True)
    far = CableEnd(agenda, 1, device="sw2", port="p7", mtu=1500, up=True)
    near.connect(ear, far)
    return agenda, near, ear


def datagrams(count, **changes):
    kind = replace(KIND, **changes)
    return [StreamDatagram(stream=1, sender="n1", sequence=number, kind=kind) for number in range(count)]


def test_frames_and_datagrams_arrive_at_once_at_the_other_port(cable):
    agenda, near, ear = cable
    near.carry(QUERY)
    near.carry_data(datagrams(1)[0])
    agenda.run_until(0.0)
    assert ear.frames == [(0.0, "p7", QUERY)]
    assert ear.datagrams == [(0.0, "p7", 0)]


def test_nothing_passes_an_end_that_is_down(cable):
    agenda, near, ear = cable
    near.up = False
    near.carry(QUERY)
    near.carry_data(datagrams(1)[0])
    agenda.run_until(1.0)
    assert (ear.frames, ear.datagrams, near.passes(KIND)) == ([], [], False)


@pytest.mark.parametrize(("sizes", "passes"), [((1504,), True), ((1505,), False), ((1500, 1505), False)])
def test_the_smaller_mtu_of_both_sides_and_a_tag_limit_packets(cable, sizes, passes):
    agenda, near, ear = cable
    near.mtu = 9000
    assert near.passes(replace(KIND, sizes=sizes)) is passes
    near.carry_data(datagrams(1, sizes=sizes)[0])
    agenda.run_until(1.0)
    assert bool(ear.datagrams) is passes


def test_a_silence_of_igmp_keeps_queries_and_lets_data_pass(cable):
    agenda, near, ear = cable
    near.impair((Impairment(kind=FrameKind.IGMP, loss=1.0),))
    near.carry(QUERY)
    near.carry_data(datagrams(1)[0])
    agenda.run_until(1.0)
    assert (len(ear.frames), len(ear.datagrams)) == (0, 1)
    assert near.passes(KIND)
    assert not near.chancy(KIND)


def test_a_silence_of_large_packets_is_asked_of_each_fragment(cable):
    _, near, _ = cable
    near.impair((Impairment(larger_than=1000, loss=1.0),))
    assert near.passes(KIND)
    assert not near.passes(replace(KIND, sizes=(1500, 200)))


def test_losses_come_to_their_share_and_are_the_same_in_every_run(cable):
    agenda, near, ear = cable
    near.impair((Impairment(loss=0.25),))
    assert near.chancy(KIND)
    for datagram in datagrams(2000):
        near.carry_data(datagram)
    agenda.run_until(1.0)
    assert 0.70 < len(ear.datagrams) / 2000 < 0.80
    again = CableEnd(agenda, 1, device="sw1", port="p1", mtu=1500, up=True)
    other = Ear(agenda)
    again.connect(other, CableEnd(agenda, 1, device="sw2", port="p7", mtu=1500, up=True))
    again.impair((Impairment(loss=0.25),))
    for datagram in datagrams(2000):
        again.carry_data(datagram)
    agenda.run_until(2.0)
    assert [entry[2] for entry in other.datagrams] == [entry[2] for entry in ear.datagrams]


def test_a_delay_holds_frames_and_datagrams_and_says_until_when(cable):
    agenda, near, ear = cable
    near.impair((Impairment(delay_s=0.5),))
    near.carry(QUERY)
    near.carry_data(datagrams(1)[0])
    agenda.run_until(0.4)
    assert (ear.frames, ear.datagrams) == ([], [])
    assert near.last_out_s == 0.5
    agenda.run_until(0.5)
    assert (len(ear.frames), len(ear.datagrams)) == (1, 1)


def test_a_rate_lets_so_many_bits_pass_and_its_queue_overflows(cable):
    agenda, near, ear = cable
    near.impair((Impairment(rate_bit_s=8 * 114 * 10, queue_bytes=114 * 20 + 1),))
    for datagram in datagrams(50):
        near.carry_data(datagram)
    agenda.run_until(100.0)
    assert [number for _, _, number in ear.datagrams] == list(range(20))
    assert ear.datagrams[9][0] == pytest.approx(1.0)


def test_a_doubled_datagram_arrives_twice(cable):
    agenda, near, ear = cable
    near.impair((Impairment(duplicate=1.0),))
    near.carry_data(datagrams(1)[0])
    agenda.run_until(1.0)
    assert [number for _, _, number in ear.datagrams] == [0, 0]
