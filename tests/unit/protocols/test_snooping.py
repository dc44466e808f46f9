"""The snooping switch: learning, ageing, leaving and relaying (RFC 4541 section 2.1)."""

from ipaddress import IPv4Address

import pytest
from switch_bench import (
    GROUP,
    HOST_MAC,
    OTHER_GROUP,
    ROUTER,
    SWITCH,
    ZERO,
    Bench,
    changes,
    host,
    querier,
    record,
    said,
    sent_to,
)

from harness.protocols.effects import Heard, Send, Table, TableChange
from harness.protocols.snooping_config import RelayTo
from harness.wire import igmp, ipv4, membership
from harness.wire.membership import RecordReport, RecordType

G = str(GROUP)


# Membership


def test_a_report_makes_its_port_a_member():
    bench = Bench()
    effects = bench.join("p1")
    assert effects == [
        Heard(what="report v2", port="p1", source=host("p1"), group=GROUP),
        TableChange(table=Table.MEMBER, present=True, port="p1", group=GROUP, cause="report from 10.77.0.1"),
    ]
    assert bench.members() == [(G, "p1")]


def test_a_refresh_changes_nothing_but_the_deadline():
    bench = Bench()
    bench.join("p1")
    bench.wait(200)
    assert changes(bench.join("p1")) == []
    bench.wait(259)
    assert bench.members() == [(G, "p1")]
    gone = changes(bench.wait(1))
    assert [(change.present, change.cause) for change in gone] == [
        (False, "aged out: no report for the membership interval")
    ]


def test_without_any_report_a_member_ages_out_after_260_s():
    """RFC 9776 section 8.4; RFC 4541 section 2.1.1 (6): a switch must not wait for leaves alone."""
    bench = Bench()
    bench.join("p1")
    bench.wait(259.9)
    assert bench.members() == [(G, "p1")]
    bench.wait(0.2)
    assert bench.members() == []


def test_a_membership_interval_of_zero_never_ends():
    bench = Bench(membership_interval_s=0)
    bench.join("p1")
    bench.wait(1e6)
    assert bench.members() == [(G, "p1")]


@pytest.mark.parametrize(
    ("message", "member"),
    [
        (membership.Report(version=1, group=GROUP), True),
        (membership.Report(version=2, group=GROUP), True),
        (record(RecordType.IS_EX), True),
        (record(RecordType.TO_EX), True),
        (record(RecordType.IS_EX, "10.0.0.1"), True),
        (record(RecordType.IS_IN, "10.0.0.1"), True),
        (record(RecordType.TO_IN, "10.0.0.1"), True),
        (record(RecordType.ALLOW, "10.0.0.1"), True),
        (record(RecordType.IS_IN), False),
        (record(RecordType.TO_IN), False),
        (record(RecordType.ALLOW), False),
        (record(RecordType.BLOCK, "10.0.0.1"), False),
    ],
)
def test_which_messages_make_a_member(message, member):
    """RFC 9776 section 4.2.13, with sources kept coarse."""
    bench = Bench()
    bench.hear("p1", message)
    assert bench.members() == ([(G, "p1")] if member else [])


@pytest.mark.parametrize("group", ["224.0.0.251", "224.0.0.2", "10.0.0.1", "0.0.0.0"])
def test_groups_that_are_never_pruned_make_no_entry(group):
    """RFC 4541 section 2.1.2 (2): 224.0.0.0/24 goes everywhere."""
    bench = Bench()
    bench.hear("p1", record(RecordType.TO_EX, group=IPv4Address(group)))
    assert bench.members() == []


def test_one_report_may_speak_of_many_groups():
    bench = Bench(fast_leave=True)
    bench.join("p1", OTHER_GROUP)
    records = record(RecordType.TO_EX).records + record(RecordType.TO_IN, group=OTHER_GROUP).records
    bench.hear("p1", RecordReport(records=records))
    assert bench.members() == [(G, "p1")]


# Leaving


def test_fast_leave_removes_at_once():
    bench = Bench(fast_leave=True)
    bench.join("p1")
    assert [change.cause for change in changes(bench.leave("p1"))] == ["leave from 10.77.0.1, fast leave"]
    assert bench.members() == []


def test_fast_leave_can_be_a_matter_of_ports():
    bench = Bench(fast_leave_ports=frozenset({"p1"}))
    bench.join("p1")
    bench.join("p2")
    bench.leave("p1")
    bench.leave("p2")
    assert bench.members() == [(G, "p2")]


def test_a_block_record_is_no_fast_leave():
    """The host may still want the group from other sources."""
    bench = Bench(fast_leave=True)
    bench.join("p1")
    bench.hear("p1", record(RecordType.BLOCK, "10.0.0.1"))
    assert bench.members() == [(G, "p1")]


