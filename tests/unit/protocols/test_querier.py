"""The querier (RFC 2236 sections 3, 7 and 8; RFC 9776 sections 6.6 and 8)."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from switch_bench import GROUP, HOST_MAC, SWITCH, changes, querier, said, sent_to

from harness.protocols.effects import Effect, Heard, Send
from harness.protocols.querier import Querier
from harness.wire import igmp, membership
from harness.wire.membership import RecordType

LOWER, HIGHER = IPv4Address("10.77.0.1"), IPv4Address("10.77.0.250")


def router(**settings: object) -> Querier:
    return Querier(querier(**settings), ports=("eth0",))


def asked_at(machine: Querier, until: float) -> list[float]:
    """When general queries go out."""
    moments = []
    while (at := machine.next_deadline()) is not None and at <= until:
        if "query" in said(machine.tick(at)):
            moments.append(at)
    return moments


def messages(effects: list[Effect]) -> list[membership.Message]:
    read = [igmp.parse_igmp_frame(effect.frame) for effect in effects if isinstance(effect, Send)]
    return [frame.message for frame in read if frame is not None]


def frame(message: membership.Message, source: IPv4Address = LOWER) -> bytes:
    return igmp.igmp_frame(message, source_mac=HOST_MAC, source=source)


def test_the_defaults_are_the_rfcs():
    """RFC 9776 section 8."""
    config = querier()
    assert config.other_querier_present_interval_s == 255.0
    assert config.startup_query_interval_s == 31.25
    assert config.startup_query_count == 2
    assert config.last_member_time_s == 2.0


def test_startup_queries_come_quickly_then_at_the_query_interval():
    """RFC 9776 sections 8.6 and 8.7."""
    machine = router()
    first = machine.start(0.0)
    assert said(first) == ["query"] and sent_to(first) == ["eth0"]
    assert asked_at(machine, 450.0) == [31.25, 156.25, 281.25, 406.25]


def test_a_lower_address_silences_it_and_it_takes_over_after_255_s():
    """RFC 9776 section 6.6.2; the first query comes at the moment of the takeover."""
    machine = router()
    machine.start(0.0)
    lost = machine.receive_query(LOWER, 10.0)
    assert [change.address for change in changes(lost)] == [SWITCH, LOWER]
    assert not machine.acting and machine.querier_address == LOWER
    assert asked_at(machine, 600.0) == [265.0, 390.0, 515.0]
    assert machine.acting


def test_a_higher_address_does_not():
    machine = router()
    machine.start(0.0)
    assert machine.receive_query(HIGHER, 1.0) == []
    assert machine.acting


def test_zero_wins_only_by_the_knob():
    """RFC 4541 section 2.1.1 against the Linux bridge (measured on Linux 6.18)."""
    for zero_wins in (False, True):
        machine = router(zero_address_wins=zero_wins)
        machine.start(0.0)
        machine.receive_query(IPv4Address(0), 1.0)
        assert machine.acting is not zero_wins


def test_stop_is_silence_and_start_begins_with_startup_queries_again():
    machine = router()
    machine.start(0.0)
    gone = machine.stop(5.0)
    assert sent_to(gone) == [] and [change.present for change in changes(gone)] == [False]
    assert machine.next_deadline() is None and machine.tick(1000.0) == []
    assert said(machine.start(1000.0)) == ["query"]
    assert asked_at(machine, 1200.0) == [1031.25, 1156.25]


def test_starting_beside_a_better_one_says_nothing():
    machine = router()
    machine.receive_query(LOWER, 0.0)
    assert said(machine.start(1.0)) == []
    assert asked_at(machine, 300.0) == [255.0]


def test_a_leave_is_followed_by_group_queries():
    """RFC 2236 section 3: last member query count, one last member query interval apart."""
    machine = router()
    machine.start(0.0)
    first = machine.receive("eth0", frame(membership.Leave(group=GROUP)), 10.0)
    assert messages(first) == [membership.Query(version=2, group=GROUP, max_response_s=1.0)]
    assert machine.next_deadline() == 11.0
    assert said(machine.tick(11.0)) == ["group query"]
    assert machine.next_deadline() == 31.25


def test_a_report_ends_the_group_queries():
    """RFC 2236 section 7: Checking Membership, report received."""
    machine = router()
    machine.start(0.0)
    machine.receive("eth0", frame(membership.Leave(group=GROUP)), 10.0)
    machine.receive("eth0", frame(membership.Report(version=2, group=GROUP)), 10.5)
    assert machine.next_deadline() == 31.25


def test_a_second_leave_does_not_begin_a_second_round():
    machine = router()
    machine.start(0.0)
    machine.receive("eth0", frame(membership.Leave(group=GROUP)), 10.0)
    again = machine.receive("eth0", frame(membership.Leave(group=GROUP)), 10.5)
    assert said(again) == [] and machine.next_deadline() == 11.0


def test_a_non_querier_ignores_leaves():
    """RFC 2236 section 3: only the querier follows them up."""
    machine = router()
    machine.start(0.0)
    machine.receive("eth0", frame(membership.Query(), LOWER), 1.0)
    assert said(machine.receive("eth0", frame(membership.Leave(group=GROUP)), 2.0)) == []


def test_losing_the_election_ends_group_queries():
    machine = router()
    machine.start(0.0)
    machine.receive("eth0", frame(membership.Leave(group=GROUP)), 1.0)
    machine.receive_query(LOWER, 1.5)
    assert said(machine.tick(2.0)) == []


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (1, membership.Query(version=1)),
        (2, membership.Query(version=2, max_response_s=10.0)),
        (3, membership.Query(version=3, max_response_s=10.0, robustness=2, query_interval_s=125.0)),
    ],
)
def test_queries_speak_their_version(version, message):
    assert messages(router(version=version).start(0.0)) == [message]


def test_version_1_has_no_group_query():
    machine = router(version=1)
    machine.start(0.0)
    assert said(machine.receive("eth0", frame(membership.Leave(group=GROUP)), 1.0)) == []


def test_a_start_delay_is_a_time_to_listen():
    """Cisco SG300 and Dell Force10 wait before they ask; a stop in that time is silence for good."""
    machine = router(start_delay_s=60.0)
    assert machine.start(0.0) == [] and machine.next_deadline() == 60.0 and not machine.acting
    assert said(machine.tick(60.0)) == ["query"] and machine.next_deadline() == 91.25
    machine.stop(70.0)
    machine.start(100.0)
    machine.stop(110.0)
    assert machine.next_deadline() is None and machine.tick(1000.0) == []
    beaten = router(start_delay_s=60.0)
    beaten.start(0.0)
    beaten.receive("eth0", frame(membership.Query()), 10.0)
    assert asked_at(beaten, 300.0) == [265.0], "it takes over when the better one is gone"


def test_a_leave_for_no_group_is_a_request_to_ask():
    """Catalyst's global leave."""
    machine = router()
    machine.start(0.0)
    leave = frame(membership.Leave(group=IPv4Address(0)))
    assert messages(machine.receive("eth0", leave, 100.0)) == [membership.Query(version=2)]
    assert machine.next_deadline() == 225.0, "the next one comes an interval later"
    machine.receive_query(LOWER, 101.0)
    assert said(machine.receive("eth0", leave, 102.0)) == []


