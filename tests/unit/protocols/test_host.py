"""A host's membership part: versions, timers, suppression, and the faults that it can be given."""

from __future__ import annotations

import random
from ipaddress import IPv4Address, ip_address

import pytest
from host_bench import GROUP, OTHER, OTHER_GROUP, OTHER_MAC, OWN, OWN_MAC, HostBench, record

from harness.protocols.effects import EVERY_SOURCE, FilterMode, Heard, SourceFilter
from harness.protocols.host import MembershipHost
from harness.protocols.host_config import HostConfig, IgnoredQuery
from harness.wire import igmp
from harness.wire.membership import GroupRecord, Leave, Query, RecordReport, RecordType, Report

A, B, C = (IPv4Address(f"10.0.0.{number}") for number in (1, 2, 3))


def only(mode, *sources):
    return SourceFilter(mode=mode, sources=sources)


# --- version 2 ------------------------------------------------------------------------------------------


def test_version_2_reports_at_once_and_once_more():
    bench = HostBench(version=2)
    assert bench.join() == [Report(version=2, group=GROUP)]
    assert bench.wait(100) == [Report(version=2, group=GROUP)]
    assert 0 <= bench.moments()[1] <= 10
    assert [frame.destination for _, frame in bench.said] == [GROUP, GROUP]


def test_robustness_says_how_often():
    bench = HostBench(version=2, robustness=4)
    bench.join()
    assert len(bench.wait(100)) == 3


@pytest.mark.parametrize("version", [1, 2])
def test_a_general_query_is_answered_once_within_the_response_time(version):
    bench = HostBench(version=version, robustness=1)
    bench.join()
    bench.wait(1)
    bench.query(version=version, max_response_s=10.0)
    assert bench.wait(10) == [Report(version=version, group=GROUP)]
    assert bench.wait(1000) == []


def test_every_group_has_a_delay_of_its_own():
    bench = HostBench(version=2, robustness=1)
    groups = [IPv4Address(f"239.192.1.{number}") for number in range(1, 21)]
    for group in groups:
        bench.join(group)
    bench.said.clear()
    bench.query()
    bench.wait(10)
    assert sorted(frame.message.group for _, frame in bench.said) == groups
    assert len(set(bench.moments())) == 20
    assert max(bench.moments()) > 5


def test_another_members_report_keeps_it_silent():
    bench = HostBench(version=2)
    bench.join()
    bench.query()
    bench.other_reports()
    assert bench.wait(100) == []
    bench.query()
    bench.other_reports(OTHER_GROUP)
    assert len(bench.wait(100)) == 1


def test_a_group_query_concerns_its_group_alone():
    bench = HostBench(version=2, robustness=1)
    bench.join()
    bench.join(OTHER_GROUP)
    bench.query(OTHER_GROUP, max_response_s=1.0)
    assert bench.wait(1) == [Report(version=2, group=OTHER_GROUP)]
    bench.query(IPv4Address("239.192.9.9"))
    assert bench.wait(100) == []


def test_a_running_timer_is_only_ever_shortened():
    bench = HostBench(version=2, robustness=1)
    bench.join()
    bench.query(max_response_s=25.0)
    first_s = bench.host.next_deadline()
    bench.query(max_response_s=25.0)
    assert bench.host.next_deadline() == first_s
    bench.query(GROUP, max_response_s=0.1)
    assert bench.host.next_deadline() <= 0.1


def test_only_the_last_reporter_says_that_it_leaves():
    bench = HostBench(version=2, robustness=1)
    bench.join()
    bench.other_reports()
    assert bench.leave() == []
    bench.join()
    assert bench.leave() == [Leave(group=GROUP)]
    assert bench.said[-1][1].destination == igmp.ALL_ROUTERS
    assert bench.leave() == []
    bench.query()
    assert bench.wait(100) == []


def test_version_1_knows_no_leave_and_no_group_query():
    bench = HostBench(version=1, robustness=1)
    bench.join()
    bench.query(OTHER_GROUP, version=2, max_response_s=1.0)
    assert bench.wait(10) == [Report(version=1, group=GROUP)], "it does not look at the group"
    assert bench.leave() == []


# --- version 3 ------------------------------------------------------------------------------------------


