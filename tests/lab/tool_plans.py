"""Plans with probe tools, written by hand, and their runs in labs."""

import json
import textwrap
from dataclasses import replace
from ipaddress import IPv4Address

from harness.plan.build import build_all
from harness.plan.tools import Made, PlanTool, Tool
from harness.run.pool import Pool
from harness.run.session import Request

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
  one: {{group: 239.192.0.1, port: 5405, senders: n1, receivers: n2, rate: 1/s}}
timeline: [{steps}]
expect:
  - {{deliver: one, result: all, until: 1s}}
"""
FLOODS = "profile: class-b, snooping: off"
SNOOPS = "profile: class-c"
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


def plan_with(folder, *tools, speed=1, duration="10s", switch=FLOODS, steps="", n3=""):
    """Three nodes at one switch, with these tools."""
    path = folder / "probes.scenario.yaml"
    text = NODES.format(speed=speed, duration=duration, switch=switch, steps=steps, n3=n3)
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    (plan,) = build_all(path)
    return replace(plan, tools=tools)


class Run:
    """One run with tools, and its records."""

    def __init__(self, folder, *tools, **more):
        plan = plan_with(folder, *tools, **more)
        with Pool(jobs=1) as pool:
            pool.submit("one", Request(plan=plan, backend="netns", parent=folder / "runs"))
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


def asmping(made, number, host, server, **changes):
    settings = {
        "name": f"{made.value}-{number}",
        "number": number,
        "tool": Tool.ASMPING,
        "made": made,
        "hosts": (host,),
        "server": server,
        "count": 4,
    }
    return tool(**(settings | changes))
