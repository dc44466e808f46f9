"""What a person reads after a run."""

from dataclasses import replace
from pathlib import Path

import pytest
from factory import GROUP, before, everything, nothing, plan, run, subject, traffic, where

from harness.observations.model import Igmp, Impaired, Mode, TableLine
from harness.plan.model import ExpectDelivery, ExpectTables
from harness.report import as_json, render, summary_line
from harness.verdicts.judge import judge

GOLDEN = Path(__file__).parent / "golden"
REPLAY = "mcast run scenarios/querier/querier-lost.scenario.yaml::as-shipped --backend netns --seed 7 --hold"
PLAN = plan()


def none_from(of, from_s, until_s=60.0, line=19, why=""):
    return ExpectDelivery(
        where=where(line=line, why=why),
        subject=subject(of, from_s, until_s),
        loss_at_least=1.0,
        loss_at_most=1.0,
    )


def all_until(of, until_s, line=17):
    return ExpectDelivery(
        where=where(line=line, text=f"until {until_s:g}s  239.192.0.1: delivery all"),
        subject=subject(of, 0.0, until_s),
        loss_at_least=0.0,
        loss_at_most=0.0,
    )


def report(of, records, expectations, **settings):
    verdicts = judge(of, records, expectations)
    options = {
        "run_folder": Path(".harness/querier-lost-netns-7"),
        "replay": REPLAY,
        "colour": False,
        "real_s": 0.412,
        "backend": "netns",
    }
    return render(of, verdicts, **(options | settings))


def lost(sender, receiver, n):
    """After 21 s, only n1 and n4 cannot be heard by each other, nor n2 and n3."""
    return n < 21 or {sender, receiver} not in ({"n1", "n4"}, {"n2", "n3"})


EVENTS = [
    Mode(at_s=0.0, switch="sw1", snooping=True, unregistered="router-ports", cause="configured"),
    TableLine(at_s=0.0, switch="sw1", table="member", present=True, port="p2", group=str(GROUP)),
    TableLine(at_s=0.0, switch="sw1", table="member", present=True, port="p3", group=str(GROUP)),
    Igmp(at_s=20.1, switch="sw1", port="p5", what="query", source="10.9.0.9"),
]


def failed_report(**settings):
    expectations = (
        all_until(PLAN, 20.0),
        none_from(PLAN, 25.0, why="without a querier the memberships age out"),
        all_until(PLAN, 10.0, line=21),
    )
    return report(PLAN, run(PLAN, EVENTS, traffic(PLAN, lost)), expectations, **settings)


def tables_report():
    expectation = ExpectTables(
        where=where(23, "at 30s  sw1: router ports none"),
        switch="sw1",
        at_s=30.0,
        groups=((GROUP, ()),),
        router_ports=(),
        querier=None,
        querier_judged=False,
    )
    aged = replace(
        EVENTS[1], at_s=26.0, present=False, cause="aged out: no report for the membership interval"
    )
    return report(PLAN, run(PLAN, EVENTS, [aged]), (expectation,))


def inconclusive_report():
    records = run(PLAN, [Impaired(at_s=11.0, what="backlog", count=12)], traffic(PLAN, before(5)))
    return report(
        PLAN,
        records,
        (all_until(PLAN, 20.0), none_from(PLAN, 10.0), none_from(PLAN, 2.0, line=20)),
        impairments="this machine dropped 12 frames (backlog)",
        remarks=("run twice: the first run was disturbed",),
    )


def large_report():
    large = plan(200)

    def fate(sender, receiver, n):
        return (sender, receiver) not in {("n7", "n120"), ("n150", "n3")} or n < 3

    return report(large, run(large, traffic(large, fate)), (all_until(large, 20.0),))


CASES = {
    "failed": failed_report,
    "tables": tables_report,
    "inconclusive": inconclusive_report,
    "large": large_report,
}


@pytest.mark.parametrize("case", CASES)
def test_the_report_is_the_golden_one(case):
    assert CASES[case]() == (GOLDEN / f"{case}.txt").read_text(encoding="ascii").rstrip("\n")