def test_version_3_tells_a_join_twice():
    bench = HostBench()
    assert [record(one) for one in bench.join()] == [(RecordType.TO_EX, ())]
    assert [record(one) for one in bench.wait(1)] == [(RecordType.TO_EX, ())]
    assert bench.wait(100) == []
    assert {frame.destination for _, frame in bench.said} == {igmp.ALL_V3_ROUTERS}


def test_version_3_tells_a_leave_twice():
    bench = HostBench()
    bench.join()
    bench.wait(1)
    told = bench.leave() + bench.wait(100)
    assert [record(one) for one in told] == [(RecordType.TO_IN, ())] * 2


def test_a_leave_during_a_join_is_told_instead_of_it():
    bench = HostBench()
    bench.join()
    told = bench.leave() + bench.wait(100)
    assert [record(one) for one in told] == [(RecordType.TO_IN, ())] * 2


def test_sources_come_and_go():
    bench = HostBench(robustness=1)
    told = bench.join(sources=only(FilterMode.INCLUDE, A, B))
    told += bench.join(sources=only(FilterMode.INCLUDE, B, C))
    told += bench.join(sources=only(FilterMode.EXCLUDE, C))
    told += bench.join(sources=only(FilterMode.EXCLUDE, A))
    told += bench.join(sources=only(FilterMode.INCLUDE, A))
    told += bench.leave()
    assert [tuple((r.type.name, *map(str, r.sources)) for r in one.records) for one in told] == [
        (("ALLOW", "10.0.0.1", "10.0.0.2"),),
        (("ALLOW", "10.0.0.3"), ("BLOCK", "10.0.0.1")),
        (("TO_EX", "10.0.0.3"),),
        (("ALLOW", "10.0.0.3"), ("BLOCK", "10.0.0.1")),
        (("TO_IN", "10.0.0.1"),),
        (("BLOCK", "10.0.0.1"),),
    ]


def test_a_general_query_is_answered_with_all_groups_in_one_report():
    bench = HostBench(robustness=1)
    bench.join()
    bench.join(OTHER_GROUP, only(FilterMode.INCLUDE, A))
    bench.query(version=3, max_response_s=10.0)
    (answer,) = bench.wait(10)
    assert answer == RecordReport(
        records=(
            GroupRecord(type=RecordType.IS_EX, group=GROUP),
            GroupRecord(type=RecordType.IS_IN, group=OTHER_GROUP, sources=(A,)),
        )
    )


@pytest.mark.parametrize(
    ("wanted", "asked", "answer"),
    [
        (only(FilterMode.INCLUDE, A, B), (A, C), (RecordType.IS_IN, ("10.0.0.1",))),
        (only(FilterMode.INCLUDE, A), (C,), None),
        (only(FilterMode.EXCLUDE, A), (A, C), (RecordType.IS_IN, ("10.0.0.3",))),
        (EVERY_SOURCE, (A,), (RecordType.IS_IN, ("10.0.0.1",))),
        (EVERY_SOURCE, (), (RecordType.IS_EX, ())),
    ],
)
def test_sources_that_were_asked_for(wanted, asked, answer):
    bench = HostBench(robustness=1)
    bench.join(sources=wanted)
    bench.query(GROUP, version=3, max_response_s=1.0, sources=asked)
    told = [record(one) for one in bench.wait(1)]
    assert told == ([] if answer is None else [answer])


def test_questions_that_come_together_are_answered_together():
    bench = HostBench(robustness=1)
    bench.join()
    for sources in ((A,), (B,)):
        bench.query(GROUP, version=3, max_response_s=1.0, sources=sources)
    assert [record(one) for one in bench.wait(1)] == [(RecordType.IS_IN, ("10.0.0.1", "10.0.0.2"))]
    for sources in ((A,), ()):
        bench.query(GROUP, version=3, max_response_s=1.0, sources=sources)
    assert [record(one) for one in bench.wait(1)] == [(RecordType.IS_EX, ())]


def test_version_3_is_not_kept_silent_by_others():
    bench = HostBench(robustness=1)
    bench.join()
    bench.query(version=3)
    bench.other_reports()
    assert len(bench.wait(10)) == 1


# --- old queriers ---------------------------------------------------------------------------------------


