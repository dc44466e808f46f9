"""What works alone, together: VLANs with MLD, with the spanning tree, with bad cables; PIM, suppression."""

import textwrap
from collections import Counter

import pytest

from harness.observations.model import Acted, Igmp, TableLine
from harness.observations.record import read
from harness.plan.build import build_all
from harness.run.pool import Pool
from harness.run.session import Request
from harness.verdicts.judge import Status
from harness.wire import igmp, pcap
from harness.wire.membership import Query, Report

pytestmark = pytest.mark.lab


def ran(folder, text, *, captures=()):
    """The folder of a run whose expectations hold."""
    path = folder / "both.scenario.yaml"
    path.write_text("scenario: both at once\nsource: made up\n" + textwrap.dedent(text), encoding="utf-8")
    (plan,) = build_all(path)
    with Pool(jobs=1) as pool:
        pool.submit("one", Request(plan=plan, backend="netns", parent=folder / "runs", captures=captures))
        outcome = pool.wait("one")
    wrong = [f"{one.expected}: {one.got}" for one in outcome.verdicts if one.status is not Status.PASSED]
    assert outcome.status is Status.PASSED, (outcome.error, wrong, outcome.impairments)
    return outcome.folder


def test_a_querier_of_mld_is_one_of_its_vlan_and_its_protocol(tmp_path):
    folder = ran(
        tmp_path,
        """\
        speed: 50
        duration: 60s
        network:
          switches:
            sw1: {profile: class-c, mld: {snooping: on}, vlans: {10: {mld: {querier: on}}, 20: {querier: on}}}
            sw2: {profile: class-c, mld: {snooping: on}, vlans: [10, 20]}
          nodes:
            a: {count: 2, on: [sw1, sw2], vlan: 10}
            b: {count: 2, on: [sw1, sw2], vlan: 20}
          links: [[sw1, sw2]]
        traffic:
          four: {group: 239.192.0.1, senders: all, receivers: all, rate: 1/s}
          six: {group: "ff15::1", senders: all, receivers: all, rate: 1/s}
        expect:
          - {deliver: six, senders: a, to: a, from: 15s, result: all}
          - {deliver: six, senders: b, to: b, from: 15s, result: none}
          - {deliver: four, senders: b, to: b, from: 15s, result: all}
          - {deliver: four, senders: a, to: a, from: 15s, result: none}
          - {deliver: six, senders: a, to: b, result: none}
          - {switch: sw2.10, at: 50s, mld_querier: "fe80::5c:ff:fe00:1", mld_router_ports: sw1,
             querier: none, router_ports: none}
          - {switch: sw2.20, at: 50s, querier: 10.77.254.2, router_ports: sw1,
             mld_querier: none, mld_router_ports: none}
        """,
    )
    heard = [record for record in read(folder) if isinstance(record, Igmp) and record.what == "query"]
    assert {(one.switch, one.protocol) for one in heard if not one.sent} == {
        ("sw2.10", "mld"),
        ("sw2.20", "igmp"),
    }


RING = """\
speed: 50
duration: 100s
network:
  spanning_tree: {{root: sw1, change_over: 10s}}
  switches: {{sw: {{count: 3, profile: class-c, vlans: [10, 20], {change}}}}}
  routers:
    r10: {{on: sw1, vlan: 10}}
    r20: {{on: sw1, vlan: 20}}
  nodes:
    a: {{count: 3, on: [sw1, sw2, sw3], vlan: 10}}
    b: {{count: 3, on: [sw1, sw2, sw3], vlan: 20}}
  links: [[sw1, sw2], [sw2, sw3], [sw1, sw3]]
traffic:
  all: {{mesh: all, group: 239.192.0.1, interval: 1s}}
timeline:
  - {{at: 25s, name: cut, link_down: [sw1, sw2]}}  # no query falls between 35 s, the change-over, and 60 s
  - {{at: 60s, name: mended, link_up: [sw1, sw2]}}
expect:
"""
DOMAINS = {f"sw{switch}.{vlan}" for switch in (1, 2, 3) for vlan in (10, 20)}
EACH_VLAN = "".join(
    f"  - {{{what}, senders: {nodes}, to: {nodes}, {rest}}}\n"
    for nodes in "ab"
    for what, rest in (
        ("deliver: all", "from: 13s, until: cut, result: all"),
        ("heals: all", "by: unicast, after: cut, within: 12s, until: 59s"),
        ("heals: all", "after: cut, within: 14s, until: 59s"),
        ("heals: all", "after: mended, within: 14s"),
    )
)


def test_a_lost_trunk_is_replaced_in_every_vlan_and_each_switch_is_told_in_each(tmp_path):
    change = "on_topology_change: flood, topology_change_queries: 2"
    apart = "  - {deliver: all, by: unicast, senders: a, to: b, result: none}\n"
    folder = ran(tmp_path, RING.format(change=change) + EACH_VLAN + apart)
    records = list(read(folder))
    told = [record for record in records if isinstance(record, Acted) and "topology" in record.text]
    assert Counter(device for one in told for device in one.devices) == dict.fromkeys(DOMAINS, 2)


