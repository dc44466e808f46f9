"""Random configurations of a switch, and random things that happen to it."""

from __future__ import annotations

from ipaddress import IPv4Address

from hypothesis import strategies as st
from switch_bench import PORTS, SWITCH, Bench, querier

from harness.protocols.effects import Unregistered
from harness.protocols.snooping_config import (
    FloodUntil,
    GroupLimit,
    HeaderCheck,
    RelayTo,
    SnoopingConfig,
    TopologyChange,
)
from harness.wire import membership
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
        "zero_is_querier": st.booleans(),
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
