"""VLANs in a real lab: datagrams and queries stay in theirs, over a trunk and over access links."""

import textwrap

import pytest

from harness.observations.model import Acted
from harness.observations.record import read
from harness.plan.build import build_all
from harness.run.pool import Pool
from harness.run.session import Request
from harness.verdicts.judge import Status
from harness.wire import pcap

pytestmark = pytest.mark.lab

IGMP, UDP = 2, 17
QUERY = 0x11

SCENARIO = """\
scenario: Two switches, two VLANs, a trunk, and a bridge behind an access port of VLAN 20
source: made up
speed: 50
duration: 30s
network:
  switches:
    sw1: {profile: class-c, vlans: {10: {querier: on}, 20: {}}}
    sw2: {profile: class-c, vlans: [10, 20]}
  bridges:
    vmbr0: {}
  nodes:
    a: {count: 2, on: [sw1, sw2], vlan: 10}
    b: {on: sw1, vlan: 20}
    guest: {on: vmbr0}
  links:
    - TRUNK
    - {between: [sw2, vmbr0], vlan: 20}
traffic:
  ring: {mesh: all, group: 239.192.0.1, interval: 1s}
"""


def ran(folder, rest, *, trunk="[sw1, sw2]", captures=()):
    """The plan and the folder of a run whose expectations hold."""
    path = folder / "vlans.scenario.yaml"
    path.write_text(SCENARIO.replace("TRUNK", trunk) + textwrap.dedent(rest), encoding="utf-8")
    (plan,) = build_all(path)
    with Pool(jobs=1) as pool:
        request = Request(plan=plan, backend="netns", parent=folder / "runs", captures=captures)
        pool.submit("vlans", request)
        outcome = pool.wait("vlans")
    assert outcome.status is Status.PASSED, (outcome.error, outcome.verdicts)
    return plan, outcome.folder


def frames(folder, switch, port):
    with (folder / f"{switch}-{port}.pcap").open("rb") as file:
        return [captured.frame for captured in pcap.read(file)]


def sources(captured, protocol):
    """The last byte of the source address of each IPv4 frame of this protocol."""
    return {frame[29] for frame in captured if frame[12:14] == b"\x08\x00" and frame[23] == protocol}


def askers(captured):
    """The source addresses of IGMP queries; where IGMP begins says the length of the IPv4 header."""
    return {
        frame[26:30]
        for frame in captured
        if frame[12:14] == b"\x08\x00" and frame[23] == IGMP and frame[14 + 4 * (frame[14] & 15)] == QUERY
    }


def test_each_vlan_hears_itself_alone_and_the_querier_of_one_is_none_of_the_other(tmp_path):
    plan, folder = ran(
        tmp_path,
        """\
        expect:
          - {deliver: ring, by: unicast, result: {matrix: {a1: a2, a2: a1, b: guest, guest: b}}}
          - deliver: ring
            from: 12s
            result: {matrix: {a1: a2, a2: a1, b: none, guest: none}}
            why: Nobody asks in VLAN 20, so that no report crosses the trunk.
          - {switch: sw2.10, at: 25s, querier: 10.77.254.1, router_ports: sw1}
          - {switch: sw2.20, at: 25s, querier: none, router_ports: none}
          - {switch: vmbr0, at: 25s, querier: none, router_ports: none}
        """,
        captures=(("sw1.10", "p3"), ("sw1.20", "p3")),
    )
    ten, twenty = (frames(folder, name, "p3") for name in ("sw1.10", "sw1.20"))
    number = {host.name: host.address.packed[3] for host in plan.hosts}
    assert askers(ten) == {bytes((10, 77, 254, 1))}
    assert askers(twenty) == set()
    assert sources(ten, UDP) == {number["a1"], number["a2"]}
    assert sources(twenty, UDP) == {number["b"], number["guest"]}


def test_a_querier_in_every_vlan_joins_what_the_cables_join(tmp_path):
    ran(
        tmp_path,
        """\
        timeline:
          - {at: 2s, name: asked, start_querier: sw1}
        expect:
          - deliver: ring
            from: asked + 15s
            result: {matrix: {a1: a2, a2: a1, b: guest, guest: b}}
          - {switch: sw2.20, at: 25s, querier: 10.77.254.2, router_ports: sw1}
        """,
    )


def test_a_trunk_is_one_cable_and_a_vlan_can_be_taken_off_it(tmp_path):
    _, folder = ran(
        tmp_path,
        """\
        timeline:
          - {at: 1s, start_querier: sw1.20}
          - {at: 12s, name: cut, link_down: [sw1, sw2]}
          - {at: 16s, name: mended, link_up: [sw1, sw2]}
          - {at: 20s, name: pruned, link_down: [sw1.20, sw2.20]}
        expect:
          - {deliver: ring, by: unicast, until: cut, result: {matrix: {a1: a2, a2: a1, b: guest, guest: b}}}
          - {deliver: ring, by: unicast, after: cut, until: mended, result: none}
          - {deliver: ring, by: unicast, from: mended + 1s, until: pruned, senders: [a1, b],
             result: {matrix: {a1: a2, b: guest}}}
          - {deliver: ring, by: unicast, after: pruned,
             result: {matrix: {a1: a2, a2: a1, b: none, guest: none}}}
        """,
    )
    acted = {record.name: set(record.devices) for record in read(folder) if isinstance(record, Acted)}
    assert acted["cut"] == acted["mended"] == {"sw1.10", "sw1.20", "sw2.10", "sw2.20"}
    assert acted["pruned"] == {"sw1.20", "sw2.20"}


def test_a_bridge_with_vlans_asks_in_one_of_them_alone(tmp_path):
    _, folder = ran(
        tmp_path,
        """\
        variants:
          hypervisor:
            network:
              bridges:
                vmbr1: {vlans: {10: {}, 20: {querier: {address: 10.77.200.20, startup_interval: 60s}}}}
              nodes: {vm10: {on: vmbr1.10}, vm20: {on: vmbr1, vlan: 20}}
              links: [[sw1, sw2], {between: [sw2, vmbr0], vlan: 20}, [vmbr1, sw2]]
            expect:
              - {deliver: ring, by: unicast, senders: vm10, to: [a1, a2], result: all}
              - {deliver: ring, by: unicast, senders: vm20, to: [a1, a2, vm10], result: none}
              - {deliver: ring, from: 15s, senders: vm20, to: [b, guest], result: all}
              - {switch: sw1.20, at: 25s, querier: 10.77.200.20, router_ports: sw2}
              - {switch: sw1.10, at: 25s, querier: 10.77.254.1, router_ports: none}
              - {switch: vmbr1.10, at: 25s, querier: 10.77.254.1, router_ports: sw2}
        """,
        captures=(("vmbr1.10", "p3"), ("vmbr1.20", "p3")),
    )
    ten, twenty = (frames(folder, name, "p3") for name in ("vmbr1.10", "vmbr1.20"))
    assert askers(ten) == {bytes((10, 77, 254, 1))}
    assert askers(twenty) == {bytes((10, 77, 200, 20))}


def test_a_cable_between_two_vlans_joins_them(tmp_path):
    ran(
        tmp_path,
        """\
        expect:
          - deliver: ring
            by: unicast
            result: {matrix: {a1: guest, guest: a1, a2: none, b: none}}
            why: VLAN 10 of sw1 is VLAN 20 of sw2.
        """,
        trunk="[sw1.10, sw2.20]",
    )
