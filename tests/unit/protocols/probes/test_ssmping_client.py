"""ssmping and asmping as machines: their words, what they count, and what strangers can do to them."""

from __future__ import annotations

import errno
import random
import re
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ssmping_bench import ASKER, SERVER, Bench, Loss, answer_lines, lines, statistics

from harness.protocols.probes.program import Answered, Cast, Ended, Endpoint, Figures, Incoming, Join
from harness.protocols.probes.ssmping import SsmpingClient, SsmpingConfig
from harness.protocols.probes.ssmping_account import Account, square_root
from harness.wire import ssmping

GROUP = ip_address("224.0.2.1")


def client(**more):
    settings = {"server": SERVER, "local": ASKER, "pid": 0x4044, "group": GROUP, "count": 3}
    return SsmpingClient(SsmpingConfig(**(settings | more)))


# --- the words --------------------------------------------------------------------------------------------


def test_asmping_says_what_asmping_says():
    bench = Bench(client(), unicast_s=0.000248, multicast_s=0.000336)
    assert lines(bench.run()) == [
        "asmping joined (S,G) = (*,224.0.2.234)",
        "pinging 10.77.0.1 from 10.77.0.2",
        "  unicast from 10.77.0.1, seq=1 dist=0 time=0.248 ms",
        "multicast from 10.77.0.1, seq=1 dist=0 time=0.336 ms",
        "  unicast from 10.77.0.1, seq=2 dist=0 time=0.248 ms",
        "multicast from 10.77.0.1, seq=2 dist=0 time=0.336 ms",
        "  unicast from 10.77.0.1, seq=3 dist=0 time=0.248 ms",
        "multicast from 10.77.0.1, seq=3 dist=0 time=0.336 ms",
        "",
        "--- 10.77.0.1 statistics ---",
        "3 packets transmitted, time 3000 ms",
        "unicast:",
        "   3 packets received, 0% packet loss",
        "   rtt min/avg/max/std-dev = 0.248/0.248/0.248/0.000 ms",
        "multicast:",
        "   3 packets received, 0% packet loss since first mc packet (seq 1) recvd",
        "   rtt min/avg/max/std-dev = 0.336/0.336/0.336/0.000 ms",
    ]
    assert bench.status == 0


def test_ssmping_joins_the_server_alone():
    program = client(group=None)
    effects = list(program.start(0.0, 40000))
    assert effects[0] == Join(group=ip_address("232.43.211.234"), source=SERVER)
    assert lines(effects) == [
        "ssmping joined (S,G) = (10.77.0.1,232.43.211.234)",
        "pinging S from 10.77.0.2",
    ]


def test_ipv6_has_its_own_groups():
    server, local = ip_address("fd00::1"), ip_address("fd00::2")
    single = client(server=server, local=local, group=None)
    assert single.sockets.group == ip_address("ff3e::4321:1234")
    asked = client(server=server, local=local, group=ip_address("ff15::1"))
    assert lines(asked.start(0.0, 1)) == [
        "asmping joined (S,G) = (*,ff15::4321:1234)",
        "pinging fd00::1 from fd00::2",
    ]


def test_sockets_are_those_of_the_original():
    wanted = client().sockets
    assert (wanted.local, wanted.port, wanted.peer) == (ASKER, 0, Endpoint(address=SERVER, port=4321))
    assert (wanted.group, wanted.group_port, wanted.shared) == (ip_address("224.0.2.234"), None, True)


def test_blocked_multicast():
    bench = Bench(client(), multicast=Loss(lambda number: True))
    assert statistics(bench.run()) == [
        "3 packets transmitted, time 3000 ms",
        "unicast:",
        "   3 packets received, 0% packet loss",
        "   rtt min/avg/max/std-dev = 0.100/0.100/0.100/0.000 ms",
        "multicast:",
        "   0 packets received, 100% packet loss",
    ]
    assert bench.status == 1


