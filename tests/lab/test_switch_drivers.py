"""Drivers of switches against real hosts: what they learn of IPv6 and of sources, and what they record."""

from __future__ import annotations

import socket
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from stage import Stage, frame

from harness.backends.netns.clock import Clock
from harness.backends.netns.devices import Devices
from harness.backends.netns.userns import has_capabilities
from harness.observations.model import Igmp, Mode, Record, TableLine
from harness.plan.build import build
from harness.plan.model import PlanSwitch
from harness.protocols.dialect import Dialect
from harness.protocols.effects import Unregistered
from harness.protocols.snooping_config import Lookup, SnoopingConfig, TopologyChange
from harness.scenario.loader import load
from harness.sockets.loop import Loop
from harness.wire.membership import Query
from harness.wire.pim import Hello, hello_frame

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not has_capabilities(), reason="needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN"),
]

LIMIT_S = 10.0
GROUP, SOURCE, OTHER = (IPv4Address(text) for text in ("232.1.1.1", "10.77.0.1", "10.77.0.9"))
GROUP6 = IPv6Address("ff15::1")
_JOIN_SOURCE, _BLOCK_SOURCE = 39, 38
"""IP_ADD_SOURCE_MEMBERSHIP, IP_BLOCK_SOURCE of ip(7)."""


class Bench:
    """A lab's devices, what they have recorded, and sockets on the hosts."""

    def __init__(self, devices: Devices, loop: Loop, records: list[Record], stack: ExitStack) -> None:
        self.devices = devices
        self.records = records
        self.stage = Stage(devices._fabric, stack)
        self._loop = loop
        self._stack = stack

    def open(self, host: str, family: socket.AddressFamily) -> socket.socket:
        with self.devices.enter_host(host):
            return self._stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))

    def index(self, host: str) -> int:
        with self.devices.enter_host(host):
            return socket.if_nametoindex("eth0")

    def until(self, what: str, true: Callable[[], object]) -> None:
        self._loop.wait_for(lambda: bool(true()), LIMIT_S, lambda: f"{what}; last: {self.records[-3:]}")

    def lines(self, **wanted: object) -> list[TableLine]:
        lines = [record for record in self.records if isinstance(record, TableLine)]
        return [line for line in lines if all(getattr(line, name) == at for name, at in wanted.items())]


@contextmanager
def bench(
    folder: Path, profile: str, change: Callable[[PlanSwitch], PlanSwitch] = lambda switch: switch
) -> Iterator[Bench]:
    path = folder / "bench.scenario.yaml"
    text = f"""\
        scenario: four nodes on one switch
        source: none
        speed: 1
        network:
          switches: {{sw1: {{profile: {profile}}}}}
          nodes: {{n: {{count: 4, on: sw1}}}}
        traffic:
          one: {{group: 239.192.0.1, senders: [n1], receivers: all, rate: 1/s}}
        expect:
          - {{deliver: one, result: all}}
        """
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    plan = build(load(path).variants[0])
    plan = replace(plan, ipv6=True, switches=tuple(map(change, plan.switches)))
    records: list[Record] = []
    loop = Loop()
    with ExitStack() as stack:
        stack.callback(loop.close)
        devices = Devices(plan, loop, Clock(speed=plan.speed), records.append)
        stack.callback(devices.close)
        devices.build()
        devices.start()
        yield Bench(devices, loop, records, stack)


def with_mld(switch: PlanSwitch) -> PlanSwitch:
    mld = SnoopingConfig(dialect=Dialect.MLD, unregistered=Unregistered.DROP, source_filtering=True)
    return replace(switch, mld=mld)


def ports_of(on: Bench, source: str, *groups: str) -> list[set[str]]:
    return on.stage.ports([frame(source, group, b"datagram") for group in groups])


def general_query(dialect: Dialect) -> bytes:
    source = ip_address("10.77.0.1" if dialect is Dialect.IGMP else "fe80::1")
    return dialect.frame(Query(version=dialect.records_version), source_mac=b"\2\0\0\0\0\1", source=source)


