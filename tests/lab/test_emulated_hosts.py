"""Emulated hosts, forged packets and queriers on nodes, on real packets."""

import json
import textwrap
from ipaddress import IPv4Address

import pytest

from harness.plan.build import build_all
from harness.run.pool import Pool
from harness.run.session import Request
from harness.verdicts.judge import Status
from harness.wire import igmp, pcap, pim
from harness.wire.membership import Leave, Query, RecordReport, Report

pytestmark = pytest.mark.lab

GROUP = IPv4Address("239.192.0.1")
SCENARIO = """\
scenario: hosts that Linux cannot be
source: made up
speed: {speed}
duration: {duration}
network:
  switches: {{sw1: {{{switch}}}}}
  nodes:
    n1: {{on: sw1}}
    n2: {{on: sw1, {node}}}
traffic:
  one: {{group: 239.192.0.1, senders: n1, receivers: n2, rate: 2/s}}
timeline: [{steps}]
expect:
  - {{deliver: one, result: {result}}}
"""
CLASS_C = "profile: class-c"
ASKING = "profile: class-c, querier: on"


class Run:
    """One run, its records and the IGMP that the port of n2 saw."""

    def __init__(self, folder, node, *, switch=ASKING, steps="", result="all", speed=20, duration="20s"):
        path = folder / "hosts.scenario.yaml"
        text = SCENARIO.format(
            node=node, switch=switch, steps=steps, result=result, speed=speed, duration=duration
        )
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        (plan,) = build_all(path)
        with Pool(jobs=1) as pool:
            captures = (("sw1", "p2"),)
            pool.submit("one", Request(plan=plan, backend="netns", parent=folder / "runs", captures=captures))
            self.outcome = pool.wait("one")
        assert self.outcome.error is None, self.outcome.error
        got = [(one.expected, one.got) for one in self.outcome.verdicts]
        assert self.outcome.status is Status.PASSED, (got, self.outcome.impairments)
        lines = (self.outcome.folder / "run.jsonl").read_text(encoding="utf-8").splitlines()
        self.records = [json.loads(line) for line in lines]
        with (self.outcome.folder / "sw1-p2.pcap").open("rb") as file:
            self.frames = [captured.frame for captured in pcap.read(file)]
        self.igmp = [read for frame in self.frames if (read := igmp.parse_igmp_frame(frame)) is not None]

    def of(self, address):
        """What one address said."""
        return [read for read in self.igmp if read.source == IPv4Address(address)]


N2 = "10.77.0.2"


def test_only_the_machine_speaks_and_data_arrives_by_the_kernel(tmp_path):
    run = Run(tmp_path, "host: {version: 2, reports_to: 224.0.0.2, ttl: 64, router_alert: off}")
    said = run.of(N2)
    assert said
    assert {(read.destination, read.hops, read.router_alert) for read in said} == {
        (IPv4Address("224.0.0.2"), 64, False)
    }
    assert {read.message for read in said} == {Report(version=2, group=GROUP)}


def test_a_host_without_a_fault_is_as_good_as_the_kernel(tmp_path):
    steps = "{at: 12s, leave: {node: n2, stream: one}}"
    run = Run(tmp_path, "host: {}", switch=f"{CLASS_C}, querier: {{version: 3}}", steps=steps, speed=10)
    said = run.of(N2)
    assert all(isinstance(read.message, RecordReport) for read in said)
    assert {read.destination for read in said} == {igmp.ALL_V3_ROUTERS}
    gone = [line for line in run.records if line["t"] == "table" and not line["present"]]
    assert [(line["port"], line["group"]) for line in gone] == [("p2", str(GROUP))]


def test_what_never_reports_is_not_waited_for(tmp_path):
    run = Run(tmp_path, "host: {reports: off}", result="none")
    assert run.of(N2) == []
    phases = {line["name"]: line["real_s"] for line in run.records if line["t"] == "phase"}
    assert phases["run"] - phases["settle"] < 5
    assert run.outcome.remarks == ()


