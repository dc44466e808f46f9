"""Deliver: all, none, shares and matrices."""

from dataclasses import replace

import pytest
from factory import before, everything, nothing, plan, run, since, stream, subject, traffic, where

from harness.observations.model import Acted, Membership, Sent
from harness.plan.model import Action, ActionKind, Audience, Cast, ExpectDelivery, ExpectMatrix
from harness.verdicts.judge import Heard, Status, Wrong, judge, overall

PLAN = plan(speed=1.0)


def delivery(least, most, from_s=0.0, until_s=60.0, of=PLAN, **changes):
    return ExpectDelivery(
        where=where(), subject=subject(of, from_s, until_s, **changes), loss_at_least=least, loss_at_most=most
    )


def one(of, records, expectation):
    (verdict,) = judge(of, records, [expectation])
    return verdict


def all_of(**changes):
    return delivery(0.0, 0.0, **changes)


def none_of(**changes):
    return delivery(1.0, 1.0, **changes)


def test_everything():
    verdict = one(PLAN, run(PLAN, traffic(PLAN)), all_of())
    assert verdict.status is Status.PASSED
    assert verdict.expected == "every pair hears everything from 0.0 s to 60.0 s"
    assert verdict.got == "12 pairs as expected: 720 of 720 datagrams delivered"
    assert verdict.first_wrong is None
    assert verdict.matrix.senders == verdict.matrix.receivers == ("n1", "n2", "n3", "n4")
    assert verdict.matrix.rows[0] == (Heard.NOT_JUDGED, Heard.ALL, Heard.ALL, Heard.ALL)


def test_receivers_stand_in_the_order_of_the_plan():
    verdict = one(PLAN, run(PLAN, traffic(PLAN)), all_of(senders=("n4", "n2")))
    assert verdict.matrix.senders == ("n4", "n2")
    assert verdict.matrix.receivers == ("n1", "n2", "n3", "n4")


def test_one_datagram_too_few():
    def fate(sender, receiver, n):
        return (sender, receiver, n) != ("n2", "n4", 33)

    verdict = one(PLAN, run(PLAN, traffic(PLAN, fate)), all_of())
    assert verdict.status is Status.FAILED
    assert verdict.got == "1 of 12 pairs lost datagrams; worst n2 -> n4: 1 of 60 lost (1.67%)"
    assert verdict.first_wrong == Wrong(sender="n2", receiver="n4", at_s=33.0, what="lost")
    assert verdict.matrix.wrong == (("n2", "n4"),)
    assert verdict.matrix.rows[1][3] is Heard.SOME


def test_none():
    verdict = one(PLAN, run(PLAN, traffic(PLAN, before(25))), none_of(from_s=25.0))
    assert verdict.status is Status.PASSED
    assert verdict.expected == "nothing is delivered from 25.0 s to 60.0 s"
    assert verdict.matrix.rows[0] == (Heard.NOT_JUDGED, Heard.NOTHING, Heard.NOTHING, Heard.NOTHING)


def test_one_datagram_too_many():
    verdict = one(PLAN, run(PLAN, traffic(PLAN, before(26))), none_of(from_s=25.0))
    assert verdict.status is Status.FAILED
    assert verdict.got == "12 of 12 pairs still delivered at 25.0 s"
    assert verdict.first_wrong == Wrong(sender="n1", receiver="n2", at_s=25.0, what="delivered")


def test_the_window_is_open_at_its_end():
    records = run(PLAN, traffic(PLAN, before(25)))
    assert one(PLAN, records, all_of(until_s=25.0)).status is Status.PASSED
    assert one(PLAN, records, all_of(until_s=25.1)).status is Status.FAILED


@pytest.mark.parametrize(
    ("least", "most", "status"),
    [
        (0.5, 0.5, Status.PASSED),
        (0.0, 0.5, Status.PASSED),
        (0.5, 1.0, Status.PASSED),
        (0.0, 0.49, Status.FAILED),
        (0.51, 1.0, Status.FAILED),
    ],
)
def test_shares_of_loss(least, most, status):
    records = run(PLAN, traffic(PLAN, lambda s, r, n: n % 2 == 0))
    assert one(PLAN, records, delivery(least, most)).status is status