def test_it_falls_back_for_an_older_querier_and_returns_when_that_is_gone():
    bench = HostBench(robustness=2)
    bench.join()
    bench.query(version=2, max_response_s=10.0)
    assert bench.host.version == 2
    assert bench.wait(10) == [Report(version=2, group=GROUP)]
    bench.query(version=3, max_response_s=10.0)
    assert bench.wait(10) == [Report(version=2, group=GROUP)], "a version 3 query does not bring it back"
    bench.wait(239.9)
    assert bench.host.version == 2
    bench.wait(0.2)
    assert bench.host.version == 3, "robustness x query interval + response time after the last"


def test_the_oldest_querier_counts():
    bench = HostBench(robustness=1)
    bench.join()
    bench.query(version=2)
    bench.query(version=1)
    assert bench.wait(10) == [Report(version=1, group=GROUP)]
    assert bench.leave() == []


def test_a_version_1_query_names_no_response_time():
    bench = HostBench(robustness=1, v1_response_s=0.1)
    bench.join()
    bench.query(version=1)
    assert len(bench.wait(0.1)) == 1


# --- whatever a frame holds -----------------------------------------------------------------------------


def test_its_own_frames_and_damage_are_nothing():
    bench = HostBench(version=2)
    bench.join()
    bench.hear(Report(version=2, group=GROUP), OWN, OWN_MAC)
    frame = bytearray(igmp.igmp_frame(Query(), source_mac=OTHER_MAC, source=OTHER))
    frame[-1] ^= 0xFF
    assert bench.host.receive(bytes(frame), 0.0) == []
    assert bench.host.receive(OTHER_MAC * 2 + b"\x08\x06" + bytes(28), 0.0) == []
    assert len(bench.wait(10)) == 1, "the repetition of its join was not stopped"


def test_what_is_heard_is_told():
    bench = HostBench()
    frame = igmp.igmp_frame(Query(), source_mac=OTHER_MAC, source=OTHER)
    assert bench.host.receive(frame, 0.0) == [Heard(what="query", port="eth0", source=OTHER, group=None)]


def test_the_group_of_all_hosts_is_never_reported():
    bench = HostBench()
    assert bench.join(IPv4Address("224.0.0.1")) + bench.wait(10) == []
    bench.query(version=3)
    assert bench.wait(10) == []


@pytest.mark.parametrize("address", ["10.0.0.1", "ff02::fb"])
def test_what_is_no_group_cannot_be_joined(address):
    host = MembershipHost(HostConfig(address=OWN, mac=OWN_MAC), random.Random(1))
    with pytest.raises(ValueError, match=f"{address} is no group of IGMP"):
        host.join(ip_address(address), 0.0)


def test_an_interface_that_comes_up_reports_everything_anew():
    bench = HostBench(version=2, robustness=1)
    bench.join()
    bench.join(OTHER_GROUP)
    bench.query(version=1)
    bench.said.clear()
    bench.keep(bench.host.rejoin(bench.now))
    assert [frame.message for _, frame in bench.said] == [
        Report(version=2, group=GROUP),
        Report(version=2, group=OTHER_GROUP),
    ]
    assert bench.host.memberships() == ((GROUP, EVERY_SOURCE), (OTHER_GROUP, EVERY_SOURCE))


# --- faults ---------------------------------------------------------------------------------------------


def test_it_may_never_report():
    bench = HostBench(reports=False)
    assert bench.join() == bench.wait(10) == []
    bench.query()
    assert bench.wait(100) == bench.leave() == []


@pytest.mark.parametrize("version", [2, 3])
def test_it_may_never_answer(version):
    bench = HostBench(version=version, answers_queries=False)
    assert len(bench.join() + bench.wait(10)) == 2
    bench.query(version=version)
    bench.query(GROUP, version=version)
    assert bench.wait(1000) == []
    assert len(bench.leave()) == 1


@pytest.mark.parametrize("version", [1, 2, 3])
def test_it_may_go_without_a_word(version):
    bench = HostBench(version=version, leaves=False)
    bench.join()
    assert bench.leave() + bench.wait(100) == []
    bench.query(version=version)
    assert bench.wait(100) == []


def test_it_may_report_to_a_wrong_address_and_with_a_wrong_header():
    wrong = IPv4Address("224.0.0.2")
    bench = HostBench(version=2, reports_to=wrong, hops=64, router_alert=False)
    bench.join()
    bench.leave()
    assert [(frame.destination, frame.hops, frame.router_alert) for _, frame in bench.said] == [
        (wrong, 64, False)
    ] * 2
    assert bench.said[0][1].message == Report(version=2, group=GROUP)


