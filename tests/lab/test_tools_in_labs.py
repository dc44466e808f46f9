"""Probe tools in labs: by our own programs and by those that are installed, through and through."""

import json
import textwrap
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from harness.plan.build import build_all
from harness.plan.tools import Made, PlanTool, Tool
from harness.run.pool import Pool
from harness.run.session import Request

pytestmark = pytest.mark.lab

NODES = """\
scenario: probes
source: made up
speed: {speed}
duration: {duration}
network:
  switches: {{sw1: {{{switch}}}}}
  nodes:
    n1: {{on: sw1}}
    n2: {{on: sw1}}
    n3: {{on: sw1{n3}}}
traffic:
  one: {{group: 239.192.0.1, senders: n1, receivers: n2, rate: 1/s}}
timeline: [{steps}]
expect:
  - {{deliver: one, result: all, until: 1s}}
"""
GROUP = IPv4Address("239.192.77.1")


def tool(**changes):
    settings = {
        "name": "probe",
        "number": 7,
        "tool": Tool.OMPING,
        "made": Made.NATIVE,
        "version": 4,
        "hosts": ("n1", "n2", "n3"),
        "server": "",
        "source": "",
        "group": GROUP,
        "port": None,
        "count": None,
        "period_s": 1.0,
        "size": None,
        "hops": 64,
        "mode": "asm",
        "start_s": 0.0,
        "stop_s": 10.0,
    }
    return PlanTool(**(settings | changes))


class Run:
    """One run with tools, and its records."""

    def __init__(self, folder, *tools, speed=1, duration="10s", switch="profile: class-c", steps="", n3=""):
        path = folder / "probes.scenario.yaml"
        text = NODES.format(speed=speed, duration=duration, switch=switch, steps=steps, n3=n3)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        (plan,) = build_all(path)
        with Pool(jobs=1) as pool:
            request = Request(plan=replace(plan, tools=tools), backend="netns", parent=folder / "runs")
            pool.submit("one", request)
            self.outcome = pool.wait("one")
        assert self.outcome.error is None, self.outcome.error
        lines = (self.outcome.folder / "run.jsonl").read_text(encoding="utf-8").splitlines()
        self.records = [json.loads(line) for line in lines]

    def of(self, kind, **wanted):
        return [
            record
            for record in self.records
            if record["t"] == kind and all(record.get(key) == value for key, value in wanted.items())
        ]

    def figures(self, cast):
        """By host and peer: what was sent and received."""
        found = self.of("tool-figures", cast=cast)
        return {(one["host"], one["peer"]): (one["sent"], one["received"]) for one in found}


PAIRS = [(a, b) for a in ("n1", "n2", "n3") for b in ("n1", "n2", "n3") if a != b]


def test_an_omping_between_three_nodes(tmp_path):
    run = Run(tmp_path, tool(count=5, period_s=0.1), duration="6s")
    for cast in ("unicast", "multicast"):
        assert run.figures(cast) == dict.fromkeys(PAIRS, (5, 5)), cast
    assert {(one["host"], one["status"]) for one in run.of("tool-ended")} == {
        ("n1", 0),
        ("n2", 0),
        ("n3", 0),
    }
