"""The snooping switch while its world changes: forwarding mode, links, restarts, new configuration."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from switch_bench import (
    GROUP,
    PORTS,
    ROUTER,
    SWITCH,
    ZERO,
    Bench,
    changes,
    modes,
    querier,
    said,
    sent_to,
)

from harness.protocols.effects import ForwardingMode, Table, Unregistered
from harness.protocols.snooping import SnoopingSwitch
from harness.protocols.snooping_config import FloodUntil, SnoopingConfig

G = str(GROUP)
ROUTER_PORTS, FLOOD = Unregistered.ROUTER_PORTS, Unregistered.FLOOD


def told(bench: Bench) -> list[tuple[float, bool, Unregistered]]:
    """The forwarding modes since the beginning."""
    return [
        (at, effect.snooping, effect.unregistered)
        for at, effect in bench.log
        if isinstance(effect, ForwardingMode)
    ]


# Forwarding mode


@pytest.mark.parametrize("rule", list(Unregistered))
def test_a_rule_that_always_applies_is_told_once(rule):
    bench = Bench(unregistered=rule)
    bench.query("p4")
    bench.wait(1000)
    assert told(bench) == [(0.0, True, rule)]


def test_the_linux_bridge_floods_all_until_the_first_querys_response_time_is_over():
    """Measured on Linux 6.18: registered groups flood too, and again when the querier is gone."""
    bench = Bench(flood_until=FloodUntil.QUERIER)
    bench.join("p1")
    bench.wait(100)
    bench.query("p4", max_response_s=10.0)
    bench.wait(255)
    assert told(bench) == [
        (0.0, False, ROUTER_PORTS),
        (110.0, True, ROUTER_PORTS),
        (355.0, False, ROUTER_PORTS),
    ]


def test_later_queries_do_not_prolong_the_grace():
    bench = Bench(flood_until=FloodUntil.QUERIER)
    bench.query("p4", max_response_s=10.0)
    bench.wait(9)
    bench.query("p4", max_response_s=10.0)
    bench.wait(1)
    assert told(bench)[-1] == (10.0, True, ROUTER_PORTS)


def test_without_grace_the_first_query_ends_the_flood():
    bench = Bench(flood_until=FloodUntil.QUERIER, grace=False)
    assert modes(bench.query("p4"))[0].snooping


def test_the_own_querier_ends_the_flood_after_its_response_time():
    bench = Bench(flood_until=FloodUntil.QUERIER, querier=querier())
    bench.wait(20)
    assert told(bench) == [(0.0, False, ROUTER_PORTS), (10.0, True, ROUTER_PORTS)]


def test_a_querier_lost_within_the_grace_leaves_the_flood_on():
    bench = Bench(flood_until=FloodUntil.QUERIER, other_querier_interval_s=5)
    bench.query("p4", max_response_s=10.0)
    bench.wait(100)
    assert told(bench) == [(0.0, False, ROUTER_PORTS)]


def test_unregistered_groups_flood_until_there_is_a_router_port():
    """Dell N-series and Catalyst: registered groups are pruned all the while."""
    bench = Bench(flood_until=FloodUntil.ROUTER_PORT)
    bench.wait(10)
    bench.query("p4")
    bench.wait(300)
    assert told(bench) == [(0.0, True, FLOOD), (10.0, True, ROUTER_PORTS), (265.0, True, FLOOD)]


def test_a_static_router_port_ends_the_flood_for_good():
    bench = Bench(flood_until=FloodUntil.ROUTER_PORT, static_router_ports=("p1",))
    assert told(bench)[-1] == (0.0, True, ROUTER_PORTS)


# Snooping off and on


def test_without_snooping_all_igmp_goes_everywhere_and_nothing_is_learnt():
    bench = Bench(snooping=False, querier=querier(), static_router_ports=("p2",))
    assert told(bench) == [(0.0, False, ROUTER_PORTS)]
    assert sent_to(bench.join("p1")) == ["p2", "p3", "p4"]
    assert sent_to(bench.query("p4")) == ["p1", "p2", "p3"]
    assert bench.members() == [] and bench.switch.router_ports() == ()
    assert bench.switch.next_deadline() is None, "its querier does not run either"


def test_switching_snooping_off_loses_every_table():
    bench = Bench(querier=querier(), static_router_ports=("p2",))
    bench.join("p1")
    effects = bench.keep(bench.switch.reconfigure(replace(bench.switch.config, snooping=False), bench.now))
    assert [(change.table, change.present) for change in changes(effects)] == [
        (Table.MEMBER, False),
        (Table.ROUTER_PORT, False),
        (Table.QUERIER, False),
    ]
    assert [mode.snooping for mode in modes(effects)] == [False]
    assert bench.members() == [] and bench.wait(1000) == []


def test_switching_snooping_on_begins_afresh():
    bench = Bench(snooping=False, querier=querier())
    effects = bench.keep(bench.switch.reconfigure(replace(bench.switch.config, snooping=True), bench.now))
    assert [mode.snooping for mode in modes(effects)] == [True]
    assert said(effects) == ["query"] and bench.switch.querier_address() == SWITCH


# New configuration


def test_a_querier_switched_on_asks_at_once_and_off_is_silence():
    """The customer's cure: turn a querier on."""
    bench = Bench()
    on = replace(bench.switch.config, querier=querier())
    assert said(bench.keep(bench.switch.reconfigure(on, bench.now))) == ["query"]
    off = bench.keep(bench.switch.reconfigure(replace(on, querier=None), bench.now))
    assert [(change.table, change.present) for change in changes(off)] == [(Table.QUERIER, False)]
    assert said(bench.wait(1000)) == []


