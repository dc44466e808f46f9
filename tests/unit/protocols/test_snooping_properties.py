"""What holds for the snooping switch whatever happens to it."""

from __future__ import annotations

import time
from dataclasses import replace
from ipaddress import IPv4Address

from hypothesis import given, settings
from hypothesis import strategies as st
from switch_bench import HOST_MAC, PORTS, SWITCH, Bench, changes
from switch_stories import GROUPS, MEMBERSHIP_S, any_source_events, configs, play, stories

from harness.protocols.effects import ForwardingMode, Send, Table
from harness.protocols.snooping import SnoopingSwitch
from harness.protocols.snooping_config import SnoopingConfig
from harness.wire import igmp, membership


class DataPlane:
    """Takes the effects as a data plane does, and refuses a change that is none."""

    def __init__(self) -> None:
        self.tables: dict[Table, dict] = {table: {} for table in Table}
        self.mode: ForwardingMode | None = None

    def obey(self, effects: list) -> None:
        for change in changes(effects):
            key = {
                Table.MEMBER: (change.group, change.port),
                Table.ROUTER_PORT: change.port,
                Table.QUERIER: (change.address, change.port),
            }[change.table]
            table = self.tables[change.table]
            assert table.get(key) != (change.filter if change.present else None), f"no change: {change}"
            assert change.present or key in table
            assert change.cause
            if change.present:
                table[key] = change.filter
            else:
                del table[key]
        for effect in effects:
            if isinstance(effect, ForwardingMode):
                assert effect.cause
                self.mode = effect

    @property
    def members(self) -> dict:
        return self.tables[Table.MEMBER]


@settings(max_examples=300, deadline=None)
@given(configs, stories)
def test_the_changes_tell_exactly_what_the_tables_hold(config, story):
    bench = Bench(**config)
    plane = DataPlane()
    plane.obey([effect for _, effect in bench.log])
    for event in story:
        plane.obey(play(bench, event))
        assert tuple(sorted(plane.members.items())) == bench.switch.filters()
        routers = plane.tables[Table.ROUTER_PORT]
        assert tuple(port for port in PORTS if port in routers) == bench.switch.router_ports()
        address = bench.switch.querier_address()
        assert [found for found, _ in plane.tables[Table.QUERIER]] == ([] if address is None else [address])
        assert plane.mode is not None
        if not bench.switch.config.snooping:
            assert not plane.mode.snooping and not plane.members and not routers


@given(configs, stories)
def test_members_are_ports_that_reported_and_frames_never_turn_back(config, story):
    bench = Bench(**config)
    reported = set()
    down: set[str] = set()
    for event in story:
        effects = play(bench, event)
        what, port, detail = event
        if what == "report":
            found = [detail.group] if isinstance(detail, membership.Report) else [detail.records[0].group]
            reported |= {(group, port) for group in found}
        down = (down | {port}) if what == "down" else down - {port} if what == "up" else down
        assert set(bench.switch.members()) <= reported
        sends = [effect for effect in effects if isinstance(effect, Send)]
        assert not down & {effect.port for effect in sends}
        if what in ("report", "query", "leave"):
            relayed = [effect.port for effect in sends if effect.frame[6:12] == HOST_MAC]
            assert port not in relayed


@given(configs, stories)
def test_after_a_membership_interval_of_silence_nobody_is_a_member(config, story):
    bench = Bench(**config)
    for event in story:
        play(bench, event)
    bench.wait(MEMBERSHIP_S)
    assert bench.members() == []


@given(configs, stories)
def test_a_restart_empties_the_tables(config, story):
    bench = Bench(**config)
    for event in story:
        play(bench, event)
    bench.switch.restart(bench.now)
    assert bench.members() == []
    assert set(bench.switch.router_ports()) <= set(bench.switch.config.static_router_ports)
    assert bench.switch.querier_address() in (None, SWITCH, IPv4Address(0))


@given(configs, stories)
def test_the_same_inputs_give_the_same_effects(config, story):
    first, second = Bench(**config), Bench(**config)
    for event in story:
        play(first, event)
        play(second, event)
    assert first.log == second.log


@given(configs, stories)
def test_a_late_tick_ends_in_the_same_members_as_timely_ones(config, story):
    """A control plane that was held up catches up: nothing outlives its deadline."""
    timely, late = Bench(**config), Bench(**config)
    for event in story:
        play(timely, event)
        play(late, event)
    timely.wait(1000)
    late.switch.tick(late.now + 1000)
    assert timely.switch.filters() == late.switch.filters() == ()
    assert timely.switch.router_ports() == late.switch.router_ports()


def test_a_refresh_costs_the_same_on_a_thousand_ports():
    """A busy switch hears a report from every port after each query."""
    names = tuple(f"p{number}" for number in range(1000))
    switch = SnoopingSwitch(SnoopingConfig(static_router_ports=("p0",)), names)
    switch.start(0.0)
    frame = igmp.igmp_frame(
        membership.Report(version=2, group=GROUPS[0]), source_mac=bytes(6), source=IPv4Address("10.77.0.1")
    )
    for port in names:
        switch.receive(port, frame, 0.0)
    begun = time.perf_counter()
    for round_ in range(1, 11):
        for port in names:
            effects = switch.receive(port, frame, round_ * 10.0)
            assert not changes(effects)
            switch.next_deadline()
    assert (time.perf_counter() - begun) / 10_000 < 0.001
    assert len(switch.members()) == 1000


@given(configs)
def test_configuring_the_same_again_changes_nothing(config):
    bench = Bench(**config)
    bench.wait(1)
    assert bench.switch.reconfigure(replace(bench.switch.config), bench.now) == []


@settings(max_examples=300, deadline=None)
@given(configs, st.lists(any_source_events, max_size=40))
def test_where_nobody_names_sources_keeping_them_changes_nothing(config, story):
    coarse = Bench(**{**config, "source_filtering": False})
    exact = Bench(**{**config, "source_filtering": True})
    for event in story:
        assert play(coarse, event) == play(exact, event)
        assert coarse.switch.filters() == exact.switch.filters()


@settings(max_examples=200, deadline=None)
@given(configs, stories)
def test_who_is_a_member_by_sources_is_one_where_sources_are_coarse(config, story):
    """Coarse is never less than exact, without a querier that would ask about groups in place of sources."""
    plain = {"most_groups": 0, "most_groups_per_port": 0, "querier": None, "fast_leave": False}
    plain |= {"fast_leave_ports": frozenset(), "snooping": True}
    coarse = Bench(**{**config, **plain, "source_filtering": False})
    exact = Bench(**{**config, **plain, "source_filtering": True})
    for event in story:
        if event[0] in ("configure", "query"):
            continue
        play(coarse, event)
        play(exact, event)
        assert set(exact.switch.members()) <= set(coarse.switch.members())