def test_opened_after_three_and_a_half_seconds():
    """Half of the answers are missing, and the tool says 0 %: it counts from the first that came."""
    bench = Bench(client(count=7), multicast=Loss(lambda number: number < 5))
    said = bench.run()
    assert "   3 packets received, 0% packet loss since first mc packet (seq 5) recvd" in lines(said)
    assert bench.status == 0
    figures = {item.cast: item for item in said if isinstance(item, Figures)}
    assert (figures[Cast.MULTICAST].received, figures[Cast.MULTICAST].first) == (3, 5)
    assert figures[Cast.MULTICAST].loss == pytest.approx(4 / 7)
    assert figures[Cast.UNICAST].loss == 0


def test_dying_in_the_middle():
    bench = Bench(client(count=15), multicast=Loss(lambda number: number > 9))
    assert "   9 packets received, 40% packet loss since first mc packet (seq 1) recvd" in lines(bench.run())
    assert bench.status == 0


def test_nobody_answers():
    bench = Bench(client(), unicast=Loss(lambda number: True), multicast=Loss(lambda number: True))
    assert statistics(bench.run()) == [
        "3 packets transmitted, time 3000 ms",
        "unicast:",
        "   0 packets received, 100% packet loss",
        "multicast:",
        "   0 packets received, 100% packet loss",
    ]
    assert bench.status == 1


def test_no_server_is_told_for_every_request():
    program = client(count=2)
    program.start(0.0, 1)
    said = lines(program.refused(errno.ECONNREFUSED, 0.001))
    assert said == ["recv failed: Connection refused", "errno=111"]
    assert all(effect.error for effect in program.refused(errno.ECONNREFUSED, 0.001))
    assert lines(program.refused(errno.ENETUNREACH, 1.0)) == ["send: Network is unreachable", "errno=101"]


def test_the_version_is_said_once_before_the_first_answer():
    bench = Bench(client(wants_version=True))
    said = lines(bench.run())
    assert said.count("Server version: 0.9.1 (20080418) [asm][size]") == 1
    assert said[2] == "Server version: 0.9.1 (20080418) [asm][size]"
    assert said[3].startswith("  unicast from 10.77.0.1, seq=1 ")


@pytest.mark.parametrize(
    ("size", "got"), [(500, None), (1024, None), (1400, 1024), (40, 44)], ids=["fits", "just", "cut", "small"]
)
def test_a_size_that_does_not_come_is_warned_of(size, got):
    said = lines(Bench(client(size=size, count=1)).run())
    warning = [] if got is None else [f"Warning, requested packet size {size}, got {got}"]
    assert said[2:-9] == [*warning, said[2 + len(warning)], *warning, said[3 + 2 * len(warning)]]
    assert len(answer_lines(said)) == 2


def test_a_duplicate_is_told_and_not_counted():
    bench = Bench(client(count=2), copies=2)
    said = bench.run()
    assert "  unicast from 10.77.0.1, seq=1 dist=0 time=0.100 ms (DUP!)" in lines(said)
    assert "multicast from 10.77.0.1, seq=2 dist=0 time=0.100 ms (DUP!)" in lines(said)
    assert "   2 packets received, 0% packet loss" in lines(said)
    figures = [item for item in said if isinstance(item, Figures)]
    assert [(item.received, item.duplicates) for item in figures] == [(2, 2), (2, 2)]
    assert sum(item.duplicate for item in said if isinstance(item, Answered)) == 4


@pytest.mark.parametrize(
    ("hops", "distance"), [(64, 0), (61, 3), (128, 0), (120, 8), (65, 63), (1, 63), (None, -1)]
)
def test_distance(hops, distance):
    bench = Bench(client(count=1), hops=hops)
    assert f"seq=1 dist={distance} " in answer_lines(lines(bench.run()))[0]


def test_an_interrupt_says_the_statistics():
    program = client(count=None)
    program.start(0.0, 1)
    program.tick(1.0)
    ended = list(program.interrupt(1.5))
    assert statistics(ended)[0] == "2 packets transmitted, time 1500 ms"
    assert ended[-1] == Ended(status=1)
    assert program.next_deadline() is None
    assert not list(program.interrupt(1.6))
    assert not list(program.tick(2.0))