def test_without_a_reaction_each_vlan_waits_for_its_querier(tmp_path):
    ran(
        tmp_path,
        RING.format(change="on_topology_change: nothing")
        + """\
  - {deliver: all, senders: a1, to: a2, after: cut + 12s, until: 59s, result: none}
  - {deliver: all, senders: b1, to: b2, after: cut + 12s, until: 59s, result: none}
  - {heals: all, by: unicast, senders: a, to: a, after: cut, within: 12s, until: 59s}
""",
    )


def test_a_bad_trunk_is_bad_in_every_vlan(tmp_path):
    ran(
        tmp_path,
        """\
        speed: 20
        duration: 30s
        network:
          switches:
            sw1: {profile: class-c, querier: on, vlans: [10, 20]}
            sw2: {profile: class-c, vlans: [10, 20]}
          nodes:
            a: {count: 2, on: [sw1, sw2], vlan: 10}
            b: {count: 2, on: [sw1, sw2], vlan: 20}
          links: [[sw1, sw2]]
        traffic:
          ring: {mesh: all, group: 239.192.0.1, interval: 1s}
        timeline:
          - {at: 14s, name: worn, impair: {from: sw1, to: sw2, loss: 100%, larger_than: 60}}
          - {at: 20s, name: repaired, repair: [sw1, sw2]}
          - {at: 24s, name: half, impair: {from: sw1.20, to: sw2.20, loss: 100%, only: multicast}}
        expect:
          - {deliver: ring, by: unicast, until: worn, result: {matrix: {a1: a2, a2: a1, b1: b2, b2: b1}}}
          - {deliver: ring, by: unicast, after: worn, until: repaired,
             result: {matrix: {a1: none, a2: a1, b1: none, b2: b1}}}
          - {deliver: ring, by: unicast, from: repaired, result: {matrix: {a1: a2, a2: a1, b1: b2, b2: b1}}}
          - {deliver: ring, from: 12s, until: worn, result: {matrix: {a1: a2, a2: a1, b1: b2, b2: b1}}}
          - {deliver: ring, after: worn, until: repaired,
             result: {matrix: {a1: none, a2: a1, b1: none, b2: b1}}}
          - {deliver: ring, after: half, result: {matrix: {a1: a2, a2: a1, b1: none, b2: b1}}}
        """,
    )


@pytest.mark.parametrize(("learns", "port"), [("on", "p2"), ("off", None)])
def test_a_forged_hello_makes_a_router_port_for_as_long_as_it_holds(tmp_path, learns, port):
    known, load = ("n2", "at_least: 100%") if port else ("none", "at_most: 0%")
    folder = ran(
        tmp_path,
        f"""\
        speed: 100
        duration: 160s
        network:
          switches: {{sw1: {{profile: class-c, learn_router_from_pim: {learns}}}}}
          nodes: {{n: {{count: 3, on: sw1}}}}
        traffic:
          one: {{group: 239.192.0.1, senders: n1, receivers: n3, rate: 1/s}}
        timeline:
          - {{at: 10s, name: said, forge: {{node: n2, pim_hello: {{hold: 100s}}}}}}
        expect:
          - {{switch: sw1, at: 60s, router_ports: {known}, querier: none}}
          - {{switch: sw1, at: 120s, router_ports: none}}
          - {{load: n2, stream: one, until: said, at_most: 0%}}
          - {{load: n2, stream: one, from: said + 2s, until: 108s, {load}}}
          - {{load: n2, stream: one, from: 113s, at_most: 0%}}
        """,
    )
    lines = [r for r in read(folder) if isinstance(r, TableLine) and r.table == "router-port"]
    moments = [(line.port, line.present, round(line.at_s, -1)) for line in lines]
    assert moments == ([] if port is None else [(port, True, 10), (port, False, 110)])


def reports_after_queries(folder, switch, port):
    """How many reports of version 1 or 2 came out of a port after each query that went in."""
    with (folder / f"{switch}-{port}.pcap").open("rb") as file:
        frames = [igmp.parse_igmp_frame(captured.frame) for captured in pcap.read(file)]
    counts: list[int] = []
    for frame in frames:
        match frame:
            case None:
                continue
            case _ if isinstance(frame.message, Query) and frame.message.group is None:
                counts.append(0)
            case _ if isinstance(frame.message, Report) and counts:
                counts[-1] += 1
    return counts


@pytest.mark.parametrize(("suppression", "members"), [("on", 1), ("off", 4)])
def test_a_catalyst_relays_one_report_for_each_query_and_all_members_receive(tmp_path, suppression, members):
    folder = ran(
        tmp_path,
        f"""\
        speed: 50
        duration: 300s
        network:
          switches:
            sw1: {{profile: cisco-catalyst, querier: on}}
            sw2: {{profile: cisco-catalyst, report_suppression: {suppression}}}
          nodes:
            source: {{on: sw1}}
            n: {{count: 4, on: sw2}}
          links: chain
        traffic:
          one: {{group: 239.192.0.1, senders: source, receivers: n, rate: 1/s}}
        expect:
          - {{deliver: one, from: 15s, result: all}}
          - {{switch: sw1, at: 290s, groups: {{239.192.0.1: sw2}}}}
          - {{switch: sw2, at: 290s, groups: {{239.192.0.1: n}}, router_ports: sw1}}
        """,
        captures=(("sw1", "p2"),),
    )
    counts = reports_after_queries(folder, "sw1", "p2")[1:-1]
    assert len(counts) >= 2
    assert counts == [members] * len(counts)
