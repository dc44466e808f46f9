"""Load on those who did not ask, and the tables of a switch."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from factory import GROUP, everything, nothing, plan, run, stream, subject, traffic, where

from harness.observations.model import TableLine
from harness.plan.model import Audience, ExpectLoad, ExpectTables
from harness.verdicts.judge import Status, judge

PLAN = plan(
    4, streams=(stream(4, receivers=("n1", "n2"), watchers=("n3", "n4", "r1")),), speed=1.0, router=True
)


def load(least, most, audience=Audience.NON_MEMBERS, of=PLAN, **changes):
    return ExpectLoad(
        where=where(),
        subject=subject(of, audience=audience, **changes),
        share_at_least=least,
        share_at_most=most,
    )


def one(records, expectation, of=PLAN):
    (verdict,) = judge(of, records, [expectation])
    return verdict


def test_no_load():
    verdict = one(run(PLAN, traffic(PLAN)), load(0.0, 0.0))
    assert verdict.status is Status.PASSED
    assert verdict.expected.startswith("exactly 0% of others' datagrams reach hosts that did not ask")
    assert verdict.got == "worst host n3: 0 of 180 datagrams (0%)"


def test_the_share_is_of_what_others_sent():
    records = run(PLAN, traffic(PLAN, flooded=lambda s, w, n: w == "n4" and n < 12))
    assert one(records, load(0.0, 0.2)).status is Status.PASSED
    verdict = one(records, load(0.0, 0.19))
    assert verdict.status is Status.FAILED
    assert verdict.got == "1 of 2 hosts out of bounds; worst n4: 36 of 180 datagrams (20%)"
    assert verdict.first_wrong.receiver == "n4"
    assert verdict.first_wrong.what == "delivered"


def test_a_flood_has_to_reach_everybody():
    records = run(PLAN, traffic(PLAN, flooded=lambda s, w, n: w != "n3" or n % 2 == 0))
    assert one(records, load(0.5, 1.0)).status is Status.PASSED
    verdict = one(records, load(0.99, 1.0))
    assert verdict.status is Status.FAILED
    assert verdict.got == "1 of 2 hosts out of bounds; worst n3: 90 of 180 datagrams (50%)"
    assert verdict.first_wrong.at_s == 1.0


def test_routers_may_be_asked():
    records = run(PLAN, traffic(PLAN, flooded=lambda s, w, n: w == "r1"))
    assert one(records, load(1.0, 1.0, Audience.ROUTER_PORTS)).status is Status.PASSED
    assert one(records, load(0.0, 0.0, Audience.NON_MEMBERS)).status is Status.PASSED
    assert one(records, load(0.0, 0.0, Audience.NAMED, names=("n3",))).status is Status.PASSED


def test_members_of_one_group_may_be_loaded_with_another():
    first = stream(3, receivers=("n1", "n2"), watchers=("n3",))
    second = replace(
        first,
        number=2,
        name="other",
        group=IPv4Address("239.192.0.2"),
        receivers=("n3",),
        watchers=("n1", "n2"),
    )
    both = plan(3, streams=(first, second), speed=1.0)
    records = run(both, traffic(both), traffic(both, flooded=lambda s, w, n: w == "n1", number=2))
    members = load(0.0, 0.1, Audience.MEMBERS, of=both, streams=(1, 2))
    verdict = one(records, members, both)
    assert verdict.status is Status.FAILED
    assert verdict.got == "1 of 3 hosts out of bounds; worst n1: 120 of 120 datagrams (100%)"


def test_no_load_without_traffic_is_no_pass():
    assert one(run(PLAN), load(0.0, 0.0)).status is Status.INCONCLUSIVE
    everyone = plan(speed=1.0)
    verdict = one(run(everyone, traffic(everyone)), load(0.0, 0.0, of=everyone), everyone)
    assert verdict.status is Status.INCONCLUSIVE
    assert "nobody to judge" in verdict.got


# --- tables -----------------------------------------------------------------------------------------------


def line(at_s, table, present=True, port="", group="", address=""):
    return TableLine(
        at_s=at_s,
        switch="sw1",
        table=table,
        present=present,
        port=port,
        group=group,
        address=address,
        cause="aged out" if not present else "",
    )


LINES = [
    line(0.0, "member", port="p1", group=str(GROUP)),
    line(0.0, "member", port="p2", group=str(GROUP)),
    line(5.0, "router-port", port="p5"),
    line(5.0, "querier", address="10.77.0.5"),
    line(26.0, "member", present=False, port="p2", group=str(GROUP)),
]
GROUP6 = IPv6Address("ff15::1")
OF_MLD = [
    replace(line(0.0, "member", port="p3", group=str(GROUP6)), protocol="mld"),
    replace(line(0.0, "router-port", port="p4"), protocol="mld"),
    replace(line(0.0, "querier", address="fe80::9"), protocol="mld"),
]


def tables(at_s, groups=None, router_ports=None, querier=None, judged=False):
    return ExpectTables(
        where=where(),
        switch="sw1",
        at_s=at_s,
        groups=groups,
        router_ports=router_ports,
        querier=querier,
        querier_judged=judged,
    )


@pytest.mark.parametrize(
    ("expectation", "got"),
    [
        (tables(25.0, groups=((GROUP, ("p2", "p1")),)), "as written"),
        (tables(26.0, groups=((GROUP, ("p1",)),)), "as written"),
        (tables(20.0, groups=((IPv4Address("239.1.1.1"), ()),)), "as written"),
        (tables(4.0, router_ports=()), "as written"),
        (tables(6.0, router_ports=("p5",), querier=IPv4Address("10.77.0.5"), judged=True), "as written"),
        (tables(4.0, judged=True), "as written"),
        (tables(25.0, groups=((GROUP, ("p1",)),)), f"sw1 at 25.0 s: {GROUP} -> p1 p2"),
        (
            tables(27.0, groups=((GROUP, ()),), router_ports=(), judged=True),
            f"sw1 at 27.0 s: {GROUP} -> p1; router ports: p5; querier: 10.77.0.5",
        ),
        (tables(4.0, querier=IPv4Address("10.77.0.5"), judged=True), "sw1 at 4.0 s: querier: none"),
    ],
)
def test_tables(expectation, got):
    verdict = one(run(PLAN, LINES), expectation)
    assert verdict.got == got
    assert verdict.status is (Status.PASSED if got == "as written" else Status.FAILED)
    assert verdict.matrix is None


def test_the_last_change_is_the_cause():
    verdict = one(run(PLAN, LINES), tables(27.0, groups=((GROUP, ("p1", "p2")),)))
    assert verdict.cause == f"26.0 s sw1: {GROUP} no longer to p2 (aged out)"
    assert verdict.expected == f"sw1 at 27.0 s: {GROUP} -> p1 p2"


def test_a_table_that_changes_at_that_very_moment_is_neither_right_nor_wrong():
    fast = plan(speed=1000.0)
    both = tables(26.5, groups=((GROUP, ("p1", "p2")),))
    verdict = one(run(fast, LINES), both, fast)
    assert verdict.status is Status.INCONCLUSIVE
    assert verdict.got.endswith("but the tables changed at that very moment")
    assert one(run(PLAN, LINES), both).status is Status.FAILED


def test_load_of_everything_and_nothing():
    assert one(run(PLAN, traffic(PLAN, nothing, flooded=everything)), load(1.0, 1.0)).status is Status.PASSED


@pytest.mark.parametrize(
    ("written", "got"),
    [
        ({"groups": ((GROUP6, ("p3",)), (GROUP, ("p1", "p2")))}, "as written"),
        ({"mld_router_ports": ("p4",), "router_ports": ("p5",)}, "as written"),
        (
            {"mld_querier": IPv6Address("fe80::9"), "mld_querier_judged": True, "querier_judged": True},
            "sw1 at 6.0 s: querier: 10.77.0.5",
        ),
        (
            {"groups": ((GROUP6, ("p1",)),), "mld_router_ports": (), "mld_querier_judged": True},
            "sw1 at 6.0 s: ff15::1 -> p3; MLD router ports: p4; MLD querier: fe80::9",
        ),
    ],
)
def test_tables_of_mld_are_judged_beside_those_of_igmp(written, got):
    verdict = one(run(PLAN, LINES, OF_MLD, traffic(PLAN)), replace(tables(6.0), **written), PLAN)
    assert verdict.got == got
