"""Emulated hosts, forged packets and queriers on nodes in MLD, and settling on sources, on real packets."""

import json
import textwrap
from ipaddress import IPv6Address

import pytest

from harness.plan.build import build_all
from harness.run.pool import Pool
from harness.run.session import Request
from harness.verdicts.judge import Status
from harness.wire import mld, pcap, pim
from harness.wire.membership import Leave, Query, RecordReport, RecordType, Report

pytestmark = pytest.mark.lab

GROUP = IPv6Address("ff15::1")
N2 = "fe80::ff:fe00:2"
SCENARIO = """\
scenario: hosts that Linux cannot be, in MLD
source: made up
speed: {speed}
duration: {duration}
network:
  switches: {{sw1: {{profile: class-c, mld: {{{switch}}}}}}}
  nodes:
    n1: {{on: sw1}}
    n2: {{on: sw1, {node}}}
traffic:
  one: {{group: "ff15::1", senders: n1, receivers: n2, rate: 2/s}}
timeline: [{steps}]
expect:
  - {{deliver: one, result: {result}}}
"""
SNOOPING = "snooping: on"
ASKING = "snooping: on, querier: {version: 1}"


class Run:
    """One run, its records and the MLD that the port of n2 saw."""

    def __init__(self, folder, text):
        path = folder / "hosts.scenario.yaml"
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
        self.mld = [read for frame in self.frames if (read := mld.parse_mld_frame(frame)) is not None]

    def of(self, address):
        """What one address said."""
        return [read for read in self.mld if read.source == IPv6Address(address)]


def run(folder, node, *, switch=ASKING, steps="", result="all", speed=20, duration="20s"):
    settings = {"node": node, "switch": switch, "steps": steps, "result": result}
    return Run(folder, SCENARIO.format(**settings, speed=speed, duration=duration))


def test_only_the_machine_speaks_and_data_arrives_by_the_kernel(tmp_path):
    """The kernel would report its groups of neighbour discovery too, and with hop limit 1."""
    one = run(tmp_path, "host: {version: 2, reports_to: 'ff02::2', ttl: 64, router_alert: off}")
    said = one.of(N2)
    assert said
    assert {(read.destination, read.hops, read.router_alert) for read in said} == {
        (IPv6Address("ff02::2"), 64, False)
    }
    assert {read.message for read in said} == {Report(version=1, group=GROUP)}


def test_a_host_without_a_fault_is_as_good_as_the_kernel(tmp_path):
    steps = "{at: 12s, leave: {node: n2, stream: one}}"
    one = run(tmp_path, "host: {}", switch="snooping: on, querier: {version: 2}", steps=steps, speed=10)
    said = one.of(N2)
    assert all(isinstance(read.message, RecordReport) for read in said)
    assert {read.destination for read in said} == {mld.ALL_V2_ROUTERS}
    gone = [line for line in one.records if line["t"] == "table" and not line["present"]]
    assert [(line["port"], line["group"]) for line in gone] == [("p2", str(GROUP))]


def test_what_never_reports_is_not_waited_for(tmp_path):
    one = run(tmp_path, "host: {reports: off}", result="none")
    assert one.of(N2) == []
    assert one.outcome.remarks == ()


def test_a_restarted_node_reports_again(tmp_path):
    steps = "{at: 10s, restart_node: n2}"
    lost = "{loss: {at_most: 10%}}"
    one = run(tmp_path, "host: {mld_version: 1}", switch=SNOOPING, steps=steps, result=lost)
    reports = [line["at_s"] for line in one.records if line["t"] == "igmp" and line["port"] == "p2"]
    assert [at_s for at_s in reports if 10 <= at_s < 11] != []


FORGED = """\
{at: 4s, forge: {node: n2, query: {source: 'fe80::200', max_response: 10s, version: 2}, every: 2s, times: 3}},
{at: 5s, forge: {node: n2, report: {group: 'ff15::9', source: 'fe80::9', mac: "02:00:00:00:00:77"}}},
{at: 6s, forge: {node: n2, leave: {group: 'ff15::9', ttl: 3, router_alert: off}}},
{at: 7s, forge: {node: n2, leave: {group: 'ff15::9', version: 2}}},
{at: 7s, forge: {node: n2, pim_hello: {source: 'fe80::ff:fe00:2', hold: 100s}}}
"""


