"""A capture of a port: it holds what the scenario sends, and nothing else unless the scenario wants it."""

import textwrap

import pytest

from harness.plan.build import build_all
from harness.run.pool import Pool
from harness.run.session import Request
from harness.verdicts.judge import Status
from harness.wire import pcap

pytestmark = pytest.mark.lab

ETHERTYPES = {b"\x08\x00": "IPv4", b"\x86\xdd": "IPv6", b"\x08\x06": "ARP"}


def captured(folder, ipv6):
    """What the port of n2 saw: (ethertype, IP protocol) of each frame."""
    path = folder / "capture.scenario.yaml"
    path.write_text(
        textwrap.dedent(f"""\
        scenario: three nodes and a querier, captured
        source: made up
        speed: 50
        network:
          ipv6: {ipv6}
          switches: {{sw1: {{profile: juniper-ex, querier: on}}}}
          nodes: {{n: {{count: 3, on: sw1}}}}
        traffic:
          one: {{group: 239.192.0.1, rate: 1/s}}
        expect:
          - {{deliver: one, result: all, until: 20s}}
        """),
        encoding="utf-8",
    )
    with Pool(jobs=1) as pool:
        (plan,) = build_all(path)
        request = Request(plan=plan, backend="netns", parent=folder / "runs", captures=(("sw1", "p2"),))
        pool.submit("capture", request)
        outcome = pool.wait("capture")
    assert outcome.status is Status.PASSED, outcome.error
    with (outcome.folder / "sw1-p2.pcap").open("rb") as file:
        frames = [captured.frame for captured in pcap.read(file)]
    return [(ETHERTYPES.get(frame[12:14], frame[12:14].hex()), frame[23]) for frame in frames]


def test_a_capture_holds_only_what_the_scenario_sends(tmp_path):
    seen = captured(tmp_path, "off")
    udp, igmp = seen.count(("IPv4", 17)), seen.count(("IPv4", 2))
    assert udp == 3 * 21, "21 datagrams of each of three senders pass the port, in or out"
    assert igmp >= 2, "a query and a report at least"
    assert udp + igmp == len(seen)


def test_the_nodes_own_ipv6_is_there_if_the_scenario_wants_it(tmp_path):
    kinds = {kind for kind, _ in captured(tmp_path, "on")}
    assert kinds == {"IPv4", "IPv6"}