def records(kind: RecordType, *sources: IPv4Address) -> bytes:
    record = membership.GroupRecord(type=kind, group=GROUP, sources=sources)
    return frame(membership.RecordReport(records=(record,)))


SOURCE = IPv4Address("10.0.0.1")


@pytest.mark.parametrize(
    ("kind", "sources", "version", "asks_for"),
    [
        (RecordType.BLOCK, (SOURCE,), 3, (SOURCE,)),
        (RecordType.BLOCK, (SOURCE,), 2, ()),
        (RecordType.TO_IN, (), 3, ()),
        (RecordType.TO_IN, (SOURCE,), 3, ()),
        (RecordType.IS_EX, (), 3, None),
        (RecordType.TO_EX, (SOURCE,), 3, None),
        (RecordType.ALLOW, (SOURCE,), 3, None),
        (RecordType.IS_IN, (SOURCE,), 3, None),
    ],
)
def test_what_a_router_without_a_table_asks_after_a_record(kind, sources, version, asks_for):
    """RFC 9776 section 6.4.2, asking wherever somebody may have left."""
    machine = router(version=version)
    machine.start(0.0)
    asked = messages(machine.receive("eth0", records(kind, *sources), 1.0))
    assert [query.sources for query in asked] == ([] if asks_for is None else [asks_for])


