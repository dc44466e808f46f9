"""What probe tools report, judged by records made by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from factory import plan as plan_of
from factory import where

from harness.comparison.model import Subject
from harness.comparison.reports import report_partings
from harness.observations.history import History
from harness.observations.model import (
    Ended,
    Impaired,
    Membership,
    Started,
    ToolAnswered,
    ToolAsked,
    ToolEnded,
    ToolFigures,
)
from harness.plan.model import UNBOUNDED, Cast, ExpectReport
from harness.plan.tools import Made, PlanTool, Tool
from harness.verdicts.judge import judge
from harness.verdicts.model import Heard, Status

TOOL = 2
HOSTS = ("n1", "n2", "n3")
COUNT = 20


def tool(**changes):
    made = PlanTool(
        name="test",
        number=TOOL,
        tool=Tool.OMPING,
        made=Made.NATIVE,
        version=4,
        hosts=HOSTS,
        server="",
        source="",
        group=plan_of(3).streams[0].group,
        port=4321,
        count=COUNT,
        period_s=1.0,
        size=None,
        hops=64,
        mode="asm",
        start_s=0.0,
        stop_s=30.0,
    )
    return replace(made, **changes)


def with_tool(one=None, expectation=None):
    found = () if expectation is None else (expectation,)
    return replace(plan_of(3), tools=(one or tool(),), expectations=found, duration_s=30.0)


def expect(**figures):
    common = {
        "where": where(),
        "tool": TOOL,
        "cast": "multicast",
        "hosts": HOSTS,
        "peers": HOSTS,
        "ended_by_s": 30.0,
    }
    return ExpectReport(**(common | figures))


def pair(host, peer, *, last=COUNT, first=1, unicast=COUNT, duplicates=0, said=True):
    """The records of one host about one peer: answers first to last came, of the group and by unicast."""
    yield ToolAsked(at_s=COUNT - 1.0, tool=TOOL, host=host, peer=peer, first=1, count=COUNT)
    for cast, begin, end in (("unicast", 1, unicast), ("multicast", first, last)):
        received = max(0, end - begin + 1)
        if received:
            yield ToolAnswered(
                at_s=begin - 1.0,
                last_s=end - 1.0,
                tool=TOOL,
                host=host,
                peer=peer,
                cast=cast,
                sequence=begin,
                size=69,
                count=received,
                distance=0,
            )
        if said:
            yield ToolFigures(
                at_s=20.0,
                tool=TOOL,
                host=host,
                peer=peer,
                cast=cast,
                sent=COUNT,
                received=received,
                duplicates=duplicates if cast == "multicast" else 0,
                first=begin if received else None,
            )


def records(fates=None, *, status=0, ends=True, **everybody):
    """A run in which pairs (host, peer) fare as ``fates`` say, and the others as ``everybody``."""
    yield Started(
        scenario="s",
        variant="v",
        backend="netns",
        seed=1,
        speed=1.0,
        kernel="",
        version="0",
        wall_clock="",
        plan_digest="",
    )
    for host in HOSTS:
        yield Membership(at_s=0.0, node=host, stream=TOOL, joined=True)
        for peer in HOSTS:
            if peer != host:
                yield from pair(host, peer, **((fates or {}).get((host, peer)) or everybody))
        if ends:
            yield ToolEnded(at_s=21.0, tool=TOOL, host=host, status=status)
    yield Ended(at_s=30.0, status="complete")


def verdict(expectation, *args, **kwargs):
    (found,) = judge(with_tool(expectation=expectation), records(*args, **kwargs))
    return found


def test_all_figures_in_their_bounds_pass():
    wanted = expect(
        loss=(0.0, 0.0),
        duplicates=(0, 0),
        first=(1, 1),
        last_s=(18.0, 20.0),
        distance=(0, 0),
        size=(69, UNBOUNDED),
        status=0,
    )
    found = verdict(wanted)
    assert found.status is Status.PASSED
    assert found.got == "6 reports: lost 0%, the last answers at 19.0 s, exit status 0"


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"loss": (0.0, 0.1)}, "10 of 20 answers lost (50%), the last came at 9.0 s"),
        ({"loss": (0.6, 1.0)}, "10 of 20 answers lost (50%), the last came at 9.0 s"),
        ({"last_s": (15.0, 20.0)}, "the last answer came at 9.0 s"),
        ({"first": (2, UNBOUNDED)}, "first answer 1"),
        ({"distance": (1, 3)}, "distance 0"),
        ({"size": (100, UNBOUNDED)}, "size 69"),
        ({"duplicates": (1, UNBOUNDED)}, "0 duplicates"),
        ({"status": 1}, "exit status 0 on n1"),
    ],
)
def test_each_figure_out_of_its_bounds_fails(figures, said):
    found = verdict(expect(**figures), last=10)
    assert found.status is Status.FAILED
    assert said in found.got


def test_the_matrix_and_the_first_wrong_name_the_pair():
    found = verdict(expect(loss=(0.0, 0.0)), {("n1", "n3"): {"last": 10}})
    assert found.status is Status.FAILED
    lost = "10 of 20 answers lost (50%), the last came at 9.0 s"
    assert found.got == f"1 of 6 reports wrong, first n1's of n3: {lost}"
    assert found.matrix is not None
    assert found.matrix.wrong == (("n3", "n1"),)
    row = found.matrix.rows[found.matrix.senders.index("n3")]
    assert row[found.matrix.receivers.index("n1")] is Heard.SOME
    assert found.first_wrong is not None
    assert (found.first_wrong.sender, found.first_wrong.receiver) == ("n3", "n1")
    assert found.first_wrong.at_s == 10.0, "answer 11 is the first that was lost for good"
    assert found.explanation is not None
    assert found.explanation.group == str(tool().group)


def test_where_unicast_was_lost_too_the_request_is_explained():
    found = verdict(expect(loss=(0.0, 0.0)), {("n1", "n3"): {"last": 10, "unicast": 10}})
    assert found.explanation is not None
    assert (found.explanation.sender, found.explanation.receiver) == ("n1", "n3")
    assert found.explanation.group == "10.77.0.3"


def test_a_peer_that_never_answered_lost_everything():
    def silent():
        for record in records():
            about = getattr(record, "peer", "") == "n3" or getattr(record, "host", "") == "n3"
            if not about or isinstance(record, ToolEnded):
                yield record

    wanted = expect(loss=(0.0, 0.01), hosts=("n1",), peers=("n2", "n3"))
    (found,) = judge(with_tool(expectation=wanted), silent())
    assert found.status is Status.FAILED
    assert "n1's of n3: it never answered the greeting" in found.got


def test_a_tool_that_goes_on_has_reported_nothing():
    found = verdict(expect(loss=(0.0, 1.0)), ends=False)
    assert found.status is Status.FAILED
    assert found.got == "test did not end on n1 n2 n3"


def test_without_figures_what_was_asked_and_heard_counts():
    found = verdict(expect(loss=(0.5, 0.5), first=(1, 1)), last=10, said=False)
    assert found.status is Status.PASSED


def test_losses_of_this_machine_put_a_loss_in_doubt():
    def lossy():
        *all_but_last, end = records(last=10)
        yield from all_but_last
        yield Impaired(at_s=5.0, what="socket", count=3, host="n1")
        yield end

    (found,) = judge(with_tool(expectation=expect(loss=(0.0, 0.0))), lossy())
    assert found.status is Status.INCONCLUSIVE
    assert "receive buffer of n1" in found.machine
    (found,) = judge(with_tool(expectation=expect(loss=(0.5, 0.5))), lossy())
    assert found.status is Status.INCONCLUSIVE


def test_a_run_that_was_cut_short_gives_no_verdict():
    def cut():
        for record in records():
            if isinstance(record, ToolFigures | ToolEnded):
                continue
            yield replace(record, status="interrupted", at_s=12.0) if isinstance(record, Ended) else record

    (found,) = judge(with_tool(expectation=expect(loss=(0.0, 0.0))), cut())
    assert found.status is Status.INCONCLUSIVE


def test_a_listener_is_judged_by_what_it_heard_of_anybody():
    one = tool(tool=Tool.MCFIRST, hosts=("n3",), count=5, port=5405)

    def heard(status):
        for number, peer in enumerate(("n1", "n2"), 1):
            yield ToolAnswered(
                at_s=1.0,
                last_s=2.0 * number,
                tool=TOOL,
                host="n3",
                peer=peer,
                cast="multicast",
                sequence=number,
                size=64 * number,
            )
        yield ToolEnded(at_s=5.0, tool=TOOL, host="n3", status=status)
        yield Ended(at_s=30.0, status="complete")

    wanted = expect(hosts=("n3",), peers=(), size=(128, 128), last_s=(3.0, 5.0), status=0)
    (found,) = judge(with_tool(one, wanted), heard(0))
    assert found.status is Status.PASSED
    (found,) = judge(with_tool(one, wanted), heard(1))
    assert (found.status, found.matrix) == (Status.FAILED, None)
    assert found.got == "exit status 1 on n3"


def test_answers_are_streams_that_can_be_asked_for():
    history = History(records(last=10), with_tool())
    stream = history.answers(TOOL, Cast.MULTICAST)
    assert stream is not None
    assert stream.senders == HOSTS
    flow = history.flow(TOOL, "n3")
    assert flow.sent == ((0, COUNT),)
    assert flow.heard["n1"].count(1) == 10
    assert history.members.intervals(TOOL, "n1") == ((0.0, math.inf),)


@pytest.mark.parametrize(("last", "parts"), [(COUNT, False), (COUNT - 1, False), (8, True)])
def test_two_runs_part_where_their_reports_do(last, parts):
    plan = with_tool()
    ours = History(records(), plan)
    theirs = History(records({("n1", "n3"): {"last": last}}), plan)
    found = list(report_partings(plan, ours, theirs, 24.0, 30.0))
    assert bool(found) is parts
    if parts:
        (one,) = found
        assert one.subject is Subject.REPORT
        assert (one.hop, one.hosts) == ("n1", ("n3", "n1"))
        assert one.right == "lost 60% of 20 multicast answers of n3 (test)"


def test_two_runs_part_where_a_tool_ends_otherwise():
    plan = with_tool()
    ours, theirs = (History(records(status=status), plan) for status in (0, 1))
    found = list(report_partings(plan, ours, theirs, 24.0, 30.0))
    assert [one.hop for one in found] == list(HOSTS)
    assert found[0].left == "ends test with exit status 0"
