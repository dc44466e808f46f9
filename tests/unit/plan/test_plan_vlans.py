"""VLANs in a plan: domains, trunks and access links, references to one VLAN or all, and mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ScenarioError
from harness.plan.build import build, build_all
from harness.plan.model import Action, ActionKind, End, Plan
from harness.plan.text import describe
from harness.scenario.loader import load

HEAD = "scenario: A title\nsource: RFC 4541\nspeed: 1\nduration: 100s\n"
TRAFFIC = "traffic: {totem: {group: 239.192.0.1, rate: 1/s}}\n"
TWO = """\
network:
  switches:
    sw1: {profile: class-c, vlans: [10, 20]}
    sw2: {profile: class-c, vlans: [10, 20, 30]}
  nodes:
    a: {count: 2, on: [sw1, sw2], vlan: 10}
    b: {count: 2, on: [sw1.20, sw2.20]}
  links:
    - [sw1, sw2]
"""


def plans(folder: Path, text: str) -> tuple[Plan, ...]:
    path = folder / "x.scenario.yaml"
    path.write_text(HEAD + TRAFFIC + text, encoding="utf-8")
    return tuple(build(variant) for variant in load(path).variants)


def planned(folder: Path, text: str) -> Plan:
    (plan,) = plans(folder, text)
    return plan


def complaints(folder: Path, text: str) -> list[str]:
    path = folder / "x.scenario.yaml"
    path.write_text(HEAD + TRAFFIC + text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        build_all(path)
    return [problem.message for problem in caught.value.problems]


def done(plan: Plan) -> list[tuple[ActionKind, str]]:
    return [(action.kind, action.target) for action in plan.actions]


def ends(action: Action) -> set[tuple[str, str]]:
    return {(end.device, end.port) for end in action.ends}


def impaired(action: Action) -> set[tuple[str, str]]:
    return {(one.end.device, one.end.port) for one in action.impaired}


# --- domains and cables -------------------------------------------------------------------------------------


def test_each_vlan_is_a_switch_of_its_own_and_a_trunk_a_link_for_each(tmp_path: Path) -> None:
    plan = planned(tmp_path, TWO)
    assert [(s.name, s.chassis, s.vlan) for s in plan.switches] == [
        ("sw1.10", "sw1", 10),
        ("sw1.20", "sw1", 20),
        ("sw2.10", "sw2", 10),
        ("sw2.20", "sw2", 20),
        ("sw2.30", "sw2", 30),
    ]
    assert [(link.a, link.b) for link in plan.links] == [
        (("sw1.10", "p3"), ("sw2.10", "p3")),
        (("sw1.20", "p3"), ("sw2.20", "p3")),
    ]
    assert {host.name: (host.switch, host.port) for host in plan.hosts} == {
        "a1": ("sw1.10", "p1"),
        "a2": ("sw2.10", "p1"),
        "b1": ("sw1.20", "p2"),
        "b2": ("sw2.20", "p2"),
    }
    assert [(port.name, port.peer) for port in plan.switch("sw1.20").ports] == [
        ("p2", "b1"),
        ("p3", "sw2.20"),
    ]
    assert plan.switch("sw2.30").ports == ()


def test_macs_and_addresses_of_domains_differ(tmp_path: Path) -> None:
    plan = planned(tmp_path, TWO)
    assert len({switch.mac for switch in plan.switches}) == len(plan.switches)
    assert len({switch.address for switch in plan.switches}) == len(plan.switches)
    ports = [port.mac for switch in plan.switches for port in switch.ports]
    assert len(set(ports)) == len(ports)


def test_without_vlans_a_switch_is_its_own_chassis(tmp_path: Path) -> None:
    plan = planned(tmp_path, "network: {switches: {sw1: {}}, nodes: {n: {count: 2, on: sw1}}}\n")
    assert [(s.name, s.chassis, s.vlan) for s in plan.switches] == [("sw1", "sw1", None)]


def test_settings_of_the_switch_hold_unless_the_vlan_says_otherwise(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        """\
network:
  switches:
    sw1:
      profile: class-c
      querier: {query_interval: 60s}
      membership_interval: 200s
      router_ports: [n1, n2]
      vlans:
        10: {}
        20: {querier: off, membership_interval: 100s}
        30: {querier: {address: 10.77.1.1}, router_ports: []}
  nodes:
    n: {count: 3, on: [sw1.10, sw1.20, sw1.30]}