def test_a_report_goes_on():
    program = client()
    program.start(0.0, 1)
    assert statistics(program.report(0.5))[0] == "1 packets transmitted, time 500 ms"
    assert program.next_deadline() == 1.0


def test_the_period_is_the_configuration_s():
    bench = Bench(client(count=4, period_s=0.25))
    assert statistics(bench.run())[0] == "4 packets transmitted, time 1000 ms"


def test_a_late_driver_makes_up_for_what_was_due():
    program = client(count=None)
    program.start(0.0, 1)
    sent = 1
    while (due := program.next_deadline()) is not None and due <= 3.2:
        program.tick(3.2)
        sent += 1
    assert sent == 4


# --- reordering -------------------------------------------------------------------------------------------


def answer(number, *, pid=0x4044, sent_s=None):
    request = ssmping.Request(
        pid=pid,
        sequence=number,
        stamp_us=round((number - 1 if sent_s is None else sent_s) * 1e6),
        group=ip_address("224.0.2.234"),
    )
    return b"A" + ssmping.encode(request)[1:]


def from_group(payload, sender=SERVER):
    return Incoming(payload=payload, sender=Endpoint(address=sender, port=4321), by_group=True, hops=64)


def asked(times, **more):
    program = client(count=None, **more)
    program.start(0.0, 1)
    for number in range(1, times):
        program.tick(float(number))
    return program


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_answers_does_not_change_what_is_counted(seed):
    order = list(range(1, 60))
    random.Random(seed).shuffle(order)
    program = asked(60)
    for number in order:
        program.receive(from_group(answer(number, sent_s=60.0)), 60.001)
    multicast = statistics(program.interrupt(61.0))[-2:]
    assert multicast == [
        "   59 packets received, 1% packet loss since first mc packet (seq 1) recvd",
        "   rtt min/avg/max/std-dev = 1.000/1.000/1.000/0.000 ms",
    ]


def test_the_first_packet_is_the_one_with_the_least_number():
    program = asked(6)
    for number in (4, 3, 5):
        program.receive(from_group(answer(number)), 6.0)
    assert "(seq 3) recvd" in statistics(program.interrupt(6.0))[-2]
    assert "3 packets received, 25% packet loss" in statistics(asked_and_heard(6, (4, 3, 5)))[-2]


def asked_and_heard(times, numbers):
    program = asked(times)
    for number in numbers:
        program.receive(from_group(answer(number)), float(times))
    return program.interrupt(float(times))


def test_a_duplicate_is_forgotten_when_its_place_is_taken():
    """The original has a table of a hundred numbers: after 101 a second 1 is new to it."""
    account = Account()
    assert account.is_new(1)
    assert not account.is_new(1)
    assert account.is_new(101)
    assert account.is_new(1)
    assert account.duplicates == 1


# --- figures ----------------------------------------------------------------------------------------------


SAMPLES = Path(__file__).parents[2] / "readings" / "samples"
ANSWER = re.compile(r" *(unicast|multicast) from \S+ seq=(\d+) dist=\d+ time=(\d+)\.(\d{3}) ms( \(DUP!\))?$")


@pytest.mark.parametrize("sample", ["asmping-good", "asmping-blocked", "asmping-dies", "ssmping-good"])
def test_the_figures_of_real_runs_come_out_again(sample):
    """From the lines of each answer that Debian's programs printed, their statistics to the last digit."""
    said = (SAMPLES / f"{sample}.txt").read_text(encoding="utf-8").splitlines()
    accounts = {cast: Account() for cast in Cast}
    for line in said:
        if (match := ANSWER.match(line)) and accounts[Cast(match[1])].is_new(int(match[2])):
            accounts[Cast(match[1])].add(int(match[2]), int(match[3] + match[4]))
    sent = next(int(line.split()[0]) for line in said if "packets transmitted" in line)
    unicast, multicast = accounts[Cast.UNICAST], accounts[Cast.MULTICAST]
    at = said.index("unicast:")
    assert said[at + 1] == f"   {unicast.received} packets received, {unicast.loss(sent)}% packet loss"
    assert said[at + 2] == unicast.trips()
    if multicast.received:
        loss = multicast.loss_since_first(sent)
        assert said[at + 4].startswith(f"   {multicast.received} packets received, {loss}% packet loss since")
        assert f"(seq {multicast.first})" in said[at + 4]
        assert said[at + 5] == multicast.trips()
    else:
        assert said[at + 4] == "   0 packets received, 100% packet loss"


