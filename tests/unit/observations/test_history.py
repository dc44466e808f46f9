"""The index of a run: deliveries, memberships, and tables."""

import time
from dataclasses import replace

import pytest
from factory import GROUP, plan, run, stream, traffic

from harness.observations.history import History
from harness.observations.model import (
    Acted,
    Arrived,
    Ended,
    Impaired,
    Membership,
    Mode,
    Sent,
    TableLine,
)
from harness.plan.model import Action, ActionKind

PLAN = plan(speed=1.0)


def history(*records, of=PLAN):
    return History(records, of)


def member(at_s, port, present, cause="", group=str(GROUP)):
    return TableLine(
        at_s=at_s, switch="sw1", table="member", present=present, port=port, group=group, cause=cause
    )


def test_repetitions_are_counted():
    first = Arrived(at_s=1.0, stream=1, sender="n1", sequence=1, hosts=("n2", "n2", "n3"))
    found = history(first, replace(first, hosts=("n2",), flooded=("n4",))).flow(1, "n1")
    assert found.heard["n2"][1] == 3
    assert found.heard["n3"][1] == 1
    assert found.flooded["n4"][1] == 1
    assert (found.duplicates("n2"), found.duplicates("n3"), found.duplicates("n4")) == (1, 0, 0)


def test_more_repetitions_than_a_byte_holds():
    again = Arrived(at_s=1.0, stream=1, sender="n1", sequence=1, hosts=("n2",) * 200)
    assert history(again, again).flow(1, "n1").heard["n2"][1] == 255


def test_what_the_plan_cannot_have_sent_is_a_stray():
    found = history(
        Arrived(at_s=1.0, stream=9, sender="n1", sequence=0, hosts=("n2",)),
        Arrived(at_s=1.0, stream=1, sender="#77", sequence=0, hosts=("n2",)),
        Arrived(at_s=1.0, stream=1, sender="n1", sequence=10**9, hosts=("n2",)),
        Sent(at_s=1.0, stream=9, sender="n1", first=0, count=3),
    )
    assert found.strays == 6


def test_refused_is_not_sent():
    found = history(
        Sent(at_s=4.0, stream=1, sender="n1", first=0, count=5),
        Sent(at_s=6.0, stream=1, sender="n1", first=5, count=2, error="ENETUNREACH"),
        Sent(at_s=9.0, stream=1, sender="n1", first=7, count=3),
    ).flow(1, "n1")
    assert found.sent == ((0, 5), (7, 10))
    assert found.refused == ((5, 7, "ENETUNREACH"),)


def test_memberships_follow_wishes():
    members = history(
        Membership(at_s=0.0, node="n1", stream=1, joined=True),
        Membership(at_s=10.5, node="n1", stream=1, joined=False),
        Membership(at_s=20.5, node="n1", stream=1, joined=True),
    ).members
    assert members.spans(1, "n1") == ((0, 11), (21, 60))
    assert members.intervals(1, "n1") == ((float("-inf"), 10.5), (20.5, float("inf")))
    assert members.changing(1, "n1") == ()
    assert members.spans(1, "n2") == ((0, 60),)
    assert members.spans(1, "nobody") == ()


def test_a_late_leave_is_under_way_from_the_moment_it_was_wanted():
    leave = Action(at_s=10.0, kind=ActionKind.LEAVE, text="n1 leaves", line=9, target="n1", stream=1)
    done = Membership(at_s=12.5, node="n1", stream=1, joined=False)
    members = history(done, of=plan(actions=(leave,), speed=1.0)).members
    assert members.changing(1, "n1") == ((10, 13),)


def test_the_guard_is_a_millisecond_of_this_machine():
    left = Membership(at_s=10.05, node="n1", stream=1, joined=False)
    assert history(left, of=plan(speed=100.0)).members.changing(1, "n1") == ((10, 11),)
    assert history(left, of=plan(speed=10.0)).members.changing(1, "n1") == ()


def test_datagrams_at_a_step_are_contested():
    assert history(Acted(at_s=20.0, text="x"), of=plan(speed=1.0)).contested(1) == ((20, 21),)
    assert history(Acted(at_s=20.0, text="x", late_s=2.0)).contested(1) == ((20, 23),)
    assert history(Acted(at_s=20.5, text="x")).contested(1) == ()


