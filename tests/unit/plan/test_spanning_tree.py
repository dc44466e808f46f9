"""The spanning tree: which links forward, and what follows when one goes down or comes back."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from harness.plan.build import build
from harness.plan.model import ActionKind, Plan
from harness.plan.spanning_tree import Change, SpanningTree, TreeSettings, tree
from harness.scenario.loader import load

RING = (("sw1", "sw2"), ("sw2", "sw3"), ("sw1", "sw3"))
SWITCHES = ("sw1", "sw2", "sw3")


def test_a_ring_is_cut_farthest_from_the_root() -> None:
    assert tree(SWITCHES, RING, {0, 1, 2}, "sw1") == {0, 2}
    assert tree(SWITCHES, RING, {0, 1, 2}, "sw2") == {0, 1}
    assert tree(SWITCHES, RING, {0, 1}, "sw1") == {0, 1}


def test_of_parallel_links_the_first_forwards() -> None:
    assert tree(("sw1", "sw2"), (("sw1", "sw2"), ("sw2", "sw1")), {0, 1}, "sw1") == {0}


def test_a_tie_goes_to_the_switch_that_stands_first() -> None:
    square = (("sw1", "sw3"), ("sw1", "sw2"), ("sw3", "sw4"), ("sw2", "sw4"))
    assert tree(("sw1", "sw2", "sw3", "sw4"), square, range(4), "sw1") == {0, 1, 3}


def test_each_part_of_a_divided_network_and_each_vlan_has_a_tree() -> None:
    links = (("sw1.10", "sw2.10"), ("sw1.20", "sw2.20"), ("sw2.10", "sw1.10"), ("sw3", "sw4"), ("sw4", "sw3"))
    switches = ("sw1.10", "sw1.20", "sw2.10", "sw2.20", "sw3", "sw4")
    assert tree(switches, links, range(5), "sw2") == {0, 1, 3}


@st.composite
def networks(draw: st.DrawFn) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...], set[int], str]:
    count = draw(st.integers(2, 7))
    switches = tuple(f"sw{number}" for number in range(1, count + 1))
    ends = st.sampled_from(switches)
    pairs = draw(st.lists(st.tuples(ends, ends).filter(lambda pair: pair[0] != pair[1]), max_size=12))
    up = {number for number in range(len(pairs)) if draw(st.booleans())}
    return switches, tuple(pairs), up, draw(ends)


def parts(switches: tuple[str, ...], links: tuple[tuple[str, str], ...], up: set[int]) -> dict[str, str]:
    """Each switch with a name for the part that it is in."""
    part = {name: name for name in switches}
    for _ in switches:
        for number in up:
            least = min(part[links[number][0]], part[links[number][1]])
            part = {
                name: least if one in {part[end] for end in links[number]} else one
                for name, one in part.items()
            }
    return part


@given(networks())
def test_a_tree_joins_what_is_joined_and_has_no_loop(
    network: tuple[tuple[str, ...], tuple[tuple[str, str], ...], set[int], str],
) -> None:
    switches, links, up, root = network
    chosen = set(tree(switches, links, up, root))
    assert chosen <= up
    joined = parts(switches, links, up)
    assert parts(switches, links, chosen) == joined
    assert len(chosen) == len(switches) - len(set(joined.values()))


# --- as time goes on --------------------------------------------------------------------------------------


def ring(change_over_s: float = 30.0) -> SpanningTree:
    return SpanningTree(SWITCHES, RING, {0, 1, 2}, TreeSettings(root="sw1", change_over_s=change_over_s))


def test_the_replacement_forwards_after_the_change_over_and_everybody_is_told() -> None:
    tree_ = ring()
    assert tree_.switch(0, up=False, at_s=10.0, line=3) == ()
    assert tree_.forwarding == {2}
    assert list(tree_.until(39.0)) == []
    assert list(tree_.until(40.0)) == [
        Change(at_s=40.0, line=3, link=1, forwards=True),
        Change(at_s=40.0, line=3, switches=SWITCHES),
    ]
    assert tree_.forwarding == {1, 2}


def test_a_link_that_comes_back_blocks_its_replacement_at_once_and_forwards_later() -> None:
    tree_ = ring()
    tree_.switch(0, up=False, at_s=10.0, line=3)
    list(tree_.until(60.0))
    assert tree_.switch(0, up=True, at_s=60.0, line=4) == (Change(at_s=60.0, line=4, link=1, forwards=False),)
    assert tree_.waits(0)
    assert [change.link for change in tree_.until(100.0)] == [0, None]


def test_a_link_that_flaps_within_the_change_over_changes_nothing_else() -> None:
    tree_ = ring()
    tree_.switch(0, up=False, at_s=10.0, line=3)
    tree_.switch(0, up=True, at_s=12.0, line=4)
    assert [(change.at_s, change.link) for change in tree_.until(1000.0)] == [(42.0, 0), (42.0, None)]
    assert tree_.forwarding == {0, 2}


def test_a_blocked_link_comes_and_goes_unnoticed() -> None:
    tree_ = ring()
    assert tree_.switch(1, up=False, at_s=1.0, line=1) == ()
    assert tree_.switch(1, up=True, at_s=2.0, line=2) == ()
    assert list(tree_.until(1000.0)) == []


def test_only_the_part_that_hears_of_the_link_is_told() -> None:
    links = (("sw1", "sw2"), ("sw1", "sw2"), ("sw3", "sw4"))
    tree_ = SpanningTree(
        ("sw1", "sw2", "sw3", "sw4"), links, {0, 1, 2}, TreeSettings(root="sw1", change_over_s=1.0)
    )
    tree_.switch(0, up=False, at_s=0.0, line=1)
    assert [change.switches for change in tree_.until(9.0)] == [(), ("sw1", "sw2")]


# --- in a plan --------------------------------------------------------------------------------------------

SCENARIO = """\
scenario: rings
source: IEEE 802.1D-2004
network:
  switches: {sw: {count: 3, profile: class-c}}
  nodes: {n: {count: 3, on: [sw1, sw2, sw3]}}
  links: [[sw1, sw2], [sw2, sw3], [sw1, sw3]]
  spanning_tree: TREE