def test_the_worst_pair_is_named():
    def fate(sender, receiver, n):
        return n >= {"n1": 0, "n2": 10, "n3": 30, "n4": 5}[receiver]

    verdict = one(PLAN, run(PLAN, traffic(PLAN, fate)), delivery(0.0, 0.1))
    assert verdict.got == "6 of 12 pairs lost datagrams; worst n1 -> n3: 30 of 60 lost (50%)"
    assert verdict.expected == "the loss of every pair is at most 10% from 0.0 s to 60.0 s"


def test_only_what_was_sent_is_judged():
    sent = [Sent(at_s=29.0, stream=1, sender=name, first=0, count=30) for name in PLAN.streams[0].senders]
    arrivals = [record for record in traffic(PLAN, before(30)) if not isinstance(record, Sent)]
    assert one(PLAN, run(PLAN, sent, arrivals), all_of()).status is Status.PASSED


def test_nothing_sent_is_no_pass():
    for expectation in (all_of(), none_of()):
        verdict = one(PLAN, run(PLAN), expectation)
        assert verdict.status is Status.INCONCLUSIVE
        assert verdict.got == "nothing was sent from 0.0 s to 60.0 s, although 240 datagrams were due"


def test_a_refused_sender_fails_what_it_should_have_delivered():
    refused = Sent(at_s=59.0, stream=1, sender="n1", first=0, count=60, error="ENETUNREACH")
    others = [record for record in traffic(PLAN) if record.sender != "n1"]
    verdict = one(PLAN, run(PLAN, [refused], others), all_of())
    assert verdict.status is Status.FAILED
    assert verdict.got == "nothing was sent by n1: the kernel answered ENETUNREACH"
    silence = [record for record in traffic(PLAN, nothing) if record.sender != "n1"]
    assert one(PLAN, run(PLAN, [refused], silence), none_of()).status is Status.PASSED
    verdict = one(PLAN, run(PLAN, [refused]), none_of())
    assert verdict.status is Status.INCONCLUSIVE
    assert verdict.got.endswith("although 240 datagrams were due, the kernel answered ENETUNREACH")


def test_a_sender_without_any_record_leaves_it_open():
    others = [record for record in traffic(PLAN) if record.sender != "n1"]
    verdict = one(PLAN, run(PLAN, others), all_of())
    assert verdict.status is Status.INCONCLUSIVE
    assert verdict.got.endswith("but nothing was sent by n1")


def test_nothing_due_is_no_pass():
    verdict = one(PLAN, run(PLAN, traffic(PLAN)), all_of(from_s=3.2, until_s=3.8))
    assert verdict.status is Status.INCONCLUSIVE
    assert verdict.got == "no datagram was due from 3.2 s to 3.8 s: nothing to judge"


def test_nobody_to_judge():
    alone = plan(1, speed=1.0)
    verdict = one(alone, run(alone, traffic(alone)), all_of(of=alone))
    assert verdict.status is Status.INCONCLUSIVE
    assert verdict.got.startswith("nobody to judge from 0.0 s to 60.0 s: no members other than the sender")


# --- audiences --------------------------------------------------------------------------------------------


OUTSIDER = plan(
    3, streams=(stream(3, receivers=("n1", "n2"), watchers=("n3", "r1")),), speed=1.0, router=True
)


@pytest.mark.parametrize(
    ("audience", "names", "receivers"),
    [
        (Audience.MEMBERS, (), ("n1", "n2")),
        (Audience.NON_MEMBERS, (), ("n3",)),
        (Audience.ROUTER_PORTS, (), ("r1",)),
        (Audience.NAMED, ("n2", "n3"), ("n2", "n3")),
    ],
)
def test_who_is_asked(audience, names, receivers):
    records = run(OUTSIDER, traffic(OUTSIDER, flooded=everything))
    verdict = one(OUTSIDER, records, all_of(of=OUTSIDER, audience=audience, names=names))
    assert verdict.status is Status.PASSED
    assert set(verdict.matrix.receivers) == set(receivers)
    silent = run(OUTSIDER, traffic(OUTSIDER, nothing))
    verdict = one(OUTSIDER, silent, none_of(of=OUTSIDER, audience=audience, names=names))
    assert verdict.status is Status.PASSED


