"""ssmpingd as a machine: two answers to a request, and never more bytes than were asked for by somebody."""

from __future__ import annotations

import errno
import random
from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ssmping_bench import lines

from harness.protocols.probes.program import Ended, Endpoint, Incoming, Transmit
from harness.protocols.probes.ssmping import SsmpingServer, SsmpingServerConfig
from harness.wire import ssmping
from harness.wire.ssmping import Request

ASKER = ip_address("10.77.0.2")
OWN = ip_address("10.77.0.1")
GROUP = ip_address("224.0.2.234")


def request(**more):
    settings = {"pid": 7, "sequence": 1, "stamp_us": 0, "group": GROUP}
    return ssmping.encode(Request(**(settings | more)))


def incoming(payload, sender=ASKER, port=40000):
    return Incoming(
        payload=payload, sender=Endpoint(address=sender, port=port), by_group=False, hops=64, to=OWN
    )


def server(version=4, **more):
    program = SsmpingServer(SsmpingServerConfig(version=version, **more))
    assert list(program.start(0.0, 4321)) == []
    return program


def sent(effects):
    return [effect for effect in effects if isinstance(effect, Transmit)]


def test_a_request_is_answered_to_its_client_and_to_its_group():
    data = request()
    effects = server().receive(incoming(data), 0.0)
    answer = b"A" + data[1:]
    assert lines(effects) == ["received request from 10.77.0.2"]
    assert sent(effects) == [
        Transmit(payload=answer, to=Endpoint(address=ASKER, port=40000), source=OWN),
        Transmit(payload=answer, to=Endpoint(address=GROUP, port=40000), source=OWN),
    ]


def test_without_a_group_it_is_the_one_of_ssmping():
    effects = sent(server().receive(incoming(request()[:29]), 0.0))
    assert [effect.to.address for effect in effects] == [ASKER, ip_address("232.43.211.234")]
    asker = ip_address("fd00::2")
    effects = sent(server(version=6).receive(incoming(request()[:29], asker), 0.0))
    assert [effect.to.address for effect in effects] == [asker, ip_address("ff3e::4321:1234")]


@pytest.mark.parametrize("group", ["224.0.2.1", "10.0.0.234", "ff15::4321:1234"])
def test_another_group_gets_nothing(group):
    """The original takes 10.0.0.234 for a group: a request could have a third host hit."""
    effects = server().receive(incoming(request(group=ip_address(group))), 0.0)
    assert [effect.to.address for effect in sent(effects)] == [ASKER]
    assert lines(effects) == [
        "received request from 10.77.0.2",
        f"received request with invalid group address {group}",
    ]


@pytest.mark.parametrize(
    "data", [b"", b"A" + request()[1:], b"I" + bytes(40)], ids=["empty", "own", "omping"]
)
def test_what_is_no_request_is_passed_over(data):
    assert list(server().receive(incoming(data), 0.0)) == []


def test_a_refusal_is_told():
    assert lines(server().refused(errno.EMSGSIZE, 0.0)) == ["sendto: Message too long", "errno=90"]


def test_it_ends_when_it_is_interrupted():
    program = server()
    assert list(program.interrupt(1.0)) == [Ended(status=0)]
    assert list(program.receive(incoming(request()), 1.0)) == []
    assert list(program.interrupt(2.0)) == []
    assert program.next_deadline() is None


# --- no amplification -------------------------------------------------------------------------------------


def flood(program, requests):
    """Bytes in, and bytes out to each address; ``requests`` are payload, sender and moment."""
    out: dict[object, int] = {}
    into = 0
    for payload, sender, now in requests:
        into += len(payload)
        for effect in sent(program.receive(incoming(payload, sender), now)):
            out[effect.to.address] = out.get(effect.to.address, 0) + len(effect.payload)
    return into, out


def test_a_flood_of_plain_requests_comes_back_as_it_came():
    """No address gets more than was sent in its name; the group gets as much, once, whoever is in it."""
    into, out = flood(server(), ((request(), ASKER, step / 1000) for step in range(5000)))
    assert out == {ASKER: into, GROUP: into}


def test_any_bytes_come_back_at_most_as_they_came():
    chance = random.Random(1)
    program = server(longer_bytes_per_s=0.0)
    for size in (*range(1, 80), 1000, 65507):
        data = b"Q" + chance.randbytes(size - 1)
        for effect in sent(program.receive(incoming(data), 0.0)):
            assert len(effect.payload) == size


damaged = st.builds(
    lambda start, rest: start + rest,
    st.sampled_from([b"Q", request(), request(size=65535, wants_version=True), request()[:20]]),
    st.binary(max_size=60),
)


@given(st.lists(st.tuples(damaged, st.ip_addresses(v=4), st.floats(0.0, 0.5)), max_size=30))
def test_no_story_of_damaged_requests_gets_more_than_the_ration(story):
    program = server(longer_bytes_per_s=100_000.0)
    now, into, out = 0.0, 0, 0
    for payload, sender, passed_s in story:
        now += passed_s
        into += len(payload)
        out += sum(len(effect.payload) for effect in sent(program.receive(incoming(payload, sender), now)))
    assert out <= 2 * into + 100_000.0 * (1 + now)


def test_a_client_gets_the_longer_answers_that_it_asks_for_once_a_second():
    program = server()
    data = request(wants_version=True, size=1400)
    for second in range(20):
        late_s = 0.3 * (second % 2)  # as a real client's are now and then
        answers = sent(program.receive(incoming(data), second + late_s))
        assert [len(answer.payload) for answer in answers] == [1400, 1400]
    assert (program.served.longer, program.served.withheld) == (20, 0)


def test_who_asks_for_64_kib_a_thousand_times_a_second_gets_them_once_a_second():
    program = server()
    data = request(size=65535)
    into, out = flood(program, ((data, ASKER, step / 1000) for step in range(10_000)))
    assert program.served.longer <= 10 + 2
    assert program.served.withheld == 10_000 - program.served.longer
    assert out[ASKER] <= into + 12 * 65535
    assert out[ASKER] == out[GROUP]


def test_forged_clients_get_what_is_left_for_all_of_them():
    """Each is new, so each could have its first longer answer: all together have a megabyte a second."""
    program = server()
    seconds = 5
    requests = (
        (request(size=65535, wants_version=True), IPv4Address(0x0A000000 + step), step * seconds / 20_000)
        for step in range(20_000)
    )
    into, out = flood(program, requests)
    assert sum(out.values()) <= 2 * into + (seconds + 1) * 1_000_000
    assert max(out[address] for address in out if address != GROUP) == 65535
    assert program.served.sent_bytes == sum(out.values())
    assert program.served.received_bytes == into


def test_a_size_at_its_least_is_rationed_too():
    program = server()
    into, out = flood(program, ((request(size=48), ASKER, 0.0) for _ in range(1000)))
    assert out[ASKER] - into == program.served.longer * 4
    assert program.served.longer == 3


def test_a_lab_s_server_pads_whatever_is_asked_as_the_original_does():
    program = server(rationed=False)
    _, out = flood(program, ((request(size=65535), ASKER, 0.0) for _ in range(100)))
    assert out[ASKER] == 100 * 65535
    assert (program.served.longer, program.served.withheld) == (100, 0)


def test_who_was_answered_long_ago_is_forgotten():
    program = server()
    for step in range(3000):
        program.receive(incoming(request(wants_version=True), IPv4Address(0x0A000000 + step)), step * 1.0)
    assert program.served.withheld == 0
    assert len(program._ration._shares) <= 4
