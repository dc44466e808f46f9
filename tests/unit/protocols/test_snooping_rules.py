"""Rules of single vendors: suppression, limits, checks, PIM, topology changes, silent and slow queriers."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from switch_bench import (
    GROUP,
    HOST_MAC,
    OTHER_GROUP,
    ROUTER,
    SWITCH,
    SWITCH_MAC,
    ZERO,
    Bench,
    changes,
    host,
    modes,
    querier,
    record,
    said,
    sent,
    sent_to,
)

from harness.protocols.effects import Heard, Table
from harness.protocols.router_ports import MOST_NEIGHBOURS
from harness.protocols.snooping_config import FloodUntil, GroupLimit, HeaderCheck, RelayTo, TopologyChange
from harness.wire import ethernet, igmp, ipv4, membership
from harness.wire.membership import RecordType

THIRD_GROUP = IPv4Address("239.192.1.3")
LOWER = IPv4Address("10.77.0.4")


# Where reports and leaves go


def test_the_linux_bridge_floods_what_goes_to_a_group_of_routers():
    """Measured on Linux 6.18: reports with records and leaves to all ports, others to router ports."""
    bench = Bench(static_router_ports=("p4",), relay_records_to=RelayTo.ALL)
    assert sent_to(bench.join("p1")) == ["p4"]
    assert sent_to(bench.records("p1", RecordType.IS_EX)) == ["p2", "p3", "p4"]
    assert sent_to(bench.leave("p1")) == ["p2", "p3", "p4"]


# Report suppression (Catalyst)


def suppressing(**settings: object) -> Bench:
    return Bench(report_suppression=True, static_router_ports=("p4",), **settings)


def test_of_the_reports_after_a_query_the_first_is_relayed():
    bench = suppressing()
    assert [sent_to(bench.join(port)) for port in ("p1", "p2", "p1")] == [["p4"], [], []]
    bench.query("p4")
    assert [sent_to(bench.join(port)) for port in ("p2", "p1")] == [["p4"], []]
    assert sent_to(bench.join("p1", OTHER_GROUP)) == ["p4"], "each group has its own"


def test_its_own_queries_let_a_report_pass_too():
    bench = suppressing(querier=querier())
    bench.join("p1")
    bench.wait(32)
    assert sent_to(bench.join("p2")) == ["p4"]


def test_a_group_query_is_answered():
    bench = suppressing()
    bench.join("p1")
    bench.join("p1", OTHER_GROUP)
    bench.query("p4", group=GROUP, max_response_s=1.0)
    assert sent_to(bench.join("p2")) == ["p4"]
    assert sent_to(bench.join("p2", OTHER_GROUP)) == []


def test_only_the_last_members_leave_is_relayed():
    bench = suppressing(fast_leave=True)
    bench.join("p1")
    bench.join("p2")
    assert sent_to(bench.leave("p1")) == []
    assert sent_to(bench.leave("p2")) == ["p4"]


def test_after_the_last_leave_a_new_join_is_news():
    bench = suppressing(fast_leave=True)
    bench.join("p1")
    bench.leave("p1")
    assert sent_to(bench.join("p1")) == ["p4"]


def test_nothing_is_held_back_once_records_were_heard_for_the_group():
    bench = suppressing()
    bench.records("p3", RecordType.IS_EX)
    assert [sent_to(bench.join(port)) for port in ("p1", "p2")] == [["p4"], ["p4"]]
    assert [sent_to(bench.records(port, RecordType.IS_EX)) for port in ("p1", "p2")] == [["p4"], ["p4"]]
    assert sent_to(bench.leave("p1")) == ["p4"]
    bench.wait(261)
    bench.query("p4")
    assert [sent_to(bench.join(port)) for port in ("p1", "p2")] == [["p4"], []], "they have aged out"


# Header checks


@pytest.mark.parametrize(
    ("check", "wrong"),
    [(HeaderCheck.ROUTER_ALERT, {"router_alert": False}), (HeaderCheck.HOPS, {"hops": 2})],
)
def test_a_frame_that_fails_a_check_is_dropped_and_counted(check, wrong):
    """RFC 9776 section 4 asks senders for a TTL of 1 and Router Alert."""
    bench = Bench(checks=(check,))
    report, query = membership.Report(version=2, group=GROUP), membership.Query()
    assert bench.hear("p1", report, **wrong) == [] and bench.hear("p4", query, ROUTER, **wrong) == []
    assert (bench.switch.rejected, bench.switch.damaged) == (2, 0)
    assert bench.members() == [] and bench.switch.router_ports() == ()
    bench.hear("p1", report)
    assert len(bench.members()) == 1 and bench.switch.rejected == 2
    lenient = Bench()
    lenient.hear("p1", report, **wrong)
    assert len(lenient.members()) == 1


def with_tos(message: membership.Message, tos: int) -> bytes:
    outer = ethernet.decode(igmp.igmp_frame(message, source_mac=HOST_MAC, source=host("p1")))
    packet = ipv4.encode(replace(ipv4.decode(outer.payload), tos=tos))
    return ethernet.encode(replace(outer, payload=packet))


def test_the_traffic_class_is_asked_of_version_3_reports_only():
    """RFC 9776 section 4: 0xC0; older hosts have never heard of it."""
    bench = Bench(checks=(HeaderCheck.TRAFFIC_CLASS,))
    assert bench.switch.receive("p1", with_tos(record(RecordType.IS_EX), 0), 0.0) == []
    assert bench.switch.rejected == 1
    bench.switch.receive("p1", with_tos(membership.Report(version=2, group=OTHER_GROUP), 0), 0.0)
    bench.switch.receive("p1", with_tos(record(RecordType.IS_EX), 0xC0), 0.0)
    assert [group for group, _ in bench.switch.members()] == [GROUP, OTHER_GROUP]


def test_a_report_to_another_destination_than_its_group_is_no_report():
    """RFC 2236 section 9; reports with records and leaves go to routers."""
    bench = Bench(checks=(HeaderCheck.DESTINATION,))
    report = membership.Report(version=2, group=GROUP)
    assert bench.hear("p1", report, destination=igmp.ALL_ROUTERS) == []
    assert bench.switch.rejected == 1 and bench.members() == []
    bench.hear("p1", report)
    bench.switch.receive("p2", with_tos(record(RecordType.IS_EX), 0xC0), 0.0)
    assert len(bench.members()) == 2 and bench.switch.rejected == 1


# Limits of groups


def test_a_report_above_the_limit_is_refused():
    bench = Bench(most_groups=2, static_router_ports=("p4",))
    for group in (GROUP, OTHER_GROUP):
        bench.join("p1", group)
    refused = bench.join("p1", THIRD_GROUP)
    assert changes(refused) == [] and sent_to(refused) == ["p4"], "routers hear of it all the same"
    assert bench.switch.refused == 1
    bench.join("p2", GROUP)
    assert len(bench.members()) == 3, "another port of a group that is known is no new group"
    bench.records("p1", RecordType.ALLOW, "10.0.0.1", group=THIRD_GROUP)
    assert len(bench.members()) == 3
    bench.wait(260)
    bench.join("p1", THIRD_GROUP)
    assert bench.members() == [(str(THIRD_GROUP), "p1")], "there is room again"


def test_a_limit_of_a_port_is_its_own():
    bench = Bench(most_groups_per_port=1, above_most_groups=GroupLimit.SNOOPING_OFF)
    bench.join("p1")
    bench.join("p1", OTHER_GROUP)
    bench.join("p2", OTHER_GROUP)
    assert bench.members() == [(str(GROUP), "p1"), (str(OTHER_GROUP), "p2")]


def test_a_linux_bridge_stops_snooping_when_its_table_is_full():
    """Measured on Linux 6.18: the whole bridge floods from then on."""
    bench = Bench(
        most_groups=1,
        above_most_groups=GroupLimit.SNOOPING_OFF,
        static_router_ports=("p4",),
        querier=querier(),
    )
    bench.join("p1")
    effects = bench.join("p2", OTHER_GROUP)
    assert [(mode.snooping, mode.cause) for mode in modes(effects)] == [
        (False, "more groups than the table holds: snooping is off")
    ]
    assert [(change.table, change.present) for change in changes(effects)] == [
        (Table.MEMBER, False),
        (Table.ROUTER_PORT, False),
        (Table.QUERIER, False),
    ]
    assert sent_to(effects) == ["p1", "p3", "p4"]
    assert bench.wait(1000) == [] and sent_to(bench.join("p1")) == ["p2", "p3", "p4"]
    assert bench.members() == []


@pytest.mark.parametrize("again", ["restart", "configure"])
def test_it_snoops_again_after_a_restart_or_a_new_configuration(again):
    bench = Bench(most_groups=1, above_most_groups=GroupLimit.SNOOPING_OFF)
    bench.join("p1")
    bench.join("p1", OTHER_GROUP)
    if again == "restart":
        effects = bench.keep(bench.switch.restart(bench.now))
    else:
        config = replace(bench.switch.config, most_groups=4)
        effects = bench.keep(bench.switch.reconfigure(config, bench.now))
    assert [mode.snooping for mode in modes(effects)] == [True]
    bench.join("p1")
    assert bench.members() == [(str(GROUP), "p1")]


def test_records_behind_the_one_that_overflowed_are_not_read():
    bench = Bench(most_groups=1, above_most_groups=GroupLimit.SNOOPING_OFF)
    records = tuple(
        record(RecordType.IS_EX, group=group).records[0] for group in (GROUP, OTHER_GROUP, THIRD_GROUP)
    )
    bench.hear("p1", membership.RecordReport(records=records))
    assert bench.switch.refused == 1 and bench.members() == []


# PIM hellos (RFC 7761 section 4.3)


def test_a_pim_hello_makes_a_router_port_for_its_hold_time():
    bench = Bench(learn_router_from_pim=True)
    effects = bench.hello("p2", 105)
    assert sent_to(effects) == [], "the data plane forwards it"
    assert [(change.port, change.cause) for change in changes(effects)] == [
        ("p2", "PIM hello from 10.77.255.1")
    ]
    bench.wait(104)
    assert bench.switch.router_ports() == ("p2",)
    assert [change.cause for change in changes(bench.wait(1))] == ["aged out: no PIM hello for the hold time"]


def test_a_goodbye_takes_back_what_the_hello_said_and_no_more():
    bench = Bench(learn_router_from_pim=True)
    bench.hello("p2", 105)
    bench.query("p2")
    bench.hello("p2", 0)
    assert bench.switch.router_ports() == ("p2",), "a querier is there as well"
    bench.hello("p3", 105)
    bench.hello("p3", 105, IPv4Address("10.77.255.2"))
    assert changes(bench.hello("p3", 0)) == [], "the other router is still there"
    assert len(changes(bench.hello("p3", 0, IPv4Address("10.77.255.2")))) == 1


def test_a_hold_time_of_infinity_never_ends():
    bench = Bench(learn_router_from_pim=True)
    bench.hello("p2", float("inf"))
    bench.wait(1e6)
    assert bench.switch.router_ports() == ("p2",)
    bench.switch.port_down("p2", bench.now)
    bench.switch.port_up("p2", bench.now)
    assert bench.switch.router_ports() == ()


@pytest.mark.parametrize("settings", [{}, {"learn_router_from_pim": True, "snooping": False}])
def test_hellos_are_neither_learnt_nor_relayed_where_not_wanted(settings):
    bench = Bench(**settings)
    assert bench.hello("p2", 105) == []
    assert bench.switch.router_ports() == ()


def test_forged_hellos_do_not_eat_memory():
    bench = Bench(learn_router_from_pim=True)
    for number in range(MOST_NEIGHBOURS):
        bench.hello("p2", 105, IPv4Address(number + 1))
    bench.hello("p3", 105)
    assert bench.switch.router_ports() == ("p2",)


def test_hellos_are_forgotten_when_they_count_no_longer():
    bench = Bench(learn_router_from_pim=True)
    bench.hello("p2", 105)
    effects = bench.switch.reconfigure(replace(bench.switch.config, learn_router_from_pim=False), 1.0)
    assert [(change.port, change.present) for change in changes(effects)] == [("p2", False)]


def test_a_damaged_hello_is_counted():
    bench = Bench(learn_router_from_pim=True)
    bench.hello("p2", 105)
    frame = bytearray(ethernet.HEADER.pack(b"\x01\x00\x5e\x00\x00\x0d", HOST_MAC, ethernet.ETHERTYPE_IPV4))
    packet = ipv4.Ipv4Packet(
        source=ROUTER, destination=IPv4Address("224.0.0.13"), protocol=103, ttl=1, payload=b"\x20\0\0\0"
    )
    assert bench.switch.receive("p3", bytes(frame) + ipv4.encode(packet), 0.0) == []
    assert bench.switch.damaged == 1 and bench.switch.router_ports() == ("p2",)


# Topology changes (RFC 4541 section 2.1.1 (4))


def test_nothing_happens_unless_configured():
    assert Bench(querier=querier()).switch.topology_change(1.0) == []
    snoops_not = Bench(on_topology_change=TopologyChange.FLOOD, snooping=False)
    assert snoops_not.switch.topology_change(1.0) == []


def test_a_catalyst_floods_until_two_general_queries_were_heard():
    bench = Bench(on_topology_change=TopologyChange.FLOOD)
    bench.query("p4")
    effects = bench.keep(bench.switch.topology_change(bench.now))
    assert [mode.snooping for mode in modes(effects)] == [False]
    bench.join("p1")
    assert bench.members() == [(str(GROUP), "p1")], "it learns all the while"
    assert modes(bench.query("p4", group=GROUP)) == []
    assert modes(bench.query("p4")) == []
    assert [mode.snooping for mode in modes(bench.query("p4"))] == [True]


def test_its_own_queries_count():
    bench = Bench(on_topology_change=TopologyChange.FLOOD, querier=querier())
    bench.wait(200)
    bench.keep(bench.switch.topology_change(bench.now))
    assert modes(bench.wait(206)) == [], "one query so far"
    assert [mode.snooping for mode in modes(bench.wait(1))] == [True]


def test_a_second_change_begins_the_count_anew():
    bench = Bench(on_topology_change=TopologyChange.FLOOD, topology_change_queries=2)
    bench.keep(bench.switch.topology_change(bench.now))
    bench.query("p4")
    bench.keep(bench.switch.topology_change(bench.now))
    assert modes(bench.query("p4")) == []
    assert len(modes(bench.query("p4"))) == 1


def test_a_count_of_zero_floods_not_at_all():
    bench = Bench(on_topology_change=TopologyChange.FLOOD, topology_change_queries=0)
    assert bench.switch.topology_change(0.0) == []


def test_a_query_without_address_asks_and_triggers_no_election():
    """RFC 4541 section 2.1.1 (4): from 0.0.0.0, out of every port (Dell)."""
    bench = Bench(on_topology_change=TopologyChange.QUERY, mac=SWITCH_MAC)
    effects = bench.switch.topology_change(1.0)
    assert effects[0] == Heard(what="query", port="", source=ZERO, group=None, sent=True)
    assert sent(effects) == [
        (port, membership.Query(version=2, max_response_s=10.0)) for port in ("p1", "p2", "p3", "p4")
    ]
    other = Bench(querier=querier())
    other.query("p1", ZERO)
    assert other.switch.querier_address() == SWITCH and other.switch.router_ports() == ()


def test_a_global_leave_makes_the_querier_ask_at_once():
    """Catalyst: ``ip igmp snooping tcn query solicit``."""
    bench = Bench(on_topology_change=TopologyChange.SOLICIT, static_router_ports=("p4",))
    effects = bench.switch.topology_change(1.0)
    assert [mode.snooping for mode in modes(effects)] == [False]
    assert sent(effects) == [("p4", membership.Leave(group=ZERO))]
    asker = Bench(querier=querier(), static_router_ports=("p3",))
    heard = asker.leave("p1", ZERO)
    assert said(heard) == ["query"]
    assert [port for port, message in sent(heard) if isinstance(message, membership.Leave)] == ["p3"]
    yielding = Bench(querier=querier())
    yielding.query("p4", LOWER)
    assert said(yielding.leave("p1", ZERO)) == [], "only the querier asks"


def test_the_querier_itself_asks_at_once_when_it_would_solicit():
    bench = Bench(on_topology_change=TopologyChange.SOLICIT, querier=querier(), topology_change_queries=1)
    bench.wait(100)
    effects = bench.switch.topology_change(bench.now)
    assert said(effects) == ["query"], "without a router port nobody else is there to hear a leave"
    assert [mode.snooping for mode in modes(effects)] == [False, True]


def test_the_flood_of_a_topology_change_ends_with_a_restart():
    bench = Bench(on_topology_change=TopologyChange.FLOOD)
    bench.keep(bench.switch.topology_change(bench.now))
    assert [mode.snooping for mode in modes(bench.switch.restart(1.0))] == [True]


# Queriers that are silent, or slow


def test_a_static_router_port_keeps_a_force10_querier_silent():
    bench = Bench(querier=querier(), querier_yields_to_router_port=True, static_router_ports=("p4",))
    assert said([effect for _, effect in bench.log]) == [] and bench.switch.querier_address() is None
    freed = replace(bench.switch.config, static_router_ports=())
    assert said(bench.keep(bench.switch.reconfigure(freed, bench.now))) == ["query"]
    assert said([effect for _, effect in Bench(querier=querier(), static_router_ports=("p4",)).log])


def test_an_sg300_listens_for_a_minute_before_it_asks():
    bench = Bench(querier=querier(start_delay_s=60.0), flood_until=FloodUntil.QUERIER, grace=False)
    assert said(bench.wait(59)) == [] and bench.switch.querier_address() is None
    assert said(bench.wait(1)) == ["query"]
    assert bench.switch.querier_address() == SWITCH
    assert said(bench.wait(31.25)) == ["query"], "startup queries follow"


@pytest.mark.parametrize(("rival", "wins"), [(LOWER, True), (IPv4Address("10.77.255.1"), False)])
def test_a_querier_heard_meanwhile_wins_by_the_rules_of_the_election(rival, wins):
    bench = Bench(querier=querier(start_delay_s=60.0))
    bench.wait(30)
    bench.query("p4", rival)
    assert bench.switch.querier_address() == rival
    assert said(bench.wait(31)) == ([] if wins else ["query"])
    assert bench.switch.querier_address() == (rival if wins else SWITCH)
