"""Stops and heals: when delivery ends, and when it comes back."""

import pytest
from factory import before, everything, nothing, plan, run, since, subject, traffic, where

from harness.observations.model import Acted, Sent
from harness.plan.model import ExpectHeal, ExpectStop
from harness.verdicts.judge import Status, judge

PLAN = plan(speed=1.0)


def stop(earliest_s, latest_s, until_s=60.0):
    return ExpectStop(
        where=where(), subject=subject(PLAN, until_s=until_s), earliest_s=earliest_s, latest_s=latest_s
    )


def heal(since_s, by_s, until_s=60.0):
    return ExpectHeal(where=where(), subject=subject(PLAN, since_s, until_s), since_s=since_s, by_s=by_s)


def one(records, expectation):
    (verdict,) = judge(PLAN, records, [expectation])
    return verdict


# --- stops ------------------------------------------------------------------------------------------------


def test_a_stop_in_its_range():
    verdict = one(run(PLAN, traffic(PLAN, before(25))), stop(20.0, 30.0))
    assert verdict.status is Status.PASSED
    assert verdict.expected == "every pair hears everything, then stops between 20.0 s and 30.0 s"
    assert verdict.got == "12 pairs stopped after 24.0 s and not later than 25.0 s"


@pytest.mark.parametrize(
    ("earliest_s", "latest_s", "status"),
    [
        (24.2, 24.4, Status.PASSED),
        (25.0, 30.0, Status.PASSED),
        (25.1, 30.0, Status.FAILED),
        (20.0, 24.0, Status.PASSED),
        (20.0, 23.9, Status.FAILED),
    ],
)
def test_a_stop_lies_between_the_last_heard_and_the_first_missed(earliest_s, latest_s, status):
    assert one(run(PLAN, traffic(PLAN, before(25))), stop(earliest_s, latest_s)).status is status


def test_what_nobody_can_order_widens_the_bracket():
    step = Acted(at_s=25.0, text="stop querier sw1")
    records = run(PLAN, [step], traffic(PLAN, before(25)))
    assert one(records, stop(25.5, 30.0)).status is Status.PASSED
    assert one(records, stop(26.1, 30.0)).status is Status.FAILED


def test_nobody_stops():
    verdict = one(run(PLAN, traffic(PLAN)), stop(20.0, 30.0))
    assert verdict.status is Status.FAILED
    assert verdict.got == "12 of 12 pairs wrong: 12 still delivered at the end"
    assert verdict.first_wrong.at_s == 31.0


def test_a_stop_too_late_and_too_early():
    late = one(run(PLAN, traffic(PLAN, before(40))), stop(20.0, 30.0))
    assert late.status is Status.FAILED
    assert late.got == "12 of 12 pairs wrong: 12 stopped late (first 39.0 s)"
    assert late.first_wrong.at_s == 31.0
    early = one(run(PLAN, traffic(PLAN, before(10))), stop(20.0, 30.0))
    assert early.status is Status.FAILED
    assert early.got == "12 of 12 pairs wrong: 12 stopped early (first 10.0 s)"
    assert early.first_wrong.at_s == 10.0


def test_delivery_that_never_was_did_not_stop():
    verdict = one(run(PLAN, traffic(PLAN, nothing)), stop(0.0, 30.0))
    assert verdict.status is Status.FAILED
    assert verdict.got == "12 of 12 pairs wrong: 12 never delivered"


def test_delivery_that_comes_back_did_not_stop():
    verdict = one(run(PLAN, traffic(PLAN, lambda s, r, n: n < 25 or n == 50)), stop(20.0, 30.0))
    assert verdict.status is Status.FAILED
    assert verdict.got == "12 of 12 pairs wrong: 12 interrupted before it stopped"
    assert verdict.first_wrong.at_s == 25.0


def test_every_pair_has_to_stop():
    def fate(sender, receiver, n):
        return n < 25 or (sender, receiver) == ("n2", "n3")

    verdict = one(run(PLAN, traffic(PLAN, fate)), stop(20.0, 30.0))
    assert verdict.got == (
        "1 of 12 pairs wrong: 1 still delivered at the end; "
        "11 pairs stopped after 24.0 s and not later than 25.0 s"
    )
    assert verdict.matrix.wrong == (("n2", "n3"),)


# --- heals ------------------------------------------------------------------------------------------------


def broken(start, end):
    return lambda sender, receiver, n: not start <= n < end


def test_healed_in_time():
    verdict = one(run(PLAN, traffic(PLAN, broken(15, 25))), heal(20.0, 30.0))
    assert verdict.status is Status.PASSED
    assert verdict.got == "12 pairs heard everything; 12 had to heal, the last at 25.0 s"


def test_nothing_had_to_heal():
    verdict = one(run(PLAN, traffic(PLAN)), heal(20.0, 30.0))
    assert verdict.status is Status.PASSED
    assert verdict.got == "12 pairs heard everything, also from 20.0 s on: nothing had to heal"


def test_healed_late():
    verdict = one(run(PLAN, traffic(PLAN, broken(15, 33))), heal(20.0, 30.0))
    assert verdict.status is Status.FAILED
    assert verdict.got == "12 of 12 pairs wrong: 12 healed late, the last at 33.0 s"
    assert verdict.first_wrong.at_s == 30.0


def test_the_moment_itself_counts():
    assert one(run(PLAN, traffic(PLAN, broken(15, 30))), heal(20.0, 30.0)).status is Status.PASSED
    assert one(run(PLAN, traffic(PLAN, broken(15, 31))), heal(20.0, 30.0)).status is Status.FAILED


def test_not_healed_at_all():
    def fate(sender, receiver, n):
        return n < 15 or receiver == "n1"

    verdict = one(run(PLAN, traffic(PLAN, fate)), heal(20.0, 30.0))
    assert verdict.got == "9 of 12 pairs wrong: 9 not healed at the end"


def test_a_heal_that_breaks_again():
    verdict = one(run(PLAN, traffic(PLAN, lambda s, r, n: n >= 25 and n != 45)), heal(20.0, 30.0))
    assert verdict.status is Status.FAILED
    assert verdict.got == "12 of 12 pairs wrong: 12 healed late, the last at 46.0 s"
    assert verdict.first_wrong.at_s == 45.0


def test_nothing_is_due_any_more():
    verdict = one(run(PLAN, traffic(PLAN, since(20))), heal(20.0, 59.5))
    assert verdict.status is Status.INCONCLUSIVE
    assert verdict.got == "no datagram was due from 59.5 s to 60.0 s: nothing to judge"


@pytest.mark.parametrize("expectation", [stop(20.0, 30.0), heal(20.0, 30.0)])
def test_without_datagrams_there_is_no_verdict(expectation):
    assert one(run(PLAN), expectation).status is Status.INCONCLUSIVE
    refused = [
        Sent(at_s=59.0, stream=1, sender=name, first=0, count=60, error="ENETDOWN")
        for name in PLAN.streams[0].senders
    ]
    verdict = one(run(PLAN, refused), expectation)
    assert verdict.status is Status.FAILED
    assert verdict.got == "nothing was sent by n1 n2 n3 n4: the kernel answered ENETDOWN"


def test_all_heard_is_neither_a_stop_nor_a_fault_of_healing():
    records = run(PLAN, traffic(PLAN, everything))
    assert [one(records, e).status for e in (stop(20.0, 30.0), heal(20.0, 30.0))] == [
        Status.FAILED,
        Status.PASSED,
    ]