def test_a_flood_to_others_is_seen_at_their_interface():
    records = run(OUTSIDER, traffic(OUTSIDER, flooded=lambda s, w, n: w == "n3" and n == 12))
    verdict = one(OUTSIDER, records, none_of(of=OUTSIDER, audience=Audience.NON_MEMBERS))
    assert verdict.status is Status.FAILED
    assert verdict.first_wrong == Wrong(sender="n1", receiver="n3", at_s=12.0, what="delivered")
    assert (
        one(OUTSIDER, records, none_of(of=OUTSIDER, audience=Audience.ROUTER_PORTS)).status is Status.PASSED
    )


def test_who_is_not_watched_is_not_judged():
    blind = plan(3, streams=(stream(3, receivers=("n1", "n2")),), speed=1.0)
    records = run(blind, traffic(blind))
    verdict = one(blind, records, none_of(of=blind, audience=Audience.NON_MEMBERS))
    assert verdict.status is Status.INCONCLUSIVE
    assert "no watched hosts that are not members" in verdict.got
    named = all_of(of=blind, audience=Audience.NAMED, names=("n2", "n3"))
    verdict = one(blind, records, named)
    assert verdict.status is Status.INCONCLUSIVE
    assert verdict.got.endswith("but n3 could not be watched")


def test_unicast_is_heard_by_its_receivers():
    unicast = plan(streams=(stream(4, cast=Cast.UNICAST),), speed=1.0)
    assert one(unicast, run(unicast, traffic(unicast)), all_of(of=unicast)).status is Status.PASSED
    assert one(unicast, run(unicast, traffic(unicast, before(9))), all_of(of=unicast)).status is Status.FAILED


LEAVE = Action(at_s=20.5, kind=ActionKind.LEAVE, text="n4 leaves", line=9, target="n4", stream=1)
LEAVING = plan(streams=(stream(4, watchers=("n4",)),), actions=(LEAVE,), speed=1.0)
LEFT = [Acted(at_s=20.5, text="n4 leaves"), Membership(at_s=20.5, node="n4", stream=1, joined=False)]


def test_members_are_those_of_the_moment():
    gone = traffic(LEAVING, lambda s, r, n: r != "n4" or n <= 20)
    records = run(LEAVING, LEFT, gone)
    assert one(LEAVING, records, all_of(of=LEAVING)).status is Status.PASSED
    non_members = none_of(of=LEAVING, audience=Audience.NON_MEMBERS)
    verdict = one(LEAVING, records, non_members)
    assert verdict.status is Status.PASSED
    assert verdict.matrix.receivers == ("n4",)
    flooded = run(LEAVING, LEFT, gone, [replace(record, hosts=(), flooded=("n4",)) for record in _late()])
    assert one(LEAVING, flooded, non_members).first_wrong.at_s == 30.0


def _late():
    return [record for record in traffic(LEAVING) if getattr(record, "sequence", None) == 30][:1]


def test_a_named_host_is_asked_by_socket_while_it_is_a_member():
    gone = traffic(LEAVING, lambda s, r, n: r != "n4" or n <= 20, flooded=lambda s, w, n: n > 20)
    named = all_of(of=LEAVING, audience=Audience.NAMED, names=("n4",))
    assert one(LEAVING, run(LEAVING, LEFT, gone), named).status is Status.PASSED


def test_what_is_due_at_the_moment_of_leaving_is_not_judged():
    leave = replace(LEAVE, at_s=20.0)
    leaving = replace(LEAVING, actions=(leave,))
    left = [replace(LEFT[0], at_s=20.0), replace(LEFT[1], at_s=20.4)]
    for last in (19, 20):
        gone = traffic(leaving, lambda s, r, n, last=last: r != "n4" or n <= last)
        assert one(leaving, run(leaving, left, gone), all_of(of=leaving)).status is Status.PASSED
    short = all_of(of=leaving, from_s=19.5, until_s=20.5)
    verdict = one(leaving, run(leaving, left, traffic(leaving)), short)
    assert verdict.status is Status.INCONCLUSIVE
    assert verdict.got.endswith("or every datagram too close to a step")