def test_it_may_answer_too_late():
    bench = HostBench(version=2, robustness=1, extra_delay_s=12.0)
    bench.join()
    bench.query(max_response_s=10.0)
    assert bench.wait(12) == []
    assert len(bench.wait(10)) == 1


@pytest.mark.parametrize(
    ("ignored", "source", "frame", "unseen"),
    [
        (IgnoredQuery.FROM_ZERO, "0.0.0.0", {}, True),
        (IgnoredQuery.FROM_ZERO, "10.77.255.1", {}, False),
        (IgnoredQuery.OFF_SUBNET, "10.78.0.1", {}, True),
        (IgnoredQuery.OFF_SUBNET, "10.77.255.1", {}, False),
        (IgnoredQuery.OFF_SUBNET, "0.0.0.0", {}, False),
        (IgnoredQuery.WITHOUT_ROUTER_ALERT, "10.77.255.1", {"router_alert": False}, True),
        (IgnoredQuery.WITHOUT_ROUTER_ALERT, "10.77.255.1", {}, False),
        (IgnoredQuery.HOPS, "10.77.255.1", {"hops": 2}, True),
        (IgnoredQuery.HOPS, "10.77.255.1", {}, False),
    ],
)
def test_it_may_be_strict(ignored, source, frame, unseen):
    bench = HostBench(version=2, robustness=1, prefix_length=16, ignores=(ignored,))
    bench.join()
    bench.hear(Query(), IPv4Address(source), **frame)
    assert (bench.wait(10) == []) is unseen
    lenient = HostBench(version=2, robustness=1, prefix_length=16)
    lenient.join()
    lenient.hear(Query(), IPv4Address(source), **frame)
    assert len(lenient.wait(10)) == 1


# --- configuration --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong", [{"version": 4}, {"version": 0}, {"robustness": 0}, {"extra_delay_s": -1.0}, {"hops": 256}]
)
def test_what_no_host_can_be(wrong):
    with pytest.raises(ValueError):
        HostConfig(address=OWN, mac=OWN_MAC, **wrong)


def test_speed_divides_every_time():
    config = HostConfig(address=OWN, mac=OWN_MAC, extra_delay_s=12.0).scaled(100)
    times = {name: getattr(config, name) for name in config.__slots__ if name.endswith("_s")}
    assert times == {
        "extra_delay_s": 0.12,
        "unsolicited_v2_s": 0.1,
        "unsolicited_v3_s": 0.01,
        "query_interval_s": 1.25,
        "v1_response_s": 0.1,
    }


# --- Linux ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("linux", "answers"), [(True, 0), (False, 1)])
def test_linux_is_silenced_by_a_report_without_records_when_asked_for_the_group(linux, answers):
    bench = HostBench(version=3, linux=linux, robustness=1)
    bench.join()
    bench.wait(10)
    bench.query(version=3, group=GROUP, max_response_s=10.0)
    bench.hear(Report(version=2, group=GROUP))
    assert len(bench.wait(20)) == answers


@pytest.mark.parametrize(("linux", "answers"), [(True, 0), (False, 1)])
def test_a_linux_host_of_version_1_is_silenced_by_reports_of_version_2(linux, answers):
    bench = HostBench(version=1, linux=linux, robustness=1)
    bench.join()
    bench.wait(10)
    bench.query(version=1)
    bench.hear(Report(version=2, group=GROUP))
    assert len(bench.wait(20)) == answers


@pytest.mark.parametrize(("linux", "version"), [(True, 2), (False, 3)])
def test_linux_remembers_older_queriers_while_its_link_is_down(linux, version):
    bench = HostBench(linux=linux)
    bench.join()
    bench.query(version=2)
    bench.wait(20)
    bench.host.rejoin(bench.now)
    assert bench.host.version == version


@pytest.mark.parametrize(("linux", "kinds"), [(True, {RecordReport, Report}), (False, {Report})])
def test_linux_answers_a_query_of_version_3_although_an_older_one_came_since(linux, kinds):
    bench = HostBench(linux=linux)
    bench.join()
    bench.wait(20)
    bench.query(version=3, max_response_s=10.0)
    bench.query(version=2, max_response_s=10.0)
    assert {type(message) for message in bench.wait(10)} == kinds