def test_tables_at_a_moment():
    switches = history(
        member(0.0, "p3", True),
        member(0.0, "p2", True),
        TableLine(at_s=5.0, switch="sw1", table="router-port", present=True, port="p4"),
        TableLine(at_s=5.0, switch="sw1", table="querier", present=True, address="10.77.0.9"),
        member(9.0, "p3", False),
        TableLine(at_s=9.0, switch="sw1", table="querier", present=False, address="10.77.0.9"),
        Mode(at_s=12.0, switch="sw1", snooping=False, unregistered="flood", cause="configured"),
    ).switches
    assert switches.tables_at("sw1", 4.9).groups == {str(GROUP): ("p2", "p3")}
    assert switches.tables_at("sw1", 5.0).router_ports == ("p4",)
    assert switches.tables_at("sw1", 5.0).querier == "10.77.0.9"
    assert switches.tables_at("sw1", 9.0).groups == {str(GROUP): ("p2",)}
    assert switches.tables_at("sw1", 9.0).querier == ""
    assert switches.tables_at("sw1", 11.9).mode is None
    assert switches.tables_at("sw1", 12.0).mode.snooping is False
    assert switches.tables_at("nowhere", 12.0).groups == {}


def test_members_of_some_sources_and_the_tables_of_each_protocol():
    switches = history(
        replace(member(1.0, "p3", True), filter="include 10.77.0.1"),
        replace(member(2.0, "p2", True, group="ff15::1"), protocol="mld"),
        TableLine(at_s=3.0, switch="sw1", table="router-port", present=True, port="p4", protocol="mld"),
        TableLine(at_s=3.0, switch="sw1", table="router-port", present=True, port="p5"),
        TableLine(at_s=4.0, switch="sw1", table="querier", present=True, address="fe80::9", protocol="mld"),
        replace(member(6.0, "p3", True), filter="exclude 10.77.0.2"),
        replace(member(8.0, "p3", True)),
        TableLine(at_s=9.0, switch="sw1", table="router-port", present=False, port="p4", protocol="mld"),
        Mode(at_s=9.0, switch="sw1", snooping=True, unregistered="drop", cause="x", protocol="mld"),
    ).switches
    assert switches.tables_at("sw1", 5.0).filters == {(str(GROUP), "p3"): "include 10.77.0.1"}
    assert switches.tables_at("sw1", 5.0).groups == {str(GROUP): ("p3",), "ff15::1": ("p2",)}
    assert switches.tables_at("sw1", 6.0).filters == {(str(GROUP), "p3"): "exclude 10.77.0.2"}
    assert switches.tables_at("sw1", 8.0).filters == {}
    assert switches.tables_at("sw1", 5.0).router_ports == ("p5",)
    assert switches.tables_at("sw1", 5.0).querier == ""
    assert switches.tables_at("sw1", 5.0, "mld").router_ports == ("p4",)
    assert switches.tables_at("sw1", 5.0, "mld").querier == "fe80::9"
    assert switches.tables_at("sw1", 9.0, "mld").router_ports == ()
    assert switches.tables_at("sw1", 9.0, "mld").mode.unregistered == "drop"
    assert switches.tables_at("sw1", 9.0).mode is None


def test_a_killed_run_is_known_until_a_little_before_its_last_record():
    at = Sent(at_s=30.0, stream=1, sender="n1", first=0, count=31)
    assert History([at], plan(speed=10.0)).known_until_s == pytest.approx(28.0)
    interrupted = Ended(at_s=30.0, status="interrupted")
    assert History([at, interrupted], plan(speed=10.0)).known_until_s == pytest.approx(29.99)
    complete = Ended(at_s=30.0, status="complete")
    assert History([at, complete], plan(speed=10.0)).known_until_s == 60.0
    assert History([], PLAN).known_until_s == 0.0


def test_losses_are_told_a_little_later():
    drop = Impaired(at_s=31.0, what="backlog", count=3)
    assert History([drop], plan(speed=10.0)).impaired_until(30.0) == (drop,)
    assert History([drop], plan(speed=1.0)).impaired_until(30.0) == ()


@pytest.mark.parametrize(
    ("nodes", "datagrams", "limit_s"), [(200, 25, 5.0), (8, 30_000, 5.0)], ids=["wide", "long"]
)
def test_a_large_run_is_indexed_in_seconds(nodes, datagrams, limit_s):
    period_s = 60.0 / datagrams
    big = plan(nodes, streams=(stream(nodes, period_s=period_s),))
    records = run(big, traffic(big))
    began_s = time.perf_counter()
    found = History(records, big)
    assert time.perf_counter() - began_s < limit_s
    assert found.flow(1, "n1").heard["n2"].count(1) == datagrams