def test_sources_blocked_one_after_the_other_are_asked_for_together():
    """RFC 9776 section 6.6.3.2: the rounds are merged."""
    other = IPv4Address("10.0.0.2")
    machine = router(version=3, last_member_count=3)
    machine.start(0.0)
    machine.receive("eth0", records(RecordType.BLOCK, SOURCE), 1.0)
    machine.receive("eth0", records(RecordType.BLOCK, SOURCE, other), 1.5)
    machine.receive("eth0", records(RecordType.ALLOW, SOURCE), 1.7)
    later = [(at, messages(machine.tick(at))) for at in (2.0, 3.0, 4.0)]
    assert [[(query.sources, query.suppress) for query in queries] for _, queries in later] == [
        [((other,), False), ((SOURCE,), True)],
        [((other,), False), ((SOURCE,), True)],
        [],
    ]


def test_a_group_that_is_never_pruned_is_never_asked_for():
    machine = router()
    machine.start(0.0)
    leave = frame(membership.Leave(group=IPv4Address("224.0.0.251")))
    assert said(machine.receive("eth0", leave, 1.0)) == []


def test_scaled_divides_times_and_keeps_counts_and_formulas():
    fast = querier(other_querier_interval_s=200.0).scaled(100)
    assert (fast.query_interval_s, fast.max_response_s, fast.last_member_interval_s) == (1.25, 0.1, 0.01)
    assert fast.other_querier_interval_s == 2.0 and fast.robustness == 2
    assert fast.startup_query_interval_s == 0.3125
    assert querier().scaled(100).other_querier_present_interval_s == pytest.approx(2.55)
    assert messages(Querier(fast, ports=("eth0",)).start(0.0)) == [
        membership.Query(version=2, max_response_s=0.1)
    ]


def test_hosts_get_the_time_that_the_wire_could_say():
    """At a hundredth of the time a host still hears 0.1 s: it may answer 0.11 s after the leave."""
    assert querier().scaled(100).last_member_time_s == pytest.approx(0.11)


@pytest.mark.parametrize(
    "settings",
    [
        {"query_interval_s": 0},
        {"max_response_s": 0},
        {"robustness": 0},
        {"max_response_s": 30.0},
        {"start_delay_s": -1},
        {"version": 4},
        {"address": IPv6Address("fe80::1")},
    ],
)
def test_what_no_querier_can_do_is_refused(settings):
    with pytest.raises(ValueError):
        querier(**settings)


@pytest.mark.parametrize("data", [b"", b"\0" * 60, frame(membership.Leave(group=GROUP))[:-1]])
def test_damaged_and_foreign_frames_are_dropped(data):
    machine = router()
    machine.start(0.0)
    assert machine.receive("eth0", data, 1.0) == []


def test_what_it_hears_and_says_is_recorded():
    machine = router()
    sent = machine.start(0.0)
    heard = machine.receive("eth0", frame(membership.Leave(group=GROUP)), 1.0)
    assert sent[1] == Heard(what="query", port="", source=SWITCH, group=None, sent=True)
    assert heard[0] == Heard(what="leave", port="eth0", source=LOWER, group=GROUP)