# --- matrices ---------------------------------------------------------------------------------------------


def matrix(*hears, **changes):
    return ExpectMatrix(where=where(), subject=subject(PLAN, **changes), hears=tuple(hears))


def halves(sender, receiver, n):
    return {sender, receiver} in ({"n1", "n2"}, {"n3", "n4"})


HALVES = (("n1", ("n2",)), ("n2", ("n1",)), ("n3", ("n4",)), ("n4", ("n3",)))


def test_a_matrix_as_written():
    verdict = one(PLAN, run(PLAN, traffic(PLAN, halves)), matrix(*HALVES))
    assert verdict.status is Status.PASSED
    assert verdict.got == "12 pairs as written"


def test_a_matrix_with_too_much_and_too_little():
    def fate(sender, receiver, n):
        return ({sender, receiver} == {"n1", "n3"} and n == 7) or (
            {sender, receiver} == {"n3", "n4"} and n != 9
        )

    verdict = one(PLAN, run(PLAN, traffic(PLAN, fate)), matrix(*HALVES))
    assert verdict.status is Status.FAILED
    assert verdict.got == "6 of 12 pairs not as written: 4 lost datagrams, 2 heard what they should not"
    assert verdict.first_wrong.at_s == 0.0
    assert verdict.matrix.wrong == (
        ("n1", "n2"), ("n1", "n3"), ("n2", "n1"), ("n3", "n1"), ("n3", "n4"), ("n4", "n3"),
    )  # fmt: skip


def test_a_sender_that_is_not_in_the_matrix_is_not_judged():
    records = run(PLAN, traffic(PLAN, lambda s, r, n: s == "n2" or (s, r) == ("n1", "n3")))
    verdict = one(PLAN, records, matrix(("n1", ("n3",))))
    assert verdict.status is Status.PASSED
    assert verdict.matrix.senders == ("n1",)


def test_a_receiver_that_cannot_be_judged_leaves_the_matrix_open():
    records = run(OUTSIDER, traffic(OUTSIDER))
    expectation = ExpectMatrix(where=where(), subject=subject(OUTSIDER), hears=(("n1", ("n2", "n3")),))
    verdict = one(OUTSIDER, records, expectation)
    assert verdict.status is Status.INCONCLUSIVE
    assert verdict.got == "1 pair as written, but not judged: n1 -> n3"


def test_a_refused_sender_fails_its_row():
    refused = Sent(at_s=59.0, stream=1, sender="n1", first=0, count=60, error="ENETDOWN")
    others = [record for record in traffic(PLAN, halves) if record.sender != "n1"]
    verdict = one(PLAN, run(PLAN, [refused], others), matrix(*HALVES))
    assert verdict.status is Status.FAILED
    assert "nothing was sent by n1: the kernel answered ENETDOWN" in verdict.got
    dumb = matrix(("n1", ()), *HALVES[2:])
    assert one(PLAN, run(PLAN, [refused], others), dumb).status is Status.PASSED


def test_all_verdicts_come_in_the_order_of_the_expectations():
    of = replace(PLAN, expectations=(all_of(), none_of(), all_of(from_s=30.0)))
    records = run(of, traffic(of, since(30)))
    statuses = [verdict.status for verdict in judge(of, records)]
    assert statuses == [Status.FAILED, Status.FAILED, Status.PASSED]


@pytest.mark.parametrize(
    ("statuses", "whole"),
    [
        ("P", Status.PASSED),
        ("PI", Status.INCONCLUSIVE),
        ("PIF", Status.FAILED),
        ("", Status.INCONCLUSIVE),
    ],
)
def test_a_run_is_as_good_as_its_worst_verdict(statuses, whole):
    letters = {status.name[0]: status for status in Status}
    verdict = one(PLAN, run(PLAN, traffic(PLAN)), all_of())
    assert overall([replace(verdict, status=letters[letter]) for letter in statuses]) is whole