def test_the_acting_querier_asks_on_the_port_and_forgets_who_does_not_answer():
    """RFC 2236 section 3: two group queries a second apart, over after two seconds."""
    bench = Bench(querier=querier())
    bench.join("p1")
    bench.join("p2")
    left = bench.leave("p1")
    assert said(left) == ["group query"] and sent_to(left) == ["p1"]
    caused = bench.wait(2)
    assert said(caused) == ["group query"] and sent_to(caused) == ["p1"]
    assert [(change.port, change.cause) for change in changes(caused)] == [
        ("p1", "left: no member answered after the leave")
    ]
    assert bench.members() == [(G, "p2")]


def test_a_member_that_answers_the_group_query_stays():
    bench = Bench(querier=querier())
    bench.join("p1")
    bench.leave("p1")
    bench.wait(0.5)
    assert changes(bench.join("p1")) == []
    assert said(bench.wait(20)) == [], "the second question is not needed any more"
    bench.wait(200)
    assert bench.members() == [(G, "p1")]


def test_without_any_querier_a_leave_shortens_nothing():
    """Only the querier concludes from a leave that a group is over (RFC 2236 section 3)."""
    bench = Bench()
    bench.join("p1")
    bench.leave("p1")
    bench.wait(259)
    assert bench.members() == [(G, "p1")]


def test_with_another_querier_the_leave_is_relayed_and_its_group_query_shortens():
    """RFC 2236 section 3, non-queriers: last member query count times the max response time heard."""
    bench = Bench(querier=querier())
    better = IPv4Address("10.77.0.4")
    bench.query("p4", better)
    bench.join("p1")
    bench.join("p2")
    left = bench.leave("p1")
    assert said(left) == [] and sent_to(left) == ["p4"]
    bench.wait(1)
    bench.query("p4", better, group=GROUP, max_response_s=1.0)
    bench.join("p2")
    bench.wait(2)
    assert bench.members() == [(G, "p2")]


@pytest.mark.parametrize("extra", [{"suppress": True}, {"sources": (IPv4Address("10.0.0.1"),)}])
def test_group_queries_that_touch_no_timers(extra):
    """RFC 9776 section 6.6.1: the S flag; queries for sources say nothing of the group."""
    bench = Bench()
    bench.join("p1")
    bench.query("p4", version=3, group=GROUP, max_response_s=1.0, **extra)
    bench.wait(100)
    assert bench.members() == [(G, "p1")]


def test_a_count_of_zero_ignores_group_queries():
    """Open vSwitch: entries live their ageing time, whatever a query says."""
    bench = Bench(last_member_count=0)
    bench.join("p1")
    bench.query("p4", group=GROUP, max_response_s=1.0)
    bench.wait(100)
    assert bench.members() == [(G, "p1")]


def test_a_general_query_shortens_nothing():
    bench = Bench()
    bench.join("p1")
    bench.query("p4")
    bench.wait(100)
    assert bench.members() == [(G, "p1")]


# Router ports


def test_a_query_makes_a_router_port_until_none_is_heard_for_the_interval():
    """RFC 4541 section 2.1.1 (1)."""
    bench = Bench(router_port_interval_s=300)
    learnt = changes(bench.query("p4"), Table.ROUTER_PORT)
    assert [(change.port, change.present, change.cause) for change in learnt] == [
        ("p4", True, "query from 10.77.255.1")
    ]
    bench.wait(200)
    assert changes(bench.query("p4")) == []
    bench.wait(299)
    assert bench.switch.router_ports() == ("p4",)
    bench.wait(1)
    assert bench.switch.router_ports() == ()


@pytest.mark.parametrize("learns", [False, True])
@pytest.mark.parametrize("believes", [False, True])
def test_a_query_from_zero_makes_router_port_and_querier_only_where_configured(learns, believes):
    """RFC 4541 section 2.1.1; the Linux bridge does both (measured on Linux 6.18)."""
    bench = Bench(learn_router_from_zero=learns, zero_is_querier=believes)
    effects = bench.query("p4", ZERO)
    assert bench.switch.router_ports() == (("p4",) if learns else ())
    assert bench.switch.querier_address() == (ZERO if believes else None)
    assert sent_to(effects) == ["p1", "p2", "p3"], "hosts hear it either way"


def test_static_router_ports_never_age():
    bench = Bench(static_router_ports=("p3",))
    bench.query("p3")
    bench.wait(1000)
    assert bench.switch.router_ports() == ("p3",)


def test_a_purge_as_short_as_the_query_interval_loses_the_port_for_one_late_query():
    bench = Bench(router_port_interval_s=125)
    bench.query("p4")
    bench.wait(124)
    assert bench.switch.router_ports() == ("p4",)
    bench.wait(2)
    assert bench.switch.router_ports() == ()


