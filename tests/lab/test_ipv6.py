"""IPv6 in real labs: streams, meshes and MLD through both kinds of switches, and no word too many."""

import textwrap
from collections import Counter

import pytest

from harness.plan.build import build_all
from harness.run.pool import Pool
from harness.run.session import Request
from harness.verdicts.judge import Status
from harness.wire import ethernet, ipv6, pcap

pytestmark = pytest.mark.lab

ICMP, UDP = 58, 17
QUERY, REPORT_V1, REPORT_V2 = 130, 131, 143


def ran(folder, text, *, captures=()):
    """The folder of a run whose expectations hold."""
    path = folder / "ipv6.scenario.yaml"
    path.write_text("scenario: IPv6 in a lab\nsource: made up\n" + textwrap.dedent(text), encoding="utf-8")
    (plan,) = build_all(path)
    with Pool(jobs=1) as pool:
        request = Request(plan=plan, backend="netns", parent=folder / "runs", captures=captures)
        pool.submit("ipv6", request)
        outcome = pool.wait("ipv6")
    wrong = [f"{one.expected}: {one.got}" for one in outcome.verdicts if one.status is not Status.PASSED]
    assert outcome.status is Status.PASSED, (outcome.error, wrong, outcome.impairments)
    return outcome.folder


def packets(folder, switch, port):
    """The IPv6 packets that passed a port."""
    with (folder / f"{switch}-{port}.pcap").open("rb") as file:
        frames = [ethernet.decode(captured.frame) for captured in pcap.read(file)]
    return [ipv6.decode(frame.payload) for frame in frames if frame.ethertype == ethernet.ETHERTYPE_IPV6]


def messages(captured):
    """The types of ICMPv6 messages and how often each was seen."""
    return Counter(packet.payload[0] for packet in captured if packet.protocol == ICMP)


def test_a_snooping_switch_spares_those_who_did_not_ask(tmp_path):
    ran(
        tmp_path,
        """\
        speed: 50
        duration: 30s
        network:
          switches:
            sw1: {profile: class-c, mld: {snooping: on, querier: {version: 2}}}
            sw2: {profile: class-c, mld: {snooping: on}}
          nodes:
            n: {count: 4, on: [sw1, sw2]}
            guest: {count: 2, on: [sw1, sw2]}
          links: chain
        traffic:
          site: {group: "ff15::1:2", senders: n1, receivers: [n2, n3], rate: 2/s}
          ssm: {group: "ff3e::8000:1", senders: [n1, n4], receivers: [n2, n3], source_specific: true}
          link: {group: "ff02::4321", senders: n1, receivers: n}
        timeline:
          - {at: 15s, leave: {node: n2, stream: site}}
        expect:
          - {deliver: site, result: all}
          - {deliver: ssm, result: all}
          - {deliver: link, result: all}
          - {load: non-members, stream: site, until: 15s, at_most: 0%}
          - {load: non-members, stream: ssm, at_most: 0%}
          - {load: non-members, stream: link, at_least: 100%}
          - {switch: sw2, at: 10s, groups: {"ff15::1:2": n2, "ff3e::8000:1": n2, "ff02::4321": none}}
          - {switch: sw2, at: 10s, mld_querier: "fe80::5c:ff:fe00:1", mld_router_ports: sw1}
          - {switch: sw2, at: 10s, querier: none, router_ports: none}
          - {switch: sw2, at: 20s, groups: {"ff15::1:2": none}}
        """,
    )


@pytest.mark.parametrize(("filtering", "load"), [("on", "at_most: 0%"), ("off", "at_least: 100%")])
def test_sources_decide_where_a_switch_keeps_them(tmp_path, filtering, load):
    ran(
        tmp_path,
        f"""\
        speed: 50
        duration: 20s
        network:
          switches:
            sw1:
              profile: class-c
              mld: {{snooping: on, querier: {{version: 2}}, source_filtering: {filtering}}}
          nodes: {{n: {{count: 4, on: sw1}}}}
        traffic:
          wanted: {{group: "ff3e::8000:1", senders: n1, receivers: n2, source_specific: true, rate: 2/s}}
          other: {{group: "ff3e::8000:1", port: 5500, senders: n4, receivers: none, rate: 2/s}}
        expect:
          - {{deliver: wanted, result: all}}
          - {{load: n2, stream: other, {load}}}
          - {{load: n3, stream: other, at_most: 0%}}
        """,
    )


def test_the_kernels_bridge_filters_once_it_asks_from_a_link_local_address(tmp_path):
    ran(
        tmp_path,
        """\
        speed: 30
        duration: 120s
        network:
          bridges:
            vmbr0: {querier: {query_interval: 32s}, mld: {querier: {address: "::"}}}
          nodes:
            n: {count: 3, on: vmbr0}
            guest: {on: vmbr0}
        traffic:
          four: {group: 239.192.1.2, senders: n1, receivers: n, rate: 1/s}
          six: {group: "ff15::1:2", senders: n1, receivers: n, rate: 1/s}
        timeline:
          - {at: 40s, name: addressed, set: {switch: vmbr0, mld: {querier: {address: "fe80::1", version: 2}}}}
        expect:
          - {deliver: four, result: all}
          - {deliver: six, result: all}
          - {load: non-members, stream: four, from: 15s, at_most: 0%}
          - {load: non-members, stream: six, until: addressed, at_least: 100%}
          - {load: non-members, stream: six, from: 100s, at_most: 0%}
          - {switch: vmbr0, at: 30s, mld_querier: none, querier: 0.0.0.0}
          - {switch: vmbr0, at: 110s, groups: {"ff15::1:2": n}, mld_querier: "fe80::1", querier: 0.0.0.0}
        """,
    )