""",
    )
    ten, twenty, thirty = (switch.behaviour for switch in plan.switches)
    assert ten.querier is not None and ten.querier.query_interval_s == 60
    assert twenty.querier is None
    assert thirty.querier is not None
    assert (str(thirty.querier.address), thirty.querier.query_interval_s) == ("10.77.1.1", 60)
    assert [b.membership_interval_s for b in (ten, twenty, thirty)] == [200, 100, 200]
    assert [b.static_router_ports for b in (ten, twenty, thirty)] == [("p1",), ("p2",), ()]


def test_mld_is_set_for_the_switch_and_for_a_vlan_too(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        """\
network:
  switches:
    vlans:
      profile: class-c
      mld: {snooping: on, querier: on, router_ports: [n2]}
      vlans: {10: {}, 20: {mld: {querier: off}}}
  nodes: {n: {count: 2, on: [vlans.10, vlans.20]}}
timeline:
  - {at: 1s, stop_mld_querier: vlans}
  - {at: 2s, set: {switch: vlans, mld: {router_ports: n1}}}
""",
    )
    ten, twenty = (switch.mld for switch in plan.switches)
    assert ten is not None and twenty is not None
    assert (ten.querier is not None, twenty.querier is not None) == (True, False)
    assert (ten.static_router_ports, twenty.static_router_ports) == ((), ("p2",))
    after = [action.mld for action in plan.actions]
    assert [one is not None and one.querier is None for one in after] == [True] * 4
    assert [one is not None and one.static_router_ports for one in after[2:]] == [("p1",), ()]


def test_addresses_as_written(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        """\
network:
  switches:
    leaf: {count: 2, address: 10.77.9.1, vlans: {10: {}, 20: {address: 10.77.8.1}}}
  nodes: {n: {count: 2, on: leaf.10}}
""",
    )
    assert {switch.name: str(switch.address) for switch in plan.switches} == {
        "leaf1.10": "10.77.9.1",
        "leaf1.20": "10.77.8.1",
        "leaf2.10": "10.77.9.3",
        "leaf2.20": "10.77.8.2",
    }


@pytest.mark.parametrize(
    ("link", "joined"),
    [
        ("[sw1, sw2]", [("sw1.10", "sw2.10"), ("sw1.20", "sw2.20")]),
        ("{between: [sw1, sw2], vlans: [20]}", [("sw1.20", "sw2.20")]),
        ("{between: [sw1, sw2], vlan: 10}", [("sw1.10", "sw2.10")]),
        ("[sw1.10, sw2.30]", [("sw1.10", "sw2.30")]),
        ("{between: [sw1, sw2.20], vlan: 20}", [("sw1.20", "sw2.20")]),
        ("{between: [plain, sw2], vlan: 30}", [("plain", "sw2.30")]),
        ("[sw2.30, plain]", [("sw2.30", "plain")]),
        ("[sw1.10, sw1.20]", [("sw1.10", "sw1.20")]),
    ],
)
def test_what_a_cable_joins(tmp_path: Path, link: str, joined: list[tuple[str, str]]) -> None:
    text = TWO.replace("    - [sw1, sw2]", f"    - {link}").replace(
        "switches:\n", "switches:\n    plain: {}\n"
    )
    plan = planned(tmp_path, text)
    assert [(link.a[0], link.b[0]) for link in plan.links] == joined
    assert len({(link.a[1], link.b[1]) for link in plan.links}) == 1, "one cable has one port at each end"


def test_layouts_are_trunks(tmp_path: Path) -> None:
    plan = planned(tmp_path, TWO.replace("links:\n    - [sw1, sw2]", "links: chain"))
    assert [(link.a[0], link.b[0]) for link in plan.links] == [("sw1.10", "sw2.10"), ("sw1.20", "sw2.20")]


def test_the_graph_has_an_edge_for_each_vlan_of_a_trunk(tmp_path: Path) -> None:
    graph = planned(tmp_path, TWO).graph
    assert graph.nodes["sw1.20"]["chassis"] == "sw1" and graph.nodes["sw1.20"]["vlan"] == 20
    assert graph.has_edge("sw1.10", "sw2.10") and graph.has_edge("sw1.20", "sw2.20")
    assert not graph.has_edge("sw1.10", "sw2.20")


def test_a_plan_reads_as_people_speak_of_vlans(tmp_path: Path) -> None:
    text = describe(planned(tmp_path, TWO + "    - {between: [sw1.10, sw2.30], state: down}\n"))
    assert "\nsw1.20: VLAN 20 of sw1, Class C" in text
    assert "  sw1:p3 - sw2:p3, VLANs 10 20, MTU 1500\n" in text
    assert "  sw1:p4 - sw2:p4, joins sw1.10 and sw2.30, MTU 1500, down\n" in text


def test_a_ring_in_one_vlan_is_told_and_rings_of_different_vlans_are_none(tmp_path: Path) -> None:
    ring = TWO.replace("    - [sw1, sw2]\n", "    - {between: [sw1, sw2], vlans: [10]}\n    - [sw1, sw2]\n")
    assert complaints(tmp_path, ring) == [
        (
            "sw1.10 and sw2.10 are joined twice: a loop, and these switches run no spanning tree; with "
            "spanning_tree: on one of the two waits"
        )
    ]
    apart = TWO.replace("- [sw1, sw2]", "- [sw1.10, sw2.10]\n    - [sw1.20, sw2.20]")
    assert len(planned(tmp_path, apart).links) == 2


def test_a_loop_of_a_whole_trunk_is_told_once(tmp_path: Path) -> None:
    assert len(complaints(tmp_path, TWO + "    - [sw1, sw2]\n")) == 1


def test_the_spanning_tree_is_one_for_each_vlan(tmp_path: Path) -> None:
    ring = TWO.replace("- [sw1, sw2]", "- [sw1, sw2]\n    - {between: [sw1, sw2], vlan: 20}")
    plan = planned(tmp_path, ring.replace("network:\n", "network:\n  spanning_tree: on\n"))
    assert [(link.a[0], link.up, link.blocked) for link in plan.links] == [
        ("sw1.10", True, False),
        ("sw1.20", True, False),
        ("sw1.20", False, True),
    ]
    assert "sw1:p4 - sw2:p4, VLAN 20, MTU 1500, blocked by the spanning tree" in describe(plan)


# --- variants and topologies --------------------------------------------------------------------------------


def test_a_variant_sets_one_vlan_of_a_list_and_the_others_stay(tmp_path: Path) -> None:
    one, other = plans(
        tmp_path,
        TWO
        + """\
