"""What measurement found on the Linux bridge and on Open vSwitch, and no RFC says; each as a setting."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from harness.protocols.effects import Send
from harness.protocols.snooping import SnoopingSwitch
from harness.protocols.snooping_config import FloodUntil, SnoopingConfig
from harness.wire import pim
from harness.wire.igmp import igmp_frame
from harness.wire.membership import GroupRecord, Leave, Message, Query, RecordReport, RecordType, Report

PORTS = ("p1", "p2", "p3")
GROUP, OTHER = IPv4Address("239.192.0.1"), IPv4Address("239.192.0.2")
LOW, HIGH, NOBODY = (IPv4Address(text) for text in ("10.77.0.1", "192.0.2.1", "0.0.0.0"))
SOURCE = IPv4Address("10.77.0.9")
CONFIG = SnoopingConfig(learn_router_from_zero=True, zero_is_querier=True)


class Bench:
    """A switch, and frames from hosts on its ports."""

    def __init__(self, config: SnoopingConfig) -> None:
        self.switch = SnoopingSwitch(config, PORTS)
        self.switch.start(0.0)

    def says(self, port: str, message: Message, source: IPv4Address = LOW, at_s: float = 1.0) -> list[str]:
        """Let a host speak; the ports that the switch relays it to."""
        frame = igmp_frame(message, source_mac=bytes(6), source=source)
        self.switch.tick(at_s)
        return [one.port for one in self.switch.receive(port, frame, at_s) if isinstance(one, Send)]

    def record(self, kind: RecordType, *sources: IPv4Address, at_s: float = 1.0) -> None:
        record = GroupRecord(type=kind, group=GROUP, sources=sources)
        self.says("p1", RecordReport(records=(record,)), at_s=at_s)


@pytest.mark.parametrize(("elected_only", "routers"), [(False, ("p1", "p2")), (True, ("p1",))])
def test_queries_of_losers_make_router_ports_or_not(elected_only: bool, routers: tuple[str, ...]) -> None:
    bench = Bench(replace(CONFIG, elected_querier_only=elected_only))
    bench.says("p1", Query(version=2), LOW)
    bench.says("p2", Query(version=2), HIGH)
    assert bench.switch.router_ports() == routers
    assert bench.switch.querier_address() == LOW


def test_the_elected_querier_alone_is_remembered() -> None:
    bench = Bench(replace(CONFIG, elected_querier_only=True, other_querier_interval_s=100))
    bench.says("p2", Query(version=2), HIGH, at_s=1)
    bench.says("p1", Query(version=2), LOW, at_s=2)
    bench.says("p2", Query(version=2), HIGH, at_s=90)
    bench.switch.tick(103)
    assert bench.switch.querier_address() is None
    remembering = Bench(replace(CONFIG, other_querier_interval_s=100))
    remembering.says("p1", Query(version=2), LOW, at_s=2)
    remembering.says("p2", Query(version=2), HIGH, at_s=90)
    remembering.switch.tick(103)
    assert remembering.switch.querier_address() == HIGH


def test_the_unspecified_address_wins_and_loses_against_the_next() -> None:
    bench = Bench(replace(CONFIG, elected_querier_only=True))
    for source in (LOW, NOBODY, HIGH):
        bench.says("p1", Query(version=2), source)
        assert bench.switch.querier_address() == source


@pytest.mark.parametrize(("elected_only", "routers"), [(False, ("p1",)), (True, ())])
def test_group_queries_make_router_ports_or_not(elected_only: bool, routers: tuple[str, ...]) -> None:
    bench = Bench(replace(CONFIG, elected_querier_only=elected_only))
    bench.says("p1", Query(version=2, group=GROUP))
    assert bench.switch.router_ports() == routers
    assert (bench.switch.querier_address() is None) is elected_only


@pytest.mark.parametrize("kind", RecordType)
def test_every_record_joins_but_includes_of_nothing(kind: RecordType) -> None:
    bench = Bench(replace(CONFIG, every_record_joins=True, fast_leave=True))
    bench.record(kind, SOURCE)
    assert bench.switch.members() == ((GROUP, "p1"),)
    bench.record(kind)
    leaves = kind in (RecordType.IS_IN, RecordType.TO_IN)
    assert bench.switch.members() == (() if leaves else ((GROUP, "p1"),))


def test_block_joins_nobody_otherwise() -> None:
    bench = Bench(CONFIG)
    bench.record(RecordType.BLOCK, SOURCE)
    assert bench.switch.members() == ()


@pytest.mark.parametrize("ignored", [False, True])
def test_a_host_of_version_1_holds_off_leaves_or_not(ignored: bool) -> None:
    bench = Bench(replace(CONFIG, ignore_older_hosts=ignored, fast_leave=True))
    bench.says("p1", Report(version=1, group=GROUP))
    bench.says("p1", Leave(group=GROUP))
    assert bench.switch.members() == (() if ignored else ((GROUP, "p1"),))


@pytest.mark.parametrize(("ends", "left"), [(False, 1), (True, 0)])
def test_a_leave_while_nobody_asks(ends: bool, left: int) -> None:
    bench = Bench(replace(CONFIG, leave_without_querier=ends))
    bench.says("p1", Report(version=2, group=GROUP), at_s=1)
    bench.says("p1", Leave(group=GROUP), at_s=5)
    bench.switch.tick(6.9)
    assert len(bench.switch.members()) == 1
    bench.switch.tick(7.1)
    assert len(bench.switch.members()) == left


def test_a_leave_is_the_queriers_where_one_is_known() -> None:
    bench = Bench(replace(CONFIG, leave_without_querier=True))
    bench.says("p2", Query(version=2))
    bench.says("p1", Report(version=2, group=GROUP), at_s=1)
    bench.says("p1", Leave(group=GROUP), at_s=5)
    bench.switch.tick(10)
    assert bench.switch.members() == ((GROUP, "p1"),)


@pytest.mark.parametrize(("none_there", "members"), [(False, 2), (True, 1)])
def test_members_on_router_ports(none_there: bool, members: int) -> None:
    bench = Bench(replace(CONFIG, no_members_on_router_ports=none_there))
    bench.says("p1", Report(version=2, group=OTHER))
    bench.says("p1", Query(version=2))
    bench.says("p1", Report(version=2, group=GROUP))
    assert len(bench.switch.members()) == members


def test_what_was_learnt_stays_when_the_link_goes() -> None:
    bench = Bench(replace(CONFIG, keep_on_link_down=True))
    bench.says("p1", Report(version=2, group=GROUP))
    bench.says("p1", Query(version=2))
    bench.switch.port_down("p1", 2.0)
    assert bench.switch.members() == ((GROUP, "p1"),)
    assert bench.switch.router_ports() == ("p1",)


def test_reports_flood_like_everything_else_until_a_querier_is_known() -> None:
    config = replace(CONFIG, flood_until=FloodUntil.QUERIER, grace=False)
    assert Bench(config).says("p1", Report(version=2, group=GROUP)) == []
    bench = Bench(replace(config, floods_reports=True))
    assert bench.says("p1", Report(version=2, group=GROUP)) == ["p2", "p3"]
    bench.says("p3", Query(version=2))
    assert bench.says("p1", Report(version=2, group=GROUP)) == ["p3"]
    assert bench.says("p3", Report(version=2, group=GROUP)) == []


@pytest.mark.parametrize(("ignored", "ports_then", "ports_later"), [(True, ("p1",), ()), (False, (), ())])
def test_a_hello_of_goodbye(ignored: bool, ports_then: tuple[str, ...], ports_later: tuple[str, ...]) -> None:
    bench = Bench(replace(CONFIG, learn_router_from_pim=True, ignores_hold_time=ignored))
    frame = pim.hello_frame(pim.Hello(source=LOW, hold_time_s=0.0), source_mac=b"\x02\0\0\0\0\x01")
    bench.switch.receive("p1", frame, 1.0)
    assert bench.switch.router_ports() == ports_then
    bench.switch.tick(1.0 + CONFIG.router_port_interval_s)
    assert bench.switch.router_ports() == ports_later