def test_a_mesh_goes_by_multicast_and_by_unicast_whatever_the_size(tmp_path):
    ran(
        tmp_path,
        """\
        duration: 1500ms
        network:
          bridges: {vmbr0: {}}
          nodes: {n: {count: 4, on: vmbr0}, far: {on: vmbr0, address6: "fd77::ffff"}}
        traffic:
          omping: {mesh: all, group: "ff15::4321", interval: 200ms}
          large: {mesh: [n1, far], group: "ff15::1234", interval: 300ms, size: 4000, port: 5000}
        expect:
          - {deliver: omping, result: all}
          - {deliver: omping, by: unicast, result: all}
          - {deliver: large, result: all}
          - {deliver: large, by: unicast, result: all}
          - {load: non-members, stream: large, at_least: 100%}
        """,
    )


def test_a_capture_holds_what_the_scenario_says_and_no_more(tmp_path):
    folder = ran(
        tmp_path,
        """\
        speed: 20
        duration: 30s
        network:
          switches: {sw1: {profile: class-c, mld: {snooping: on}}}
          routers: {r1: {on: sw1, querier: off, mld_querier: {version: 1}}}
          nodes: {n: {count: 2, on: sw1}}
        traffic:
          six: {group: "ff15::1:2", senders: n1, rate: 1/s}
          omping: {mesh: n, group: "ff15::4321", interval: 1s}
        expect:
          - {deliver: six, result: all}
          - {deliver: omping, by: unicast, result: all}
        """,
        captures=(("sw1", "p1"),),
    )
    seen = packets(folder, "sw1", "p1")
    assert {packet.protocol for packet in seen} == {ICMP, UDP}
    assert set(messages(seen)) <= {QUERY, REPORT_V1, REPORT_V2}
    assert messages(seen)[QUERY] >= 1
    sources = {str(packet.source) for packet in seen if packet.protocol == UDP}
    assert sources == {"fd77::1", "fd77::2"}
    assert {packet.hop_limit for packet in seen if packet.protocol == ICMP} == {1}


@pytest.mark.parametrize(("version", "report"), [(1, REPORT_V1), (2, REPORT_V2)])
def test_a_host_can_be_held_to_a_version(tmp_path, version, report):
    folder = ran(
        tmp_path,
        f"""\
        speed: 20
        duration: 20s
        network:
          switches: {{sw1: {{profile: class-c, mld: {{snooping: on, querier: {{version: 2}}}}}}}}
          nodes: {{n: {{count: 2, on: sw1, mld_version: {version}}}}}
        traffic:
          six: {{group: "ff15::1:2", senders: n1, rate: 1/s}}
        expect:
          - {{deliver: six, result: all}}
        """,
        captures=(("sw1", "p1"),),
    )
    assert set(messages(packets(folder, "sw1", "p1"))) == {QUERY, report}


def test_a_host_that_was_restarted_has_its_addresses_again(tmp_path):
    ran(
        tmp_path,
        """\
        speed: 20
        duration: 60s
        network:
          switches: {sw1: {profile: class-c, mld: {snooping: on, querier: on}}}
          nodes: {n: {count: 3, on: sw1}}
        traffic:
          six: {group: "ff15::1:2", senders: [n1, n2], rate: 1/s}
          omping: {mesh: [n1, n2], group: "ff15::4321", interval: 1s}
        timeline:
          - {at: 20s, name: restarted, restart_node: n2}
        expect:
          # A first report that meets a port which does not forward yet comes again within 10 s (RFC 2710).
          - {heals: six, after: restarted, within: 12s}
          - {heals: omping, by: unicast, after: restarted, within: 5s}
        """,
    )


def test_each_protocol_of_a_router_can_be_stopped_alone(tmp_path):
    ran(
        tmp_path,
        """\
        speed: 100
        duration: 700s
        network:
          switches: {sw1: {profile: class-c, mld: {snooping: on}}}
          routers: {r1: {on: sw1, mld_querier: on}}
          nodes: {n: {count: 3, on: sw1}}
        traffic:
          four: {group: 239.192.1.2, senders: n1, rate: 1/s}
          six: {group: "ff15::1:2", senders: n1, rate: 1/s}
        timeline:
          - {at: 10s, stop_mld_querier: r1}
          - {at: 400s, name: again, start_mld_querier: r1}
        expect:
          - {deliver: four, result: all}
          - {deliver: six, until: 200s, result: all}
          - {deliver: six, from: 310s, until: 400s, result: none}
          - {heals: six, after: again, within: 12s}
          - {switch: sw1, at: 390s, querier: 10.77.255.1, mld_querier: none, mld_router_ports: none}
        """,
    )
