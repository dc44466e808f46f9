"""What a prediction costs as a network grows, and what the same machines cost under SimPy.

python benchmarks/model.py
python benchmarks/model.py --nodes 100 1000 --rounds 5
python benchmarks/model.py --nodes 10000 100000 --rounds 1 --simpy-up-to 10000
python benchmarks/model.py --simpy-up-to 0          without SimPy

The network is topologies/tree.topology.yaml: nodes behind a tree of switches with 48 ports, three levels of
them. Every node is a member of one group; a router at the core asks every 125 s for an hour (--hours), and
each node answers each time. "us" is the time for a node and a round of questions, everything included.

SimPy (pip install simpy) drives the same machines of harness.protocols over the same plan, by the same short
ways, one process for a device. It has less to do: no records, no datagrams. In the end the tables of all
switches must hold as many entries.

Each measurement is a process of its own, in turns; medians are printed. Times are those of the processor, so
that other work on the machine is not counted; memory is the largest resident set of the process.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.backends.model.world import World
from harness.observations.model import Record
from harness.plan.build import build_all
from harness.plan.model import Plan
from harness.verdicts.judge import judge

ROOT = Path(__file__).resolve().parents[1]
QUERY_INTERVAL_S = 125
SCENARIO = """\
scenario: A tree of switches, all nodes in one group
source: RFC 4541
topology: {{use: {topology}, nodes: {nodes}, profile: {profile}, core_profile: {profile}}}
network: {{routers: {{r1: {{on: core}}}}}}
duration: {hours:g}h
traffic: {{beat: {{group: 239.192.0.1, senders: n1, rate: 6/m}}}}
expect: [{{deliver: beat, to: members, result: all}}]
"""


def planned(nodes: int, profile: str, hours: float) -> Plan:
    with tempfile.TemporaryDirectory(prefix="mcast-model-") as folder:
        path = Path(folder) / "tree.scenario.yaml"
        topology = ROOT / "topologies" / "tree.topology.yaml"
        text = SCENARIO.format(topology=topology, nodes=nodes, profile=profile, hours=hours)
        path.write_text(text, encoding="utf-8")
        (plan,) = build_all(path)
    return plan


def largest_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure_model(given: argparse.Namespace) -> dict[str, float]:
    """Plan, build and run; the records go to a list, as `mcast predict` keeps them."""
    began_s, empty_bytes = time.process_time(), largest_bytes()
    plan = planned(given.measure, given.profile, given.hours)
    planned_s = time.process_time()
    records: list[Record] = []
    world = World(plan, records.append)
    world.run()
    ran_s = time.process_time()
    judge(plan, records)
    judged_s = time.process_time()
    return {
        "plan_s": planned_s - began_s,
        "run_s": ran_s - planned_s,
        "judge_s": judged_s - ran_s,
        "events": world.events,
        "peak_bytes": largest_bytes(),
        "node_bytes": (largest_bytes() - empty_bytes) / given.measure,
        "members": sum(len(plane.members()) for plane in world.machines()),
    }


def measure_simpy(given: argparse.Namespace) -> dict[str, float]:
    """The same machines, driven by SimPy's processes."""
    from peers.simpy_model import SimpyWorld  # noqa: PLC0415  only where SimPy is wanted

    plan = planned(given.measure, given.profile, given.hours)
    began_s = time.process_time()
    gc.disable()  # as the model does
    world = SimpyWorld(plan)
    world.run(plan.duration_s)
    return {
        "run_s": time.process_time() - began_s,
        "peak_bytes": largest_bytes(),
        "members": sum(len(machine.members()) for machine in world.machines()),
    }


def in_a_child(kind: str, nodes: int, given: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", str(nodes), "--kind", kind]
    command += ["--profile", given.profile, "--hours", str(given.hours)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{kind} with {nodes} nodes failed:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def medians(results: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(one[key] for one in results) for key in results[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[100, 1000, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each size (3)")
    parser.add_argument("--hours", type=float, default=1.0, help="of querier life (1)")
    parser.add_argument("--profile", default="class-a", help="of all switches (class-a)")
    parser.add_argument("--simpy-up-to", type=int, default=10_000, help="nodes; 0 leaves SimPy out (10000)")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--kind", choices=("model", "simpy"), default="model", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure is not None:
        measure = measure_model if given.kind == "model" else measure_simpy
        print(json.dumps(measure(given)))
        return
    asked = given.hours * 3600 / QUERY_INTERVAL_S
    print(f"{given.hours:g} h, {asked:.0f} rounds of questions, {given.profile}; medians of {given.rounds}")
    print("   nodes    plan     run   judge      events     us      peak   a node    SimPy   ratio")
    for nodes in given.nodes:
        model: list[dict[str, float]] = []
        simpy: list[dict[str, float]] = []
        for _ in range(given.rounds):
            model.append(in_a_child("model", nodes, given))
            if nodes <= given.simpy_up_to:
                simpy.append(in_a_child("simpy", nodes, given))
        ours = medians(model)
        line = (
            f"{nodes:8,}{ours['plan_s']:7.2f}s{ours['run_s']:7.2f}s{ours['judge_s']:7.2f}s"
            f"{ours['events']:12,.0f}{ours['run_s'] / nodes / asked * 1e6:7.1f}"
            f"{ours['peak_bytes'] / 2**20:7,.0f} MB{ours['node_bytes'] / 1024:6.1f} KB"
        )
        if simpy:
            theirs = medians(simpy)
            if theirs["members"] != ours["members"]:
                sys.exit(f"{nodes} nodes: the tables differ: {ours['members']:.0f}, {theirs['members']:.0f}")
            line += f"{theirs['run_s']:8.2f}s{theirs['run_s'] / ours['run_s']:7.2f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