variants:
  with: {network: {switches: {sw1: {vlans: {20: {querier: on}}}}}}
  added: {network: {switches: {sw1: {vlans: [30]}}}}
""",
    )
    assert [(s.name, s.behaviour.querier is not None) for s in one.switches if s.chassis == "sw1"] == [
        ("sw1.10", False),
        ("sw1.20", True),
    ]
    assert [switch.vlan for switch in other.switches if switch.chassis == "sw1"] == [10, 20, 30]
    assert len(other.links) == 3


def test_a_variant_takes_a_vlan_away(tmp_path: Path) -> None:
    (plan,) = plans(tmp_path, TWO + "variants: {v: {network: {switches: {sw2: {vlans: {30: null}}}}}}\n")
    assert [switch.vlan for switch in plan.switches if switch.chassis == "sw2"] == [10, 20]


def test_topologies_may_have_vlans(tmp_path: Path) -> None:
    folder = tmp_path / "topologies"
    folder.mkdir()
    (folder / "lan.topology.yaml").write_text(
        "topology: A switch\nparameters: {cluster: 20}\n"
        'network: {switches: {sw1: {vlans: [10, "${cluster}"]}}}\n',
        encoding="utf-8",
    )
    plan = planned(
        tmp_path,
        """\
topology: {use: lan, cluster: 30}
network:
  switches: {sw1: {vlans: {10: {querier: on}}}}
  nodes: {n: {count: 2, on: sw1, vlan: 30}}
""",
    )
    assert [switch.name for switch in plan.switches] == ["sw1.10", "sw1.30"]


# --- the timeline -------------------------------------------------------------------------------------------


def test_what_is_done_to_a_switch_is_done_to_all_of_its_vlans(tmp_path: Path) -> None:
    steps = """\
timeline:
  - {at: 1s, name: off, set: {switch: sw1, snooping: off}}
  - {at: 2s, start_querier: sw1}
  - {at: 3s, restart_switch: sw1}
  - {at: 4s, stop_querier: sw1.20}
  - {at: 5s, set: {switch: sw1, router_ports: [sw2, b1]}}
"""
    plan = planned(tmp_path, TWO + steps)
    assert done(plan) == [
        (ActionKind.CONFIGURE, "sw1.10"),
        (ActionKind.CONFIGURE, "sw1.20"),
        (ActionKind.START_QUERIER, "sw1.10"),
        (ActionKind.START_QUERIER, "sw1.20"),
        (ActionKind.RESTART_SWITCH, "sw1.10"),
        (ActionKind.RESTART_SWITCH, "sw1.20"),
        (ActionKind.STOP_QUERIER, "sw1.20"),
        (ActionKind.CONFIGURE, "sw1.10"),
        (ActionKind.CONFIGURE, "sw1.20"),
    ]
    last = [action.behaviour for action in plan.actions[-2:]]
    assert [one is not None and one.static_router_ports for one in last] == [("p3",), ("p2", "p3")]
    assert [one is not None and one.querier is not None for one in last] == [True, False]
    assert {action.name for action in plan.actions[:2]} == {"off"}


def test_a_trunk_goes_down_as_one_cable_and_a_vlan_alone_is_taken_off(tmp_path: Path) -> None:
    steps = """\