def test_colour_changes_nothing_but_colour():
    coloured = failed_report(colour=True)
    assert "\x1b[31mFAILED\x1b[0m" in coloured
    plain = coloured.replace("\x1b[31m", "").replace("\x1b[32m", "").replace("\x1b[0m", "")
    assert plain == failed_report()


def test_a_run_that_passed_is_one_line():
    expectations = (all_until(PLAN, 20.0), all_until(PLAN, 40.0))
    records = run(PLAN, traffic(PLAN))
    line = "querier-lost::as-shipped [netns seed=7]  PASSED  2 expectations in 0.41 s"
    assert report(PLAN, records, expectations) == line
    verdicts = judge(PLAN, records, expectations)
    assert summary_line(PLAN, verdicts, colour=False, real_s=0.412, backend="netns") == line
    assert summary_line(PLAN, verdicts[:1], colour=False, real_s=2.0) == (
        "querier-lost::as-shipped [seed=7]  PASSED  1 expectation in 2 s"
    )


def test_a_run_that_passed_does_not_hide_remarks():
    text = report(PLAN, run(PLAN, traffic(PLAN)), (all_until(PLAN, 20.0),), remarks=("run twice",))
    assert text.splitlines()[1:] == ["    note: run twice"]


def test_nothing_is_said_of_a_speed_that_is_none():
    slow = plan(speed=1.0)
    text = report(slow, run(slow, traffic(slow)), (none_from(slow, 25.0),))
    assert "speed" not in text
    assert text.endswith(f"again: {REPLAY}")


def test_words_of_a_file_cannot_break_the_lines():
    expectation = replace(none_from(PLAN, 25.0), where=where(text="deliver: ring\n  result: none"))
    text = report(PLAN, run(PLAN, traffic(PLAN)), (expectation,))
    assert "yaml:19  deliver: ring result: none\n" in text


def test_the_evidence_stands_below_the_matrix():
    names = {f"n{number}": f"node-number-{number}" for number in range(1, 9)}
    wide = plan(8)
    hosts = tuple(replace(host, name=names[host.name]) for host in wide.hosts)
    stream = replace(wide.streams[0], senders=tuple(names.values()), receivers=tuple(names.values()))
    wide = replace(wide, hosts=hosts, streams=(stream,))
    text = report(wide, run(wide, traffic(wide, nothing)), (all_until(wide, 20.0),))
    lines = text.splitlines()
    (first,) = [line for line in lines if "first wrong" in line]
    assert first.startswith("    first wrong: node-number-1 -> node-number-2 at 0.0 s, lost")
    assert lines.index(first) > max(index for index, line in enumerate(lines) if "node-number-8" in line)
    assert "it did not come, although every hop lets it pass: the records do not say why" in text


def test_json_says_the_same():
    verdicts = judge(PLAN, run(PLAN, EVENTS, traffic(PLAN, lost)), (none_from(PLAN, 25.0),))
    data = as_json(PLAN, verdicts)
    assert data["name"] == "querier-lost::as-shipped"
    assert (data["status"], data["seed"], data["speed"], data["role"]) == ("failed", 7, 100.0, "fault")
    (one,) = data["expectations"]
    assert one["file"] == "scenarios/querier/querier-lost.scenario.yaml"
    assert one["line"] == 19
    assert one["first_wrong"] == {"sender": "n1", "receiver": "n2", "at_s": 25.0, "what": "delivered"}
    assert one["explanation"]["delivered"] is True
    assert [hop["kind"] for hop in one["explanation"]["hops"]] == [
        "sender",
        "cable",
        "switch",
        "cable",
        "receiver",
    ]
    assert one["explanation"]["lines"][0].startswith("n1 -> n2  239.192.0.1 at 25.0 s: came")
    assert one["matrix"]["rows"] == [" ##.", "# .#", "#. #", ".## "]
    assert one["matrix"]["wrong"][0] == ["n1", "n2"]
    passed = as_json(PLAN, judge(PLAN, run(PLAN, traffic(PLAN, everything)), (all_until(PLAN, 20.0),)))
    assert passed["status"] == "passed"
    assert passed["expectations"][0]["first_wrong"] is None