def test_an_emulated_switch_snoops_each_family_by_itself(tmp_path: Path) -> None:
    with bench(tmp_path, "class-b", with_mld) as on:
        listener = on.open("n3", socket.AF_INET6)
        request = GROUP6.packed + on.index("n3").to_bytes(4, "little")
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
        on.until("n3's MLD report", lambda: bool(on.lines(table="member", group=str(GROUP6))))
        assert [(line.port, line.protocol) for line in on.lines(group=str(GROUP6))] == [("p3", "mld")]
        assert ports_of(on, "fe80::1", "ff15::1", "ff15::2", "ff02::fb") == [
            {"p3"},
            set(),
            {"p2", "p3", "p4"},
        ]
        modes = {record.protocol: record.unregistered for record in on.records if isinstance(record, Mode)}
        assert modes["mld"] == "drop"
        on.stage.ports([general_query(Dialect.MLD)])
        on.until("the query's router port", lambda: bool(on.lines(table="router-port", protocol="mld")))
        assert on.lines(table="router-port", protocol="igmp") == []
        assert [line.address for line in on.lines(table="querier")] == ["fe80::1"]
        assert modes["igmp"] == "flood"
        assert ports_of(on, "10.77.0.1", "239.9.9.9") == [{"p2", "p3", "p4"}]


def complete(switch: PlanSwitch) -> PlanSwitch:
    behaviour = SnoopingConfig(
        unregistered=Unregistered.DROP,
        source_filtering=True,
        learn_router_from_pim=True,
        on_topology_change=TopologyChange.FLOOD,
        topology_change_queries=1,
    )
    return replace(switch, behaviour=behaviour)


def test_an_emulated_switch_forwards_by_source_and_tells_it(tmp_path: Path) -> None:
    with bench(tmp_path, "class-b", complete) as on:
        member, address = on.open("n3", socket.AF_INET), on.devices._plan.host("n3").address.packed
        membership = GROUP.packed + address
        member.setsockopt(socket.IPPROTO_IP, _JOIN_SOURCE, membership + SOURCE.packed)
        on.until("an included source", partial(on.lines, filter=f"include {SOURCE}", port="p3"))
        assert ports_of(on, str(SOURCE), str(GROUP)) == [{"p3"}]
        assert ports_of(on, str(OTHER), str(GROUP)) == [set()]
        switch = on.devices._switches["sw1"]
        assert switch.knows(GROUP, "p3", (SOURCE,))
        assert not switch.knows(GROUP, "p3", (SOURCE, OTHER))
        other = on.open("n4", socket.AF_INET)
        address = on.devices._plan.host("n4").address.packed
        other.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, GROUP.packed + address)
        on.until("any source", partial(on.lines, filter="", port="p4", present=True))
        other.setsockopt(socket.IPPROTO_IP, _BLOCK_SOURCE, GROUP.packed + address + SOURCE.packed)
        assert ports_of(on, str(OTHER), str(GROUP)) == [{"p4"}]


def test_what_changes_the_lookup_of_a_running_switch_takes_its_members_along(tmp_path: Path) -> None:
    with bench(tmp_path, "class-b", complete) as on:
        member, address = on.open("n3", socket.AF_INET), on.devices._plan.host("n3").address.packed
        member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, GROUP.packed + address)
        on.until("n3's membership", partial(on.lines, table="member", group=str(GROUP)))
        alias = "239.1.1.1"
        assert ports_of(on, str(SOURCE), str(GROUP), alias) == [{"p3"}, set()]
        switch = on.devices._switches["sw1"]
        behaviour = complete(on.devices._plan.switches[0]).behaviour
        switch.configure(replace(behaviour, lookup=Lookup.MAC))
        assert ports_of(on, str(SOURCE), str(GROUP), alias) == [{"p3"}, {"p3"}]
        switch.configure(behaviour)
        assert ports_of(on, str(SOURCE), str(GROUP), alias) == [{"p3"}, set()]


def test_pim_hellos_make_router_ports_and_pass_once(tmp_path: Path) -> None:
    hello = hello_frame(Hello(source=SOURCE, hold_time_s=105), source_mac=b"\2\0\0\0\0\1")
    with bench(tmp_path, "class-b", complete) as on:
        assert on.stage.ports([hello]) == [{"p2", "p3", "p4"}]
        on.until("the router port of a PIM hello", partial(on.lines, table="router-port"))
        assert [line.port for line in on.lines(table="router-port")] == ["p1"]
        assert on.stage.ports([hello]) == [{"p2", "p3", "p4"}]


def test_a_topology_change_floods_until_a_query(tmp_path: Path) -> None:
    with bench(tmp_path, "class-b", complete) as on:
        assert ports_of(on, str(SOURCE), "239.9.9.9") == [set()]
        on.devices.topology_changed("sw1")
        assert ports_of(on, str(SOURCE), "239.9.9.9") == [{"p2", "p3", "p4"}]
        on.stage.ports([general_query(Dialect.IGMP)])
        on.until("the query", partial(on.lines, table="querier"))
        assert ports_of(on, str(SOURCE), "239.9.9.9") == [set()]