traffic: {totem: {group: 239.192.0.1}}
timeline: [STEPS]
expect: [{deliver: totem, result: all, until: 9s}]
"""


def planned(folder: Path, steps: str, tree_: str = "{change_over: 30s}") -> Plan:
    path = folder / "x.scenario.yaml"
    path.write_text(SCENARIO.replace("STEPS", steps).replace("TREE", tree_), encoding="utf-8")
    return build(load(path).variants[0])


def test_the_blocked_link_is_down_at_both_ports_and_says_why(tmp_path: Path) -> None:
    plan = planned(tmp_path, "", "{root: sw2}")
    assert [(link.up, link.blocked) for link in plan.links] == [(True, False), (True, False), (False, True)]
    assert [[port.up for port in switch.ports] for switch in plan.switches] == [
        [True, True, False],
        [True, True, True],
        [True, True, False],
    ]


def test_actions_of_the_tree_stand_in_the_timeline_in_words(tmp_path: Path) -> None:
    plan = planned(tmp_path, "{at: 20s, link_down: [sw1, sw2]}, {at: 80s, link_up: [sw1, sw2]}")
    told = [(action.at_s, action.text) for action in plan.actions]
    topology = [f"spanning tree: sw{number} hears of a topology change" for number in (1, 2, 3)]
    assert told == [
        (20.0, "link sw1:p2 - sw2:p2 down"),
        (50.0, "spanning tree: sw2:p3 - sw3:p2 forwards"),
        *((50.0, text) for text in topology),
        (80.0, "link sw1:p2 - sw2:p2 up (spanning tree: forwards in 30 s)"),
        (80.0, "spanning tree: sw2:p3 - sw3:p2 is blocked"),
        (110.0, "spanning tree: sw1:p2 - sw2:p2 forwards"),
        *((110.0, text) for text in topology),
    ]
    assert [len(action.ends) for action in plan.actions] == [2, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0]
    assert plan.duration_s >= 110.0
    assert all(earlier.at_s <= later.at_s for earlier, later in pairwise(plan.actions))


def test_a_cable_of_a_host_is_none_of_the_trees(tmp_path: Path) -> None:
    plan = planned(tmp_path, "{at: 1s, link_down: n1}, {at: 2s, link_up: n1}", "on")
    assert [len(action.ends) for action in plan.actions] == [2, 2]
    assert not [action for action in plan.actions if action.kind is ActionKind.TOPOLOGY_CHANGE]


def test_flaps_become_links_that_go_down_and_up(tmp_path: Path) -> None:
    flap = "{at: 1s, name: loose, flap: {link: [n1, sw1], down: 2s, up: 3s, times: 2}}"
    plan = planned(tmp_path, f"{flap}, {{at: loose + 4s, restart_node: n2}}", "on")
    assert [(action.at_s, action.kind, action.name) for action in plan.actions] == [
        (1.0, ActionKind.LINK_DOWN, "loose"),
        (3.0, ActionKind.LINK_UP, None),
        (5.0, ActionKind.RESTART_NODE, None),
        (6.0, ActionKind.LINK_DOWN, None),
        (8.0, ActionKind.LINK_UP, None),
    ]