# Relaying


def test_queries_go_to_all_other_ports():
    bench = Bench()
    effects = bench.query("p2")
    assert sent_to(effects) == ["p1", "p3", "p4"]
    assert {effect.frame for effect in effects if isinstance(effect, Send)} == {
        igmp.igmp_frame(membership.Query(), source_mac=HOST_MAC, source=ROUTER)
    }


@pytest.mark.parametrize(
    "message",
    [membership.Report(version=2, group=GROUP), membership.Leave(group=GROUP), record(RecordType.TO_EX)],
)
def test_reports_and_leaves_go_to_router_ports_only(message):
    """RFC 4541 section 2.1.1 (1): a host that overhears a report would suppress its own."""
    bench = Bench(static_router_ports=("p3",))
    bench.query("p4")
    assert sent_to(bench.hear("p1", message)) == ["p3", "p4"]
    assert sent_to(bench.hear("p3", message)) == ["p4"], "never back out of the port it came from"
    assert sent_to(Bench().hear("p1", message)) == [], "without a router port to nobody"


def test_reports_can_be_relayed_to_all():
    bench = Bench(relay_reports_to=RelayTo.ALL)
    assert sent_to(bench.join("p1")) == ["p2", "p3", "p4"]


def test_unknown_igmp_is_flooded():
    """RFC 4541 section 2.1.1 (3)."""
    bench = Bench()
    frame = bytearray(igmp.igmp_frame(membership.Query(), source_mac=HOST_MAC, source=ROUTER))
    frame[38:42] = b"\x30\x00\x00\x00"
    frame[40:42] = ipv4.checksum(bytes(frame[38:])).to_bytes(2, "big")
    effects = bench.switch.receive("p1", bytes(frame), 0.0)
    assert effects == [Send(port=port, frame=bytes(frame)) for port in ("p2", "p3", "p4")]


def test_damaged_igmp_is_dropped_and_counted():
    """RFC 4541 section 2.1.1 (5)."""
    bench = Bench()
    frame = bytearray(igmp.igmp_frame(membership.Query(), source_mac=HOST_MAC, source=ROUTER))
    frame[-1] ^= 1
    assert bench.switch.receive("p1", bytes(frame), 0.0) == []
    assert bench.switch.damaged == 1 and bench.switch.router_ports() == ()


# Its own querier


def test_its_querier_asks_on_all_ports_and_is_no_router_port():
    bench = Bench(querier=querier())
    started = [effect for _, effect in bench.log]
    assert said(started) == ["query"] and sent_to(started) == ["p1", "p2", "p3", "p4"]
    assert bench.switch.querier_address() == SWITCH
    assert bench.switch.router_ports() == ()


def test_its_querier_keeps_members_alive_that_answer():
    bench = Bench(querier=querier())
    bench.join("p1")
    for _ in range(20):
        for effect in bench.wait(50):
            if isinstance(effect, Send) and effect.port == "p1":
                bench.join("p1")
                break
    assert bench.members() == [(G, "p1")]


def test_a_better_querier_silences_its_own_until_it_is_gone():
    """RFC 9776 section 6.6.2."""
    bench = Bench(querier=querier())
    bench.query("p4", IPv4Address("10.77.0.4"))
    assert bench.switch.querier_address() == IPv4Address("10.77.0.4")
    assert said(bench.wait(254)) == []
    assert said(bench.wait(2)) == ["query"]
    assert bench.switch.querier_address() == SWITCH


@pytest.mark.parametrize("zero_wins", [False, True])
def test_a_query_from_zero_against_its_own_querier(zero_wins):
    """RFC 4541 section 2.1.1 against the Linux bridge (measured on Linux 6.18)."""
    bench = Bench(querier=querier(zero_address_wins=zero_wins))
    bench.query("p4", ZERO)
    assert bench.switch.querier_address() == (ZERO if zero_wins else SWITCH)


def test_a_querier_that_needs_an_address_and_has_none_is_silent():
    """Catalyst: without any address of its own the switch sends no query."""
    silent = Bench(querier=querier(address=ZERO), querier_needs_address=True)
    assert said([effect for _, effect in silent.log]) == []
    assert silent.switch.querier_address() is None
    assert said([effect for _, effect in Bench(querier=querier(address=ZERO)).log]) == ["query"]


def test_a_switch_without_querier_notices_that_the_querier_is_gone():
    bench = Bench(other_querier_interval_s=255)
    bench.query("p4")
    bench.wait(254)
    assert bench.switch.querier_address() == ROUTER
    gone = changes(bench.wait(1), Table.QUERIER)
    assert [(change.present, change.address) for change in gone] == [(False, ROUTER)]
    assert bench.switch.querier_address() is None