def test_forged_packets_are_what_the_file_says(tmp_path):
    one = run(tmp_path, "host: {}", steps=FORGED.replace("\n", " "), duration="12s")
    queries = one.of("fe80::200")
    assert [read.message for read in queries] == [Query(version=2, max_response_s=0.5)] * 3
    assert {read.source_mac.hex(":") for read in queries} == {"02:00:00:00:00:02"}
    (report,) = one.of("fe80::9")
    assert (report.source_mac.hex(":"), report.message.group) == ("02:00:00:00:00:77", IPv6Address("ff15::9"))
    (leave,) = (read for read in one.of(N2) if isinstance(read.message, Leave))
    assert (leave.hops, leave.router_alert) == (3, False)
    records = [
        r for read in one.of(N2) if isinstance(read.message, RecordReport) for r in read.message.records
    ]
    assert [r.type for r in records if r.group == IPv6Address("ff15::9")] == [RecordType.TO_IN]
    hellos = [hello for frame in one.frames if (hello := pim.parse_hello(frame)) is not None]
    assert hellos == [pim.Hello(source=IPv6Address(N2), hold_time_s=5.0)]


def test_a_forged_leave_of_mld_cuts_a_member_off_at_its_fast_port(tmp_path):
    steps = "{at: 10s, forge: {node: n2, leave: {group: 'ff15::1'}}}"
    switch = f"{SNOOPING}, fast_leave: on"
    run(
        tmp_path, "mld_version: 1", switch=switch, steps=steps, result="{loss: {at_least: 45%, at_most: 55%}}"
    )


def test_a_node_that_asks_hears_itself_and_answers(tmp_path):
    querier = "mld_querier: {query_interval: 20s, max_response: 4s, version: 1}"
    one = run(tmp_path, querier, switch=SNOOPING, duration="60s")
    asked = [read for read in one.of(N2) if isinstance(read.message, Query)]
    answered = [read for read in one.of(N2) if read.message == Report(version=1, group=GROUP)]
    assert len(asked) >= 4
    assert len(answered) >= 3, "it joined with version 2, and answers each of its own queries of version 1"
    assert {(read.hops, read.router_alert) for read in asked} == {(1, True)}
    routers = [line for line in one.records if line["t"] == "table" and line["table"] == "router-port"]
    assert [line["port"] for line in routers] == ["p2"]


def test_a_node_can_be_made_to_ask(tmp_path):
    steps = "{at: 5s, start_mld_querier: n2}, {at: 15s, stop_mld_querier: n2}"
    settings = "mld_querier: off"
    one = run(tmp_path, settings, switch=SNOOPING, steps=steps, duration="30s")
    asked = [line for line in one.records if line["t"] == "igmp" and line["what"] == "query"]
    assert asked
    assert all(5 <= line["at_s"] <= 15 for line in asked)


SOURCES = """\
scenario: many sources of one group
source: made up
speed: 20
duration: 5s
network:
  {switch}
  nodes: {{n: {{count: 7, on: sw1, {node}}}}}
traffic:
  four: {{group: 232.1.1.1, senders: all but n7, receivers: n7, source_specific: on, rate: 4/s}}
  six: {{group: "ff3e::8000:1", senders: all but n7, receivers: n7, source_specific: on, rate: 4/s}}
expect:
  - {{deliver: four, result: all}}
  - {{deliver: six, result: all}}
"""
EMULATED = """switches:
    sw1:
      {profile: class-c, source_filtering: on, querier: {version: 3},
       mld: {snooping: on, source_filtering: on, querier: {version: 2}}}"""
GENUINE = "bridges: {sw1: {source_filtering: on, querier: {version: 3}, mld: {querier: {version: 2}}}}"


@pytest.mark.parametrize("node", ["", "host: {}"], ids=["kernel", "host"])
@pytest.mark.parametrize("switch", [EMULATED, GENUINE], ids=["emulated", "genuine"])
def test_a_lab_has_settled_when_every_source_is_known(tmp_path, switch, node):
    one = Run(tmp_path, SOURCES.format(switch=switch, node=node))
    lines = [line for line in one.records if line["t"] == "table" and line["table"] == "member"]
    for group, subnet in (("232.1.1.1", "10.77.0."), ("ff3e::8000:1", "fd77::")):
        known = [line for line in lines if line["group"] == group and line["port"] == "p7"]
        settled = [line for line in known if line["at_s"] <= 0]
        assert settled[-1]["filter"] == " ".join(["include", *(f"{subnet}{n}" for n in range(1, 7))])