def newton(number):
    """The square root as ssmping finds it: steps downward, and the first that does not go down is it."""
    before, root = 2**63 - 1, number
    while 0 < root < before:
        before, root = root, (root + number // root) // 2
    return root


def test_the_square_root_is_the_original_s():
    assert [square_root(number) for number in range(20_000)] == [newton(number) for number in range(20_000)]
    for exponent in range(10, 60):
        for number in (1 << exponent, (1 << exponent) - 1, ((1 << exponent // 2) + 1) ** 2 - 1):
            assert square_root(number) == newton(number)


def test_a_server_that_answers_more_than_it_was_asked_has_no_loss_below_zero():
    account = Account()
    for number in range(1, 301):
        account.is_new(number)
        account.add(number % 100 + 1, 1)
    assert (account.loss(200), account.loss_since_first(200), account.loss(0)) == (0, 0, 0)


# --- strangers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "sender", "said"),
    [
        (answer(1)[:37], SERVER, ["packet too small"]),
        (b"", SERVER, ["packet too small"]),
        (answer(1), ip_address("10.77.0.9"), ["ignoring packet from wrong host (10.77.0.9)"]),
        (b"Q" + answer(1)[1:], SERVER, ["received non-reply packet"]),
        (answer(1, pid=5), SERVER, ["received someone else's multicast reply"]),
        (b"A" + bytes(60), SERVER, []),
        (b"A" + b"\xff" * 60, SERVER, []),
        (answer(0), SERVER, []),
        (answer(2), SERVER, []),
        (answer(2**32 - 1), SERVER, []),
    ],
    ids=["short", "empty", "host", "request", "pid", "zeros", "ones", "seq 0", "not asked", "huge seq"],
)
def test_what_is_no_answer_counts_nothing(payload, sender, said):
    program = client(count=None)
    program.start(0.0, 1)
    effects = list(program.receive(from_group(payload, sender), 0.01))
    assert lines(effects) == said
    assert len(effects) == len(said)
    assert statistics(program.interrupt(0.5))[-1] == "   0 packets received, 100% packet loss"


def test_a_timestamp_of_the_future_is_no_time_at_all():
    program = client(count=None)
    program.start(0.0, 1)
    effects = list(program.receive(from_group(answer(1, sent_s=4e9)), 0.01))
    assert lines(effects) == ["multicast from 10.77.0.1, seq=1 dist=0 time=0.000 ms"]


def test_a_flood_of_answers_makes_it_send_nothing():
    program = client(count=None)
    program.start(0.0, 1)
    for number in range(1000):
        kinds = {type(effect).__name__ for effect in program.receive(from_group(answer(number)), 0.1)}
        assert kinds <= {"Say", "Answered"}
    assert program.next_deadline() == 1.0


@given(st.binary(max_size=80), st.integers(0, 70), st.booleans())
def test_any_bytes_of_the_server_s_neither_stop_it_nor_make_it_send(rest, kept, by_group):
    program = client(count=None)
    program.start(0.0, 1)
    sender = Endpoint(address=SERVER, port=4321)
    datagram = Incoming(payload=answer(1)[:kept] + rest, sender=sender, by_group=by_group, hops=64)
    kinds = {type(effect).__name__ for effect in program.receive(datagram, 0.1)}
    assert kinds <= {"Say", "Answered"}
    assert all(line.isprintable() for line in lines(program.receive(datagram, 0.2)))
    assert program.next_deadline() == 1.0
