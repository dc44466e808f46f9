"""What holds for the snooping switch whatever happens to it."""

from __future__ import annotations

import time
from dataclasses import replace
from ipaddress import IPv4Address

from hypothesis import given, settings
from hypothesis import strategies as st
from switch_bench import HOST_MAC, PORTS, SWITCH, Bench, changes, querier

from harness.protocols.effects import ForwardingMode, Send, Table, Unregistered
from harness.protocols.snooping import FloodUntil, RelayTo, SnoopingConfig, SnoopingSwitch
from harness.wire import igmp, membership
from harness.wire.membership import GroupRecord, RecordReport, RecordType

GROUPS = tuple(IPv4Address(f"239.192.1.{number}") for number in range(1, 4))
MEMBERSHIP_S = 260.0

ports = st.sampled_from(PORTS)
groups = st.sampled_from(GROUPS)
asking = st.sampled_from(["10.77.0.1", "10.77.255.1", "0.0.0.0"]).map(IPv4Address)
v3 = st.builds(
    lambda kind, group, sources: RecordReport(
        records=(GroupRecord(type=kind, group=group, sources=sources),),
    ),
    st.sampled_from(RecordType),
    groups,
    st.sampled_from([(), (IPv4Address("10.0.0.1"),)]),
)
reports = st.builds(membership.Report, version=st.sampled_from((1, 2)), group=groups) | v3
leaves = st.builds(membership.Leave, group=groups)
queries = st.builds(membership.Query, group=st.none() | groups, max_response_s=st.sampled_from([1.0, 10.0]))
configs = st.fixed_dictionaries(
    {
        "snooping": st.sampled_from([True, True, True, False]),
        "unregistered": st.sampled_from(Unregistered),
        "flood_until": st.sampled_from(FloodUntil),
        "grace": st.booleans(),
        "fast_leave": st.booleans(),
        "fast_leave_ports": st.just(frozenset({"p2"})),
        "static_router_ports": st.sampled_from([(), ("p3",)]),
        "learn_router_from_zero": st.booleans(),
        "relay_reports_to": st.sampled_from(RelayTo),
        "querier": st.none()
        | st.builds(
            lambda address, zero: querier(address=address, zero_address_wins=zero),
            st.sampled_from([SWITCH, IPv4Address(0)]),
            st.booleans(),
        ),
        "querier_needs_address": st.booleans(),
    }
)
events = st.one_of(
    st.tuples(st.just("report"), ports, reports),
    st.tuples(st.just("leave"), ports, leaves),
    st.tuples(st.just("query"), ports, st.tuples(queries, asking)),
    st.tuples(st.just("wait"), st.just(""), st.floats(0, 300)),
    st.tuples(st.just("down"), ports, st.none()),
    st.tuples(st.just("up"), ports, st.none()),
    st.tuples(st.just("restart"), st.just(""), st.none()),
    st.tuples(st.just("configure"), st.just(""), configs),
    st.tuples(st.just("noise"), ports, st.binary(max_size=60)),
)
stories = st.lists(events, max_size=40)


def play(bench: Bench, event: tuple) -> list:
    what, port, detail = event
    switch, now = bench.switch, bench.now
    if what == "wait":
        return bench.wait(detail)
    if what in ("report", "leave"):
        return bench.hear(port, detail)
    if what == "query":
        return bench.hear(port, *detail)
    does = {
        "down": lambda: switch.port_down(port, now),
        "up": lambda: switch.port_up(port, now),
        "restart": lambda: switch.restart(now),
        "configure": lambda: switch.reconfigure(SnoopingConfig(**detail), now),
        "noise": lambda: switch.receive(port, detail, now),
    }
    return bench.keep(does[what]())


class DataPlane:
    """Takes the effects as a data plane does, and refuses a change that is none."""

    def __init__(self) -> None:
        self.members: set = set()
        self.routers: set = set()
        self.queriers: set = set()
        self.mode: ForwardingMode | None = None

    def obey(self, effects: list) -> None:
        for change in changes(effects):
            table, key = {
                Table.MEMBER: (self.members, (change.group, change.port)),
                Table.ROUTER_PORT: (self.routers, change.port),
                Table.QUERIER: (self.queriers, (change.address, change.port)),
            }[change.table]
            assert (key in table) is not change.present, f"no change: {change}"
            assert change.cause
            (table.add if change.present else table.remove)(key)
        for effect in effects:
            if isinstance(effect, ForwardingMode):
                self.mode = effect


@settings(max_examples=300, deadline=None)
@given(configs, stories)
def test_the_changes_tell_exactly_what_the_tables_hold(config, story):
    bench = Bench(**config)
    plane = DataPlane()
    plane.obey([effect for _, effect in bench.log])
    for event in story:
        plane.obey(play(bench, event))
        assert tuple(sorted(plane.members)) == bench.switch.members()
        assert tuple(port for port in PORTS if port in plane.routers) == bench.switch.router_ports()
        address = bench.switch.querier_address()
        assert [found for found, _ in plane.queriers] == ([] if address is None else [address])
        assert plane.mode is not None
        if not bench.switch.config.snooping:
            assert not plane.mode.snooping and not plane.members and not plane.routers


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
    assert timely.switch.members() == late.switch.members() == ()
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
