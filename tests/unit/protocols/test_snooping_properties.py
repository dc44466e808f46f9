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
from harness.protocols.snooping_config import GroupLimit, HeaderCheck, TopologyChange
from harness.wire import igmp, membership
from harness.wire.membership import GroupRecord, RecordReport, RecordType

GROUPS = tuple(IPv4Address(f"239.192.1.{number}") for number in range(1, 4))
SOURCES = (IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2"))
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
    st.sampled_from([(), SOURCES[:1], SOURCES[1:], SOURCES]),
)
reports = st.builds(membership.Report, version=st.sampled_from((1, 2)), group=groups) | v3
leaves = st.builds(membership.Leave, group=groups)
queries = st.builds(
    membership.Query, group=st.none() | groups, max_response_s=st.sampled_from([1.0, 10.0])
) | st.builds(
    membership.Query,
    version=st.just(3),
    group=groups,
    sources=st.sampled_from([(), SOURCES[:1]]),
    suppress=st.booleans(),
    max_response_s=st.just(1.0),
)
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
        "relay_records_to": st.sampled_from(RelayTo),
        "querier": st.none()
        | st.builds(
            lambda address, zero, version, delay: querier(
                address=address, zero_address_wins=zero, version=version, start_delay_s=delay
            ),
            st.sampled_from([SWITCH, IPv4Address(0)]),
            st.booleans(),
            st.sampled_from([1, 2, 3]),
            st.sampled_from([0.0, 0.0, 60.0]),
        ),
        "querier_needs_address": st.booleans(),
        "querier_yields_to_router_port": st.booleans(),
        "source_filtering": st.booleans(),
        "report_suppression": st.booleans(),
        "checks": st.sampled_from([(), tuple(HeaderCheck)]),
        "most_groups": st.sampled_from([0, 0, 2]),
        "most_groups_per_port": st.sampled_from([0, 0, 1]),
        "above_most_groups": st.sampled_from(GroupLimit),
        "learn_router_from_pim": st.booleans(),
        "any_source_in_ssm": st.booleans(),
        "on_topology_change": st.sampled_from(TopologyChange),
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
    st.tuples(st.just("hello"), ports, st.tuples(st.sampled_from([0, 30, 105]), asking)),
    st.tuples(st.just("tree"), st.just(""), st.none()),
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
    if what == "hello":
        return bench.hello(port, *detail)
    does = {
        "down": lambda: switch.port_down(port, now),
        "up": lambda: switch.port_up(port, now),
        "restart": lambda: switch.restart(now),
        "configure": lambda: switch.reconfigure(SnoopingConfig(**detail), now),
        "noise": lambda: switch.receive(port, detail, now),
        "tree": lambda: switch.topology_change(now),
    }
    return bench.keep(does[what]())


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


# Sources kept and sources coarse

whole = st.builds(
    lambda kind, group: RecordReport(records=(GroupRecord(type=kind, group=group),)),
    st.sampled_from([RecordType.IS_EX, RecordType.TO_EX, RecordType.TO_IN]),
    groups,
)
any_source_events = st.one_of(
    st.tuples(st.just("report"), ports, whole),
    st.tuples(st.just("report"), ports, st.builds(membership.Report, version=st.just(2), group=groups)),
    st.tuples(st.just("report"), ports, st.builds(membership.Report, version=st.just(1), group=groups)),
    st.tuples(st.just("leave"), ports, leaves),
    st.tuples(st.just("query"), ports, st.tuples(queries, asking)),
    st.tuples(st.just("wait"), st.just(""), st.floats(0, 300)),
    st.tuples(st.just("down"), ports, st.none()),
    st.tuples(st.just("up"), ports, st.none()),
    st.tuples(st.just("restart"), st.just(""), st.none()),
)


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