timeline:
  - {at: 1s, link_down: [sw1, sw2]}
  - {at: 2s, link_up: "sw1:p3"}
  - {at: 3s, link_down: [sw2.20, sw1.20]}
  - {at: 4s, silence: {from: sw1, to: sw2}}
  - {at: 5s, silence: {between: [sw1.10, sw2.10]}}
  - {at: 6s, link_down: "sw1.10:p3"}
"""
    down, up, off, silent, both, ten = planned(tmp_path, TWO + steps).actions
    whole = {("sw1.10", "p3"), ("sw2.10", "p3"), ("sw1.20", "p3"), ("sw2.20", "p3")}
    assert ends(down) == ends(up) == whole
    assert (down.text, up.text) == ("link sw1:p3 - sw2:p3 down", "link sw1:p3 - sw2:p3 up")
    assert off.ends == (End(device="sw2.20", port="p3"), End(device="sw1.20", port="p3"))
    assert off.text == "link sw2.20:p3 - sw1.20:p3 down"
    assert impaired(silent) == {("sw1.10", "p3"), ("sw1.20", "p3")}
    assert impaired(both) == ends(ten) == {("sw1.10", "p3"), ("sw2.10", "p3")}


def test_two_trunks_of_different_vlans_must_be_told_apart(tmp_path: Path) -> None:
    apart = TWO.replace("- [sw1, sw2]", "- [sw1.10, sw2.10]\n    - [sw1.20, sw2.20]")
    assert complaints(tmp_path, apart + "timeline: [{at: 1s, link_down: [sw1, sw2]}]\n") == [
        "sw1 and sw2 are joined more than once: name a port (sw1:p3, sw1:p4)"
    ]
    (action,) = planned(tmp_path, apart + "timeline: [{at: 1s, link_down: [sw1.20, sw2.20]}]\n").actions
    assert ends(action) == {("sw1.20", "p4"), ("sw2.20", "p4")}


# --- mistakes: all of them, with their places, are in tests/golden/vlan-mistakes ----------------------------


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("vlans: [10, 20]}", "vlans: [10, 10]}", "VLAN 10 stands there twice"),
        ("vlans: [10, 20]}", "vlans: [10, 20, 4095]}", '"4095" is no VLAN: they have numbers from 1 to 4094'),
        (
            "vlans: [10, 20]}",
            "vlans: {10: {}, 20: {}, 0: {}}}",
            '"0" is no VLAN: they have numbers from 1 to 4094',
        ),
        (
            "vlans: [10, 20]}",
            "vlans: []}",
            "a switch without VLANs has no vlans: write some, or leave it out",
        ),
        (
            "vlans: [10, 20]}",
            "vlans: {10: {qerier: on}, 20: {}}}",
            'unknown key "qerier"; did you mean "querier"?',
        ),
        (", vlan: 10}", ", vlan: ten}", '"ten" is no VLAN: they have numbers from 1 to 4094'),
        (", vlan: 10}", "}", "sw1 has VLANs 10 and 20: say which: vlan: 10, or on: sw1.10"),
        ("[sw1.20, sw2.20]", "[sw1.20, sw2.40]", 'no VLAN "sw2.40": sw2 has VLANs 10, 20 and 30'),
        (
            "- [sw1, sw2]",
            "- {between: [sw1, sw2], vlan: 10, vlans: [20]}",
            "vlan makes an access link, vlans a trunk: write one of them",
        ),
    ],
)
def test_a_mistake_is_told_alone(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in TWO
    assert set(complaints(tmp_path, TWO.replace(old, new))) & {told}
    assert len(complaints(tmp_path, TWO.replace(old, new))) <= 2


def test_what_is_no_name_of_a_vlan(tmp_path: Path) -> None:
    (message,) = complaints(tmp_path, TWO + "timeline: [{at: 1s, restart_switch: sw1.x}]\n")
    assert message.endswith("and a letter first; sw1.20 is VLAN 20 of sw1")


def test_vlans_need_addresses(tmp_path: Path) -> None:
    ids = ", ".join(map(str, range(1, 301)))
    nodes = "nodes: {n: {count: 600, on: sw1.7}}"
    text = f"network: {{subnet: 10.0.0.0/22, switches: {{sw1: {{vlans: [{ids}]}}}}, {nodes}}}\n"
    (message,) = complaints(tmp_path, text)
    assert message.endswith("switches 300 (each VLAN counts)")


def test_names_of_a_vlan_that_went_with_a_wrong_form_are_not_told(tmp_path: Path) -> None:
    text = TWO.replace("sw1: {profile: class-c, vlans: [10, 20]}", "sw1: {profile: class-c, vlans: [10, x]}")
    steps = "timeline: [{at: 1s, restart_switch: sw1.20}]\n"
    assert complaints(tmp_path, text + steps) == ['"x" is no VLAN: they have numbers from 1 to 4094']
