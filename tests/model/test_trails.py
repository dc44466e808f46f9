"""Reports that are taken along their way in one go leave nothing behind but what they would on the agenda."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from predicted import plan_of, records_of

from harness.backends.model.agenda import Agenda
from harness.backends.model.trails import Trail
from harness.plan.build import build_all

SHIPPED = sorted((Path(__file__).parents[2] / "scenarios").rglob("*.scenario.yaml"))
BUSY = """\
    scenario: everything that can happen on the way of a report
    source: RFC 4541
    topology: {use: tree, nodes: 12, down: 3, profile: class-c, core_profile: class-c}
    network:
      routers: {r1: {on: core}}
    duration: 900s
    traffic:
      beat: {group: 239.192.0.1, senders: n1, rate: 6/m}
      other: {group: 239.192.0.2, senders: n2, receivers: [n3, n4], rate: 6/m}
    timeline:
      - {at: 130s, leave: {node: n5, stream: beat}}
      - {at: 200s, join: {node: n5, stream: beat}}
      - {at: 260s, link_down: [middle1, leaf1]}
      - {at: 300s, link_up: [middle1, leaf1]}
      - {at: 330s, set: {switch: middle1, fast_leave: on}}
      - {at: 400s, restart_switch: leaf2}
      - {at: 430s, silence: {from: leaf1, to: middle1, only: igmp}}
      - {at: 600s, restore: {from: leaf1, to: middle1, only: igmp}}
      - {at: 610s, set: {switch: core, router_ports: [middle2]}}
      - {at: 640s, stop_querier: r1}
    expect:
      - {deliver: beat, to: members, result: all}
"""


def on_the_agenda(self: Trail, end, frame) -> None:
    end.carry(frame)


@pytest.fixture
def longhand(monkeypatch):
    """A function that computes records without trails."""

    def compute(plan):
        with monkeypatch.context() as patched:
            patched.setattr(Trail, "send", on_the_agenda)
            return records_of(plan)

    return compute


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.name.split('.')[0]}")
def test_shipped_scenarios_have_the_same_records(path, longhand):
    for plan in build_all(path):
        assert records_of(plan) == longhand(plan)


@pytest.mark.parametrize("profile", ["class-a", "class-c", "linux-bridge", "cisco-catalyst", "ovs"])
@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_on_the_way_the_records_are_the_same(tmp_path, longhand, profile, seed):
    (tmp_path / "topologies").symlink_to(Path(__file__).parents[2] / "topologies")
    plan = replace(plan_of(tmp_path, BUSY.replace("class-c", profile)), seed=seed)
    assert records_of(plan) == longhand(plan)


def test_a_report_told_again_is_no_work_for_the_agenda(tmp_path, monkeypatch):
    (tmp_path / "topologies").symlink_to(Path(__file__).parents[2] / "topologies")
    steps = BUSY.index("timeline")
    plan = plan_of(tmp_path, BUSY[:steps].rstrip() + "\n")
    queued: list[float] = []

    class Counting(Agenda):
        def __init__(self) -> None:
            super().__init__()
            arrive = self.arrive

            def counted(arrival) -> None:
                queued.append(self.now)
                arrive(arrival)

            self.arrive = counted

    monkeypatch.setattr("harness.backends.model.world.Agenda", Counting)
    records_of(plan)
    with_trails = len(queued)
    queued.clear()
    monkeypatch.setattr(Trail, "send", on_the_agenda)
    records_of(plan)
    assert with_trails < 0.7 * len(queued)
