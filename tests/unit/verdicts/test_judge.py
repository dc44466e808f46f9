"""What the run itself allows: short runs, this machine's losses and lateness; and that judging is pure."""

import random
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from factory import (
    GROUP,
    before,
    everything,
    nothing,
    plan,
    run,
    since,
    stream,
    subject,
    traffic,
    where,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.observations.model import Arrived, Impaired, Mode, TableLine
from harness.plan.model import (
    Audience,
    ExpectDelivery,
    ExpectHeal,
    ExpectLoad,
    ExpectMatrix,
    ExpectStop,
    ExpectTables,
)
from harness.verdicts import words
from harness.verdicts.judge import Status, judge

PLAN = plan(speed=1.0)
ALL = ExpectDelivery(where=where(), subject=subject(PLAN), loss_at_least=0.0, loss_at_most=0.0)
NONE = ExpectDelivery(where=where(), subject=subject(PLAN, 25.0), loss_at_least=1.0, loss_at_most=1.0)
STOP = ExpectStop(where=where(), subject=subject(PLAN), earliest_s=20.0, latest_s=30.0)
HEAL = ExpectHeal(where=where(), subject=subject(PLAN, 20.0), since_s=20.0, by_s=30.0)
ROWS = (("n1", ("n2", "n3", "n4")), ("n2", ()))
MATRIX = ExpectMatrix(where=where(), subject=subject(PLAN), hears=ROWS)
TABLES = ExpectTables(
    where=where(),
    switch="sw1",
    at_s=30.0,
    groups=((GROUP, ("p1",)),),
    router_ports=None,
    querier=None,
    querier_judged=False,
)


def one(records, expectation, of=PLAN):
    (verdict,) = judge(of, records, [expectation])
    return verdict


# --- short runs -------------------------------------------------------------------------------------------


def test_what_lies_before_the_end_of_a_short_run_is_judged():
    early = replace(ALL, subject=subject(PLAN, 0.0, 10.0))
    records = run(PLAN, traffic(PLAN, until_s=13.0), status="broken", detail="sw1 is gone")
    assert one(records, early).status is Status.PASSED
    verdict = one(records, ALL)
    assert verdict.status is Status.INCONCLUSIVE
    assert verdict.got == "the run ended at 12.01 s, before 60.0 s (broken: sw1 is gone)"
    assert one(records, TABLES).status is Status.INCONCLUSIVE


def test_a_killed_run_has_no_end_in_its_records():
    records = run(PLAN, traffic(PLAN, until_s=13.0))[:-1]
    verdict = one(records, ALL)
    assert verdict.status is Status.INCONCLUSIVE
    assert verdict.got.endswith("before 60.0 s (without an end in its records)")
    assert one([], ALL).status is Status.INCONCLUSIVE


# --- this machine -----------------------------------------------------------------------------------------

BACKLOG = Impaired(at_s=10.0, what="backlog", count=12)
LATE = Impaired(at_s=10.0, what="late", late_s=2.5)
MEMBER = TableLine(at_s=5.0, switch="sw1", table="member", present=True, port="p1", group=str(GROUP))


def rows(sender, receiver, n):
    return sender == "n1"


@pytest.mark.parametrize(
    ("expectation", "fate", "alone", "with_drops"),
    [
        (ALL, everything, Status.PASSED, Status.PASSED),
        (ALL, since(1), Status.FAILED, Status.INCONCLUSIVE),
        (NONE, before(20), Status.PASSED, Status.INCONCLUSIVE),
        (NONE, everything, Status.FAILED, Status.FAILED),
        (STOP, before(25), Status.PASSED, Status.INCONCLUSIVE),
        (STOP, before(10), Status.FAILED, Status.INCONCLUSIVE),
        (STOP, everything, Status.FAILED, Status.FAILED),
        (STOP, before(50), Status.FAILED, Status.FAILED),
        (STOP, nothing, Status.FAILED, Status.INCONCLUSIVE),
        (HEAL, since(25), Status.PASSED, Status.PASSED),
        (HEAL, since(40), Status.FAILED, Status.INCONCLUSIVE),
        (MATRIX, rows, Status.PASSED, Status.INCONCLUSIVE),
        (MATRIX, nothing, Status.FAILED, Status.INCONCLUSIVE),
        (MATRIX, everything, Status.FAILED, Status.FAILED),
    ],
)
def test_losses_of_this_machine(expectation, fate, alone, with_drops):
    records = traffic(PLAN, fate)
    assert one(run(PLAN, records), expectation).status is alone
    verdict = one(run(PLAN, [BACKLOG], records), expectation)
    assert verdict.status is with_drops
    words = "this machine dropped 12 frames (netdev backlog) while it ran: no verdict on the scenario"
    assert verdict.machine == (words if with_drops is Status.INCONCLUSIVE else "")


def test_losses_of_tables_and_load():
    assert one(run(PLAN, [MEMBER]), TABLES).status is Status.PASSED
    assert one(run(PLAN, [MEMBER, BACKLOG]), TABLES).status is Status.PASSED
    assert one(run(PLAN, [BACKLOG]), TABLES).status is Status.INCONCLUSIVE
    outsider = plan(3, streams=(stream(3, receivers=("n1", "n2"), watchers=("n3",)),), speed=1.0)
    low = ExpectLoad(
        where=where(),
        subject=subject(outsider, audience=Audience.NON_MEMBERS),
        share_at_least=0.0,
        share_at_most=0.1,
    )
    high = replace(low, share_at_least=0.9, share_at_most=1.0)
    quiet = run(outsider, [BACKLOG], traffic(outsider))
    assert [one(quiet, e, outsider).status for e in (low, high)] == [Status.INCONCLUSIVE] * 2
    flood = run(outsider, [BACKLOG], traffic(outsider, flooded=everything))
    assert [one(flood, e, outsider).status for e in (low, high)] == [Status.FAILED, Status.PASSED]


@pytest.mark.parametrize(
    ("drop", "status"),
    [
        (Impaired(at_s=10.0, what="socket", count=3, host="n3"), Status.INCONCLUSIVE),
        (Impaired(at_s=10.0, what="socket", count=3, host="n4"), Status.FAILED),
        (Impaired(at_s=10.0, what="socket", count=3, host="sw1"), Status.INCONCLUSIVE),
        (Impaired(at_s=10.0, what="capture", count=3), Status.FAILED),
    ],
)
def test_a_full_socket_explains_what_its_host_missed(drop, status):
    records = traffic(PLAN, lambda s, r, n: (r, n) != ("n3", 7))
    assert one(run(PLAN, [drop], records), ALL).status is status


def test_losses_after_the_window_explain_nothing():
    late_drop = replace(BACKLOG, at_s=40.0)
    early = replace(ALL, subject=subject(PLAN, 0.0, 30.0))
    assert one(run(PLAN, [late_drop], traffic(PLAN, since(1))), early).status is Status.FAILED


@pytest.mark.parametrize(
    ("expectation", "fate", "status"),
    [
        (STOP, before(18), Status.INCONCLUSIVE),
        (STOP, before(17), Status.FAILED),
        (STOP, before(33), Status.INCONCLUSIVE),
        (STOP, before(34), Status.FAILED),
        (STOP, before(25), Status.PASSED),
        (HEAL, since(33), Status.INCONCLUSIVE),
        (HEAL, since(34), Status.FAILED),
        (NONE, before(28), Status.INCONCLUSIVE),
        (NONE, before(29), Status.FAILED),
        (ALL, lambda s, r, n: n != 30, Status.FAILED),
    ],
)
def test_a_late_machine(expectation, fate, status):
    verdict = one(run(PLAN, [LATE], traffic(PLAN, fate)), expectation)
    assert verdict.status is status
    words = "this machine ran 2.5 s late (customer's time): no verdict on the scenario"
    assert verdict.machine == (words if status is Status.INCONCLUSIVE else "")


def test_a_window_of_which_a_late_machine_leaves_nothing_is_no_failure():
    heard = [LATE], traffic(PLAN, lambda s, r, n: True)
    narrow = replace(NONE, subject=replace(NONE.subject, from_s=30.0, until_s=34.0))
    wider = replace(NONE, subject=replace(NONE.subject, from_s=30.0, until_s=38.0))
    assert one(run(PLAN, *heard), narrow).status is Status.INCONCLUSIVE
    assert one(run(PLAN, *heard), wider).status is Status.FAILED


def test_a_late_machine_and_tables():
    member = replace(MEMBER, at_s=31.0)
    assert one(run(PLAN, [LATE, member]), TABLES).status is Status.INCONCLUSIVE
    assert one(run(PLAN, [LATE, replace(member, at_s=33.0)]), TABLES).status is Status.FAILED


# --- evidence ---------------------------------------------------------------------------------------------

LISTENING = Mode(at_s=0.0, switch="sw1", snooping=True, unregistered="router-ports", cause="configured")


def test_a_verdict_carries_the_explanation_of_its_first_wrong_datagram():
    gone = replace(MEMBER, at_s=26.0, port="p3", present=False, cause="aged out: no report")
    others = [replace(MEMBER, at_s=0.0, port=port) for port in ("p1", "p2", "p4")]
    records = run(PLAN, [LISTENING, *others, gone], traffic(PLAN, lambda s, r, n: r != "n3" or n < 26))
    verdict = one(records, ALL)
    assert (verdict.first_wrong.receiver, verdict.first_wrong.at_s) == ("n3", 26.0)
    found = verdict.explanation
    assert (found.sender, found.receiver, found.at_s, found.delivered) == ("n1", "n3", 26.0, False)
    assert found.stopped_at.device == "sw1"
    assert verdict.cause == found.summary


def test_what_came_and_should_not_have_is_explained_too():
    off = Mode(at_s=22.0, switch="sw1", snooping=False, unregistered="flood", cause="configured")
    verdict = one(run(PLAN, [off], traffic(PLAN)), NONE)
    assert verdict.explanation.delivered
    assert verdict.explanation.stopped_at is None


def test_what_passed_needs_no_explanation():
    assert one(run(PLAN, traffic(PLAN)), ALL).explanation is None


def test_words_of_changes():
    mode = Mode(at_s=22.0, switch="sw1", snooping=True, unregistered="drop", cause="querier known")
    assert words.change(mode) == "22.0 s sw1: snooping is on, unregistered groups are dropped (querier known)"
    assert words.change(replace(mode, snooping=False, cause="")) == "22.0 s sw1: snooping is off"
    gone = TableLine(at_s=23.0, switch="sw1", table="querier", present=False, address="10.77.0.9")
    assert words.change(gone) == "23.0 s sw1: querier 10.77.0.9 is gone"
    port = replace(gone, at_s=24.0, table="router-port", port="p2", cause="aged out")
    assert words.change(port) == "24.0 s sw1: p2 is no longer a router port (aged out)"
    chosen = replace(MEMBER, at_s=28.0, port="p3", filter="exclude 10.77.0.1", cause="report from 10.77.0.3")
    assert words.change(chosen) == (
        f"28.0 s sw1: {GROUP} (exclude 10.77.0.1) now to p3 (report from 10.77.0.3)"
    )


# --- purity -----------------------------------------------------------------------------------------------

EVERY = (ALL, NONE, STOP, HEAL, MATRIX, TABLES)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.0, 1.0))
def test_arrivals_may_come_in_any_order_and_in_any_number_of_records(seed, share):
    chance = random.Random(seed)
    lost = {
        (s, r, n) for s in ("n1", "n2") for r in ("n2", "n3") for n in range(60) if chance.random() < share
    }
    records = run(PLAN, traffic(PLAN, lambda s, r, n: (s, r, n) not in lost))
    expected = judge(PLAN, records, EVERY)
    assert judge(PLAN, records, EVERY) == expected
    apart = []
    for record in records[1:-1]:
        if isinstance(record, Arrived):
            apart += [replace(record, hosts=(host,)) for host in record.hosts]
        else:
            apart.append(record)
    chance.shuffle(apart)
    assert judge(PLAN, [records[0], *apart, records[-1]], EVERY) == expected


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_a_stop_is_found_where_it_was_put(at, width):
    records = run(PLAN, traffic(PLAN, before(at)))
    expectation = replace(STOP, earliest_s=float(at), latest_s=float(at + width))
    wanted = Status.PASSED if 0 < at < 60 else Status.FAILED
    assert one(records, expectation).status is wanted


def test_addresses_of_tables_are_compared_by_value():
    querier = replace(TABLES, groups=None, querier=IPv4Address("10.77.0.9"), querier_judged=True)
    seen = TableLine(at_s=5.0, switch="sw1", table="querier", present=True, address="10.77.0.9")
    assert one(run(PLAN, [seen]), querier).status is Status.PASSED


@pytest.mark.parametrize(("nodes", "datagrams"), [(200, 20), (8, 30_000)], ids=["wide", "long"])
def test_large_runs_are_judged(nodes, datagrams):
    big = plan(nodes, streams=(stream(nodes, period_s=60.0 / datagrams),))
    records = run(big, traffic(big, before(datagrams // 2)))
    expectations = [
        replace(ALL, subject=subject(big, 0.0, 29.0)),
        replace(NONE, subject=subject(big, 31.0, 60.0)),
        replace(STOP, subject=subject(big)),
    ]
    assert [verdict.status for verdict in judge(big, records, expectations)] == [Status.PASSED] * 3