def test_an_unchanged_querier_is_left_alone():
    bench = Bench(querier=querier())
    same = bench.switch.reconfigure(replace(bench.switch.config, fast_leave=True), 1.0)
    assert same == []


def test_a_querier_with_a_new_address_is_another_querier():
    bench = Bench(querier=querier())
    moved = replace(bench.switch.config, querier=querier(address=IPv4Address("10.77.0.7")))
    effects = bench.switch.reconfigure(moved, 1.0)
    assert [(str(change.address), change.present) for change in changes(effects)] == [
        ("10.77.0.200", False),
        ("10.77.0.7", True),
    ]


def test_a_querier_switched_on_beside_a_better_one_waits():
    bench = Bench()
    bench.query("p4", IPv4Address("10.77.0.4"))
    on = replace(bench.switch.config, querier=querier())
    assert said(bench.keep(bench.switch.reconfigure(on, bench.now))) == []
    assert said(bench.wait(255)) == ["query"]


def test_entries_keep_their_deadline_until_they_are_refreshed():
    bench = Bench(membership_interval_s=260)
    bench.join("p1")
    bench.join("p2")
    bench.switch.reconfigure(replace(bench.switch.config, membership_interval_s=10), bench.now)
    bench.join("p2")
    bench.wait(11)
    assert bench.members() == [(G, "p1")]
    bench.wait(250)
    assert bench.members() == []


def test_static_router_ports_come_and_go():
    bench = Bench(static_router_ports=("p1", "p2"))
    moved = replace(bench.switch.config, static_router_ports=("p2", "p3"))
    effects = changes(bench.switch.reconfigure(moved, 1.0))
    assert [(change.port, change.present) for change in effects] == [("p1", False), ("p3", True)]


def test_a_port_that_the_switch_does_not_have_is_refused():
    with pytest.raises(ValueError, match="p9"):
        SnoopingSwitch(SnoopingConfig(static_router_ports=("p9",)), PORTS)
    bench = Bench()
    with pytest.raises(ValueError, match="p9"):
        bench.switch.reconfigure(SnoopingConfig(fast_leave_ports=frozenset({"p9"})), 0.0)
    assert bench.switch.config == SnoopingConfig(), "the old configuration holds"
    with pytest.raises(KeyError):
        bench.join("p9")


