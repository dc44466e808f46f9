"""The snooping switch that keeps sources (RFC 9776 sections 6 and 7.3.2)."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from switch_bench import GROUP, OTHER_GROUP, Bench, changes, querier, record, said, sent

from harness.protocols.effects import EVERY_SOURCE, FilterMode, SourceFilter, Table
from harness.wire import membership
from harness.wire.membership import RecordType

A, B = "10.0.0.1", "10.0.0.2"
ADDRESS_A, ADDRESS_B = IPv4Address(A), IPv4Address(B)
V3 = {"querier": querier(version=3), "source_filtering": True}


def test_a_member_of_one_source_is_told_with_its_filter_and_told_again_when_it_changes():
    bench = Bench(source_filtering=True)
    first = changes(bench.records("p1", RecordType.ALLOW, A))
    second = changes(bench.records("p1", RecordType.ALLOW, B))
    third = changes(bench.records("p1", RecordType.TO_EX))
    assert [change.filter for change in first + second + third] == [
        SourceFilter(mode=FilterMode.INCLUDE, sources=(ADDRESS_A,)),
        SourceFilter(mode=FilterMode.INCLUDE, sources=(ADDRESS_A, ADDRESS_B)),
        EVERY_SOURCE,
    ]
    assert all(change.present and change.cause == "report from 10.77.0.1" for change in first + second)
    assert bench.switch.filters() == (((GROUP, "p1"), EVERY_SOURCE),)
    assert bench.switch.filter_of(GROUP, "p2") is None


def test_without_source_filtering_every_entry_is_one_of_any_source():
    bench = Bench()
    bench.records("p1", RecordType.ALLOW, A)
    bench.records("p2", RecordType.IS_EX, B)
    assert (bench.filter("p1"), bench.filter("p2")) == ("exclude", "exclude")


def test_each_source_ages_by_itself():
    bench = Bench(source_filtering=True)
    bench.records("p1", RecordType.ALLOW, A, B)
    bench.wait(100)
    bench.records("p1", RecordType.IS_IN, B)
    bench.wait(160)
    assert bench.filter("p1") == f"include {B}"
    bench.wait(100)
    assert bench.members() == []


def test_without_a_querier_a_block_record_cuts_nothing_off():
    bench = Bench(source_filtering=True)
    bench.records("p1", RecordType.ALLOW, A, B)
    bench.records("p1", RecordType.BLOCK, A)
    assert bench.filter("p1") == f"include {A} {B}"


def test_the_acting_querier_asks_for_sources_that_are_blocked():
    """RFC 9776 section 6.6.3.2: last member query count queries for the source, then it is over."""
    bench = Bench(**V3)
    bench.records("p1", RecordType.ALLOW, A, B)
    blocked = bench.records("p1", RecordType.BLOCK, A)
    query = membership.Query(
        version=3,
        group=GROUP,
        sources=(ADDRESS_A,),
        max_response_s=1.0,
        robustness=2,
        query_interval_s=125.0,
    )
    assert sent(blocked) == [("p1", query)]
    assert sent(bench.wait(1.5)) == [("p1", query)]
    (change,) = changes(bench.wait(0.5))
    assert change.filter == SourceFilter(mode=FilterMode.INCLUDE, sources=(ADDRESS_B,))
    assert change.cause == "left: no member answered for a source"


def test_a_source_that_is_answered_for_stays_and_is_asked_for_with_the_s_flag():
    """RFC 9776 section 6.6.3.2: answered and open sources go into separate queries."""
    bench = Bench(**V3)
    bench.records("p1", RecordType.ALLOW, A, B)
    bench.records("p1", RecordType.BLOCK, A, B)
    bench.wait(0.5)
    bench.records("p1", RecordType.IS_IN, A)
    again = sent(bench.wait(1))
    assert [(message.sources, message.suppress) for _, message in again] == [
        ((ADDRESS_B,), False),
        ((ADDRESS_A,), True),
    ]
    bench.wait(0.5)
    assert bench.filter("p1") == f"include {A}"


def test_a_group_that_is_answered_for_is_asked_for_with_the_s_flag():
    """RFC 9776 section 6.6.3.1."""
    bench = Bench(**V3)
    bench.records("p1", RecordType.IS_EX)
    first = sent(bench.records("p1", RecordType.TO_IN))
    bench.wait(0.5)
    bench.records("p1", RecordType.IS_EX)
    second = sent(bench.wait(1))
    assert [message.suppress for _, message in first + second] == [False, True]
    bench.wait(20)
    assert bench.filter("p1") == "exclude"


def test_a_host_that_turns_to_some_sources_is_asked_for_the_others_and_for_the_group():
    """RFC 9776 section 6.4.2: EXCLUDE (X,Y), TO_IN (A): Q(G,X-A), Q(G)."""
    bench = Bench(**V3)
    bench.records("p1", RecordType.IS_EX)
    bench.records("p1", RecordType.ALLOW, A)
    asked = sent(bench.records("p1", RecordType.TO_IN, B))
    assert [message.sources for _, message in asked] == [(ADDRESS_A,), ()]
    bench.wait(2)
    assert bench.filter("p1") == f"include {B}"


def test_a_querier_of_version_2_cannot_ask_for_sources():
    bench = Bench(querier=querier(version=2), source_filtering=True)
    bench.records("p1", RecordType.ALLOW, A)
    assert said(bench.records("p1", RecordType.BLOCK, A)) == []
    assert bench.filter("p1") == f"include {A}"


def test_another_queriers_question_for_sources_shortens_their_timers():
    """RFC 9776 section 6.6.1; the S flag forbids it."""
    for suppress, left in ((False, f"include {B}"), (True, f"include {A} {B}")):
        bench = Bench(source_filtering=True)
        bench.records("p1", RecordType.ALLOW, A, B)
        bench.query("p4", version=3, group=GROUP, sources=(ADDRESS_A,), max_response_s=1.0, suppress=suppress)
        bench.wait(3)
        assert bench.filter("p1") == left


def test_fast_leave_takes_sources_off_at_once():
    bench = Bench(source_filtering=True, fast_leave=True)
    bench.records("p1", RecordType.ALLOW, A, B)
    (cut,) = changes(bench.records("p1", RecordType.BLOCK, A))
    assert (bench.filter("p1"), cut.cause) == (f"include {B}", "leave from 10.77.0.1, fast leave")
    bench.records("p1", RecordType.TO_IN)
    assert bench.members() == []


# Older hosts (RFC 9776 section 7.3.2)


def test_while_a_version_2_host_is_known_nothing_is_cut_off_by_source():
    bench = Bench(querier=querier(version=3), source_filtering=True)
    bench.join("p1")
    assert said(bench.records("p1", RecordType.BLOCK, A)) == []
    bench.records("p1", RecordType.TO_EX, B)
    assert bench.filter("p1") == "exclude", "the list of TO_EX is ignored"


def test_when_the_version_2_host_is_gone_sources_count_again():
    bench = Bench(querier=querier(version=3), source_filtering=True)
    bench.join("p1")
    for _ in range(3):
        bench.wait(100)
        bench.records("p1", RecordType.IS_EX)
    assert said(bench.records("p1", RecordType.BLOCK, A)) == ["group query"]


def test_a_version_2_host_on_another_port_or_group_does_not_matter():
    bench = Bench(querier=querier(version=3), source_filtering=True)
    bench.join("p2")
    bench.join("p1", OTHER_GROUP)
    bench.records("p1", RecordType.IS_EX)
    assert said(bench.records("p1", RecordType.BLOCK, A)) == ["group query"]


@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("left", [membership.Leave(group=GROUP), record(RecordType.TO_IN)])
def test_while_a_version_1_host_is_known_leaves_are_ignored(keeps, left):
    """RFC 2236 section 3 and RFC 9776 section 7.3.2: that host could not say that it stays."""
    bench = Bench(querier=querier(), source_filtering=keeps, fast_leave_ports=frozenset({"p2"}))
    for port in ("p1", "p2"):
        bench.hear(port, membership.Report(version=1, group=GROUP))
        bench.join(port)
        assert said(bench.hear(port, left)) == []
    assert len(bench.members()) == 2
    bench.wait(200)
    bench.join("p1")
    bench.wait(60)
    assert said(bench.hear("p1", left)) == ["group query"], "the version 1 host has been silent for long"


def test_what_was_known_of_older_hosts_goes_with_the_entry():
    bench = Bench(querier=querier())
    bench.hear("p1", membership.Report(version=1, group=GROUP))
    bench.keep(bench.switch.port_down("p1", bench.now))
    bench.keep(bench.switch.port_up("p1", bench.now))
    bench.join("p1")
    assert said(bench.leave("p1")) == ["group query"]


# Changes of configuration


def test_sources_are_forgotten_when_they_are_kept_no_longer():
    bench = Bench(source_filtering=True)
    bench.records("p1", RecordType.ALLOW, A)
    effects = bench.switch.reconfigure(replace(bench.switch.config, source_filtering=False), 10.0)
    assert [change.filter for change in changes(effects, Table.MEMBER)] == [EVERY_SOURCE]
    bench.wait(260)
    assert bench.members() == []


# The source-specific range (RFC 4604 section 2.2.1, RFC 4607 section 1)


@pytest.mark.parametrize("keeps", [False, True])
def test_joins_of_any_source_can_be_ignored_in_the_source_specific_range(keeps):
    group = IPv4Address("232.43.211.234")
    bench = Bench(any_source_in_ssm=False, source_filtering=keeps, static_router_ports=("p4",))
    bench.join("p1", group)
    bench.records("p1", RecordType.IS_EX, group=group)
    bench.records("p1", RecordType.TO_EX, A, group=group)
    assert bench.members() == []
    bench.records("p1", RecordType.ALLOW, A, group=group)
    assert bench.members() == [(str(group), "p1")]
    bench.join("p2")
    assert bench.members() == [(str(group), "p1"), (str(GROUP), "p2")]


def test_joins_of_any_source_are_taken_there_unless_told_otherwise():
    bench = Bench()
    bench.join("p1", IPv4Address("232.43.211.234"))
    assert len(bench.members()) == 1