def test_a_restarted_node_reports_again_and_silence_holds_for_the_machine(tmp_path):
    steps = (
        "{at: 2s, silence: {from: n2, to: sw1}}, {at: 4s, restart_node: n2}, "
        "{at: 13s, restore: {from: n2, to: sw1}}, {at: 14s, restart_node: n2}"
    )
    lost = "{loss: {at_least: 40%, at_most: 60%}}"  # from the first restart on, until the second
    run = Run(tmp_path, "host: {version: 2}", switch=CLASS_C, steps=steps, result=lost)
    seen = [line["at_s"] for line in run.records if line["t"] == "igmp" and line["port"] == "p2"]
    assert [at_s for at_s in seen if 2 < at_s < 13] == []
    assert [at_s for at_s in seen if 14 <= at_s < 15] != []


def test_a_firewall_that_keeps_reports_in_ends_no_run(tmp_path):
    rules = 'firewall: {iptables: "-A OUTPUT -p igmp -j DROP"}'
    run = Run(tmp_path, rules, result="none")
    assert run.of(N2) == []
    (remark,) = run.outcome.remarks
    assert remark.startswith(f"sw1 has not learned that n2 is in {GROUP}")
    assert "remark" in {line["t"] for line in run.records}


def test_a_firewall_that_lets_reports_out_is_waited_for(tmp_path):
    run = Run(tmp_path, 'firewall: {iptables: "-A INPUT -p igmp -j DROP"}')
    assert run.of(N2)
    assert run.outcome.remarks == ()


FORGED = """\
{at: 4s, forge: {node: n2, query: {source: 10.77.0.200, max_response: 10s, version: 3}, every: 2s, times: 3}},
{at: 5s, forge: {node: n2, report: {group: 239.192.0.9, source: 10.9.9.9, mac: "02:00:00:00:00:77"}}},
{at: 6s, forge: {node: n2, leave: {group: 239.192.0.9, ttl: 3, router_alert: off}}},
{at: 7s, forge: {node: n2, pim_hello: {hold: 100s}}}
"""


def test_forged_packets_are_what_the_file_says(tmp_path):
    run = Run(tmp_path, "host: {}", steps=FORGED.replace("\n", " "), duration="12s")
    queries = run.of("10.77.0.200")
    assert [read.message for read in queries] == [Query(version=3, max_response_s=0.5)] * 3
    assert {read.source_mac.hex(":") for read in queries} == {"02:00:00:00:00:02"}
    (report,) = run.of("10.9.9.9")
    assert (report.source_mac.hex(":"), report.message.group) == (
        "02:00:00:00:00:77",
        IPv4Address("239.192.0.9"),
    )
    (leave,) = (read for read in run.of(N2) if isinstance(read.message, Leave))
    assert (leave.hops, leave.router_alert) == (3, False)
    hellos = [hello for frame in run.frames if (hello := pim.parse_hello(frame)) is not None]
    assert hellos == [pim.Hello(source=IPv4Address(N2), hold_time_s=5.0)]
    acted = [line["at_s"] for line in run.records if line["t"] == "acted"]
    assert [round(at_s) for at_s in acted] == [4, 5, 6, 6, 7, 8]


def test_a_node_that_asks_hears_itself_and_answers(tmp_path):
    querier = "querier: {query_interval: 20s, max_response: 4s}"
    run = Run(tmp_path, querier, switch=CLASS_C, duration="60s")
    asked = [read for read in run.of(N2) if isinstance(read.message, Query)]
    answered = [read for read in run.of(N2) if isinstance(read.message, Report)]
    assert len(asked) >= 4
    assert len(answered) >= 3, "it joined with version 3, and answers each of its own queries of version 2"
    routers = [line for line in run.records if line["t"] == "table" and line["table"] == "router-port"]
    assert [line["port"] for line in routers] == ["p2"]