def test_scaled_divides_all_times():
    slow = SnoopingConfig(membership_interval_s=0, querier=querier(), last_member_interval_s=2)
    fast = slow.scaled(100)
    assert (fast.membership_interval_s, fast.router_port_interval_s) == (0, 2.55)
    assert (fast.last_member_interval_s, fast.last_member_count) == (0.02, 2)
    assert fast.querier == querier().scaled(100)


@pytest.mark.parametrize("settings", [{"membership_interval_s": -1}, {"last_member_count": -1}])
def test_negative_values_are_refused(settings):
    with pytest.raises(ValueError, match="negative"):
        SnoopingConfig(**settings)


# Links and restarts


def test_a_link_that_goes_down_takes_its_entries_but_not_the_querier_behind_it():
    """Measured on Linux 6.18: the querier stays known, so unregistered groups go nowhere."""
    bench = Bench()
    bench.join("p4")
    bench.join("p1")
    bench.query("p4")
    effects = bench.keep(bench.switch.port_down("p4", bench.now))
    assert [(change.table, change.port, change.cause) for change in changes(effects)] == [
        (Table.MEMBER, "p4", "port p4 down"),
        (Table.ROUTER_PORT, "p4", "port p4 down"),
    ]
    assert bench.switch.querier_address() == ROUTER
    assert bench.members() == [(G, "p1")]


def test_nothing_is_sent_to_or_taken_from_a_port_that_is_down():
    bench = Bench(querier=querier())
    bench.switch.port_down("p2", bench.now)
    assert sent_to(bench.query("p4", IPv4Address("10.77.0.250"))) == ["p1", "p3"]
    assert bench.join("p2") == []
    assert sent_to(bench.wait(32)) == ["p1", "p3", "p4"]


def test_group_queries_end_with_the_link():
    bench = Bench(querier=querier())
    bench.join("p1")
    bench.leave("p1")
    bench.keep(bench.switch.port_down("p1", bench.now))
    assert said(bench.wait(5)) == []


def test_a_link_that_comes_up_is_asked_at_once():
    """RFC 4541 section 2.1.1 (4)."""
    bench = Bench(querier=querier())
    bench.switch.port_down("p2", bench.now)
    effects = bench.switch.port_up("p2", bench.now)
    assert said(effects) == ["query"] and sent_to(effects) == ["p2"]
    assert Bench().switch.port_up("p2", 0.0) == [], "without a querier there is nobody to ask"


def test_a_static_router_port_is_none_while_its_link_is_down():
    bench = Bench(static_router_ports=("p1",), flood_until=FloodUntil.ROUTER_PORT)
    down = bench.switch.port_down("p1", 1.0)
    assert [change.present for change in changes(down)] == [False]
    assert [mode.unregistered for mode in modes(down)] == [FLOOD]
    up = bench.switch.port_up("p1", 2.0)
    assert [change.present for change in changes(up)] == [True]
    assert [mode.unregistered for mode in modes(up)] == [ROUTER_PORTS]


def test_a_restart_loses_the_tables_and_asks_again():
    bench = Bench(querier=querier(), static_router_ports=("p3",))
    bench.join("p1")
    bench.query("p4", IPv4Address("10.77.0.4"))
    bench.wait(5)
    effects = bench.keep(bench.switch.restart(bench.now))
    assert bench.members() == [] and bench.switch.router_ports() == ("p3",)
    assert bench.switch.querier_address() == SWITCH
    assert said(effects) == ["query"] and len(modes(effects)) == 1
    assert said(bench.wait(31.25)) == ["query"], "startup queries"


def test_a_restarted_switch_floods_again_until_it_knows_a_querier():
    bench = Bench(flood_until=FloodUntil.QUERIER, zero_is_querier=True)
    bench.query("p4", ZERO)
    bench.wait(20)
    bench.keep(bench.switch.restart(bench.now))
    assert told(bench) == [
        (0.0, False, ROUTER_PORTS),
        (10.0, True, ROUTER_PORTS),
        (20.0, False, ROUTER_PORTS),
    ]