def test_an_emulated_switch_without_mld_passes_it(tmp_path: Path) -> None:
    with bench(tmp_path, "class-b") as on:
        query = general_query(Dialect.MLD)
        assert on.stage.ports([query]) == [{"p2", "p3", "p4"}]
        assert not [record for record in on.records if isinstance(record, Igmp) and record.protocol == "mld"]


def with_sources(switch: PlanSwitch) -> PlanSwitch:
    mld = SnoopingConfig(dialect=Dialect.MLD, source_filtering=True)
    return replace(switch, behaviour=replace(switch.behaviour, source_filtering=True), mld=mld)


def asking(switch: PlanSwitch) -> PlanSwitch:
    address = IPv4Address("10.77.254.1")
    querier = replace(switch.querier_ready, address=address, version=3, max_response_s=0.1)
    return replace(switch, behaviour=replace(switch.behaviour, querier=querier))


def test_a_kernel_bridge_tells_sources_and_ipv6(tmp_path: Path) -> None:
    with bench(tmp_path, "linux-bridge", with_sources) as on:
        member, listener = on.open("n3", socket.AF_INET), on.open("n4", socket.AF_INET6)
        address = on.devices._plan.host("n3").address.packed
        membership = GROUP.packed + address
        member.setsockopt(socket.IPPROTO_IP, _JOIN_SOURCE, membership + SOURCE.packed)
        on.until("an included source", lambda: bool(on.lines(filter=f"include {SOURCE}", port="p3")))
        request = GROUP6.packed + on.index("n4").to_bytes(4, "little")
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
        on.until("n4's MLD report", lambda: bool(on.lines(group=str(GROUP6), port="p4")))
        assert {line.protocol for line in on.lines(group=str(GROUP6))} == {"mld"}
        assert [line.filter for line in on.lines(group=str(GROUP6))] == [""]
        switch = on.devices._switches["sw1"]
        assert switch.knows(GROUP, "p3", (SOURCE,))
        assert not switch.knows(GROUP, "p3", (OTHER,))
        assert not switch.knows(GROUP, "p2")
        assert switch.knows(IPv4Address("224.0.0.5"), "p2")
        assert not on.lines(group="ff02::16")
        for dialect, address in ((Dialect.MLD, "fe80::1"), (Dialect.IGMP, "10.77.0.1")):
            on.stage.ports([general_query(dialect)])
            queriers = partial(on.lines, table="querier", protocol=dialect.value)
            on.until(f"the {dialect.value} querier", queriers)
            assert [line.address for line in queriers()] == [address]
            routers = partial(on.lines, table="router-port", protocol=dialect.value)
            on.until(f"the {dialect.value} router port", routers)
            assert [line.port for line in routers()] == ["p1"]


def test_a_kernel_bridge_tells_when_it_forgets_a_querier(tmp_path: Path) -> None:
    with bench(tmp_path, "linux-bridge", short_of_memory) as on:
        on.stage.ports([general_query(Dialect.IGMP)])
        querier = partial(on.lines, table="querier", address="10.77.0.1")
        on.until("the querier", lambda: [line.present for line in querier()] == [True])
        on.until("its end", lambda: [line.present for line in querier()] == [True, False])
        known, gone = querier()
        assert gone.cause == "no query for the other querier present interval"
        assert gone.at_s >= known.at_s


def short_of_memory(switch: PlanSwitch) -> PlanSwitch:
    return replace(switch, behaviour=replace(switch.behaviour, other_querier_interval_s=1.0))


def test_a_kernel_bridge_tells_a_source_that_is_blocked(tmp_path: Path) -> None:
    with bench(tmp_path, "linux-bridge", asking) as on:
        member = on.open("n3", socket.AF_INET)
        address = on.devices._plan.host("n3").address.packed
        member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, GROUP.packed + address)
        on.until("any source", lambda: bool(on.lines(group=str(GROUP), filter="", port="p3")))
        member.setsockopt(socket.IPPROTO_IP, _BLOCK_SOURCE, GROUP.packed + address + SOURCE.packed)
        on.until("a blocked source", lambda: bool(on.lines(filter=f"exclude {SOURCE}", port="p3")))
        assert on.devices._switches["sw1"].knows(GROUP, "p3", (OTHER,))
        assert ports_of(on, str(SOURCE), str(GROUP)) == [set()]
