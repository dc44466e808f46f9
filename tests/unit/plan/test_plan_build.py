"""Plans: numbering, configurations over time, windows, and files with anything in them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, example, given, settings

from harness.errors import ScenarioError
from harness.plan.addresses import AddressPlan, node_mac, port_mac, router_mac, switch_mac
from harness.plan.build import build
from harness.plan.model import ActionKind, Cast, ExpectDelivery, ExpectHeal, Plan
from harness.plan.text import as_json, describe, digest
from harness.protocols.effects import Unregistered
from harness.protocols.snooping_config import FloodUntil
from harness.scenario.loader import load

ROOT = Path(__file__).parents[3]
RESOLVED = ROOT / "tests" / "golden" / "resolved" / "in.scenario.yaml"
HEAD = "scenario: A title\nsource: RFC 4541\n"


def planned(folder: Path, text: str) -> Plan:
    path = folder / "x.scenario.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    return build(load(path).variants[0])


def complaints(folder: Path, text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        planned(folder, text)
    return [problem.message for problem in caught.value.problems]


def test_macs_read_as_numbers() -> None:
    assert node_mac(12) == "02:00:00:00:00:12"
    assert node_mac(1234) == "02:00:00:00:12:34"
    assert router_mac(3) == "02:0a:00:00:00:03"
    assert switch_mac(120) == "02:5c:00:00:01:20"
    assert port_mac(3, 24) == "02:5d:00:03:00:24"


def test_addresses_skip_0_and_255() -> None:
    room = AddressPlan(subnet=IPv4Network("10.77.0.0/16"), nodes=1000, routers=2, switches=3)
    assert room.fits
    assert [str(room.node(number)) for number in (1, 254, 255, 509)] == [
        "10.77.0.1",
        "10.77.0.254",
        "10.77.1.1",
        "10.77.2.1",
    ]
    assert (str(room.router(1)), str(room.switch(2))) == ("10.77.255.1", "10.77.254.2")


@pytest.mark.parametrize(("nodes", "fits"), [(10, True), (11, True), (12, False)])
def test_small_subnets_fill_up(nodes: int, fits: bool) -> None:
    room = AddressPlan(subnet=IPv4Network("10.0.0.0/28"), nodes=nodes, routers=1, switches=2)
    assert room.fits is fits
    assert (str(room.router(1)), str(room.switch(2))) == ("10.0.0.14", "10.0.0.12")


@pytest.mark.parametrize("prefix", [16, 22, 24])
def test_no_two_devices_share_an_address(prefix: int) -> None:
    room = AddressPlan(subnet=IPv4Network(f"10.0.0.0/{prefix}"), nodes=200, routers=20, switches=20)
    assert room.fits
    used = [room.node(n) for n in range(1, 201)]
    used += [room.router(n) for n in range(1, 21)] + [room.switch(n) for n in range(1, 21)]
    assert len(set(used)) == len(used)
    assert all(room.usable(address) for address in used)


BASE = """\
network:
  switches: {sw: {count: 2, profile: juniper-ex}}
  nodes: {n: {count: 4, on: sw}}
  links: chain
traffic: {totem: {group: 239.192.0.1}}
"""


def test_settings_add_up_in_the_order_of_time(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        BASE
        + """\
timeline:
  - {at: 30s, start_querier: sw1}
  - {at: 20s, set: {switch: sw1, querier: off}}
  - {at: 10s, set: {switch: sw1, fast_leave: on, querier: {query_interval: 30s}}}
""",
    )
    first, second, third = plan.actions
    assert [action.at_s for action in plan.actions] == [10, 20, 30]
    assert first.behaviour is not None and second.behaviour is not None and third.behaviour is not None
    assert first.behaviour.querier is not None and first.behaviour.querier.query_interval_s == 30
    assert second.behaviour.querier is None and second.behaviour.fast_leave
    assert third.behaviour.querier == first.behaviour.querier
    assert third.kind is ActionKind.START_QUERIER
    assert plan.switch("sw1").behaviour.querier is None


def test_a_rule_for_unregistered_groups_set_by_hand_holds_always(tmp_path: Path) -> None:
    """What a profile says of the time before a querier is known goes with the profile's own rule."""
    shipped = planned(tmp_path, BASE.replace("juniper-ex", "class-a")).switch("sw1").behaviour
    assert shipped.flood_until is FloodUntil.QUERIER
    by_hand = planned(tmp_path, BASE.replace("juniper-ex", "class-a, unregistered: router-ports"))
    behaviour = by_hand.switch("sw1").behaviour
    assert (behaviour.unregistered, behaviour.flood_until) == (Unregistered.ROUTER_PORTS, FloodUntil.NEVER)
    step = "timeline:\n  - {at: 10s, set: {switch: sw1, unregistered: drop}}\n"
    later = planned(tmp_path, BASE.replace("juniper-ex", "class-a") + step)
    assert later.switch("sw1").behaviour == shipped
    (action,) = later.actions
    assert action.behaviour is not None
    assert action.behaviour.unregistered is Unregistered.DROP
    assert action.behaviour.flood_until is FloodUntil.NEVER


def test_a_profile_that_queries_by_itself(tmp_path: Path) -> None:
    plan = planned(tmp_path, BASE.replace("juniper-ex", "hp-procurve-data-driven, snooping: on"))
    querier = plan.switch("sw2").behaviour.standing_querier()
    assert querier is not None and querier.address == IPv4Address("10.77.254.2")


def test_a_linux_bridge_queries_without_an_address(tmp_path: Path) -> None:
    plan = planned(tmp_path, BASE.replace("juniper-ex", "linux-bridge, querier: on"))
    assert str(plan.switch("sw1").querier_ready.address) == "0.0.0.0"
    plan = planned(tmp_path, BASE.replace("juniper-ex", "linux-bridge, querier: {address: 10.77.9.9}"))
    querier = plan.switch("sw1").behaviour.querier
    assert querier is not None and str(querier.address) == "10.77.9.9"


def test_mesh_is_two_streams_with_watchers_for_multicast(tmp_path: Path) -> None:
    text = BASE + "  \n".replace("  ", "") + "timeline: [{at: 5s, leave: {node: n1, stream: m}}]\n"
    plan = planned(tmp_path, text.replace("totem: {", "m: {mesh: [n1, n2, n3], "))
    multicast, unicast = plan.streams
    assert (multicast.cast, unicast.cast) == (Cast.MULTICAST, Cast.UNICAST)
    assert (multicast.number, unicast.number, multicast.port, unicast.port) == (1, 2, 4321, 4322)
    assert multicast.watchers == ("n1", "n4")
    assert unicast.watchers == ()


def test_the_scenario_lasts_until_all_is_judged(tmp_path: Path) -> None:
    plan = planned(tmp_path, BASE + "expect: [{deliver: totem, until: 300s, result: all}]\n")
    assert plan.duration_s == 301
    plan = planned(tmp_path, BASE + "expect: [{heals: totem, after: 100s, within: 50s}]\n")
    assert plan.duration_s == 161
    (heal,) = plan.expectations
    assert isinstance(heal, ExpectHeal)
    assert (heal.since_s, heal.by_s, heal.subject.until_s) == (100, 150, 161)
    slow = BASE.replace("239.192.0.1", "239.192.0.1, rate: 6/m")
    plan = planned(tmp_path, slow + "expect: [{deliver: totem, until: 30s, result: none}]\n")
    assert plan.duration_s == 40
    (delivery,) = plan.expectations
    assert isinstance(delivery, ExpectDelivery)
    assert (delivery.loss_at_least, delivery.loss_at_most) == (1, 1)


@pytest.mark.parametrize("rate", ["3/s", "7/s", "10/s", "6/m", "7/m"])
def test_datagrams_due_in_whole_numbers(tmp_path: Path, rate: str) -> None:
    plan = planned(tmp_path, BASE.replace("239.192.0.1", f"239.192.0.1, rate: {rate}") + "duration: 600s\n")
    stream = plan.stream(1)
    for sequence in range(60):
        assert stream.sequence_at(stream.sent_at(sequence)) == sequence
        assert stream.sequence_at(stream.sent_at(sequence) + stream.period_s / 2) == sequence + 1


def test_loops_over_time(tmp_path: Path) -> None:
    ring = BASE.replace("count: 2", "count: 3").replace(
        "links: chain", "links: [[sw1, sw2], [sw2, sw3], {between: [sw3, sw1], state: down}]"
    )
    swap = "timeline: [{at: 1s, link_down: [sw1, sw2]}, {at: 2s, link_up: [sw1, sw3]}]\n"
    assert planned(tmp_path, ring + swap).links[2].up is False
    (message,) = complaints(tmp_path, ring + "timeline: [{at: 2s, link_up: [sw1, sw3]}]\n")
    assert "form a loop" in message
    (message,) = complaints(tmp_path, BASE.replace("links: chain", "links: [[sw1, sw2], [sw1, sw2]]"))
    assert "joined twice" in message


def test_parallel_links_are_told_apart_by_ports(tmp_path: Path) -> None:
    text = BASE.replace("links: chain", "links: [[sw1, sw2], {between: [sw1, sw2], state: down}]")
    (message,) = complaints(tmp_path, text + "timeline: [{at: 1s, link_down: [sw1, sw2]}]\n")
    assert message == "sw1 and sw2 are joined more than once: name a port (sw1:p3, sw1:p4)"
    plan = planned(
        tmp_path, text + 'timeline: [{at: 1s, link_down: "sw1:p3"}, {at: 2s, link_up: "sw1:p4"}]\n'
    )
    assert [end.port for end in plan.actions[1].ends] == ["p4", "p4"]


def test_names_with_a_count_stand_for_all(tmp_path: Path) -> None:
    text = BASE.replace("239.192.0.1", "239.192.0.1, senders: n, receivers: all but n4")
    stream = planned(tmp_path, text).stream(1)
    assert stream.senders == ("n1", "n2", "n3", "n4")
    assert stream.receivers == ("n1", "n2", "n3")


def test_a_thousand_nodes(tmp_path: Path) -> None:
    plan = planned(tmp_path, BASE.replace("count: 4", "count: 1000"))
    assert len({host.mac for host in plan.hosts} | {p.mac for s in plan.switches for p in s.ports}) == 2002
    assert str(plan.host("n1000").address) == "10.77.3.238"
    assert complaints(
        tmp_path, BASE.replace("n: {count: 4", "n: {count: 700000, on: sw}, m: {count: 700000")
    ) == ["1400000 nodes; at most 1000000 can be planned"]
    assert complaints(tmp_path, BASE.replace("sw: {count: 2", "b: {}, sw: {count: 9999")) == [
        "10000 switches (each VLAN counts); at most 9999 can be planned"
    ]


def test_a_switch_has_as_many_ports_as_its_macs_can_tell(tmp_path: Path) -> None:
    (found,) = complaints(tmp_path, BASE.replace("count: 4, on: sw", "count: 9999, on: sw1"))
    assert found == "sw1 has 10000 cables; a switch has 9999 ports at most"


TREE = """\
network:
  subnet: 10.0.0.0/8
  switches: {core: {}, middle: {count: 3000 / 20 / 20}, leaf: {count: 3000 / 20}}
  nodes: {n: {count: 3000, on: leaf}}
  links: tree
traffic: {beat: {group: 239.192.0.1, senders: n1}}
"""


def test_a_tree_of_switches(tmp_path: Path) -> None:
    plan = planned(tmp_path, TREE)
    assert len(plan.switches) == 1 + 8 + 150
    assert [(link.a[0], link.b[0]) for link in plan.links[:9]] == [
        *(("core", f"middle{number}") for number in range(1, 9)),
        ("middle1", "leaf1"),
    ]
    assert plan.links[-1].a[0] == "middle6" and plan.links[-1].b[0] == "leaf150"
    assert {len(switch.ports) for switch in plan.switches if switch.name.startswith("leaf")} == {21}
    assert plan.host("n3000").switch == "leaf150"
    addresses = [*(host.address for host in plan.hosts), *(switch.address for switch in plan.switches)]
    assert len(set(addresses)) == len(addresses)


@pytest.mark.parametrize("written", ["3 / 0", "/ 4", "4 /", "1.5 / 2", "x / 2", "-4 / 2"])
def test_counts_are_divided_by_numbers(tmp_path: Path, written: str) -> None:
    path = tmp_path / "x.scenario.yaml"
    path.write_text(HEAD + TREE.replace("3000 / 20}", f'"{written}"}}'), encoding="utf-8")
    with pytest.raises(ScenarioError, match="is no count: write a number, or 1000 / 47"):
        load(path)


def test_more_switches_than_a_block_of_addresses_holds() -> None:
    room = AddressPlan(subnet=IPv4Network("10.0.0.0/16"), nodes=64000, routers=254, switches=763)
    assert not room.fits
    room = AddressPlan(subnet=IPv4Network("10.0.0.0/16"), nodes=64000, routers=254, switches=508)
    assert room.fits
    used = [room.node(n) for n in range(1, 64001)]
    used += [room.router(n) for n in range(1, 255)] + [room.switch(n) for n in range(1, 509)]
    assert len(set(used)) == len(used)
    assert all(room.usable(address) and address.packed[3] not in (0, 255) for address in used)
    assert str(room.switch(255)) == "10.0.253.1"


def test_words_of_the_language_are_no_names(tmp_path: Path) -> None:
    found = complaints(tmp_path, BASE.replace("n: {count: 4, on: sw}", "all: {on: sw1}, members: {on: sw2}"))
    assert found == [f'"{name}" means something else: choose another name' for name in ("all", "members")]


def test_the_same_file_gives_the_same_digest() -> None:
    plans = [build(load(RESOLVED).variants[0]) for _ in range(2)]
    assert digest(plans[0]) == digest(plans[1])
    assert as_json(plans[0])["file"] == "in.scenario.yaml"
    assert len(digest(plans[0])) == 64


def test_description_names_everything() -> None:
    plan = build(load(RESOLVED).variants[0])
    text = describe(plan)
    for host in plan.hosts:
        assert f"{host.address}" in text and host.mac in text
    for action in plan.actions:
        assert action.text in text
    assert "membership 260 s (26 s)" in text
    assert "querier: version 2 from 10.77.254.1, every 60 s (6 s)" in text


def test_graph() -> None:
    plan = build(load(RESOLVED).variants[0])
    graph = plan.graph
    assert graph.number_of_nodes() == len(plan.switches) + len(plan.hosts)
    assert graph.number_of_edges() == len(plan.hosts) + len(plan.links)


def test_planning_does_not_load_networkx() -> None:
    code = "import sys, harness.plan.build, harness.plan.text; sys.exit('networkx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# --- anything that a file can hold ------------------------------------------------------------------------

SOURCE = RESOLVED.read_text(encoding="utf-8")
TOKENS = sorted(
    {token for token in SOURCE.replace(",", " ").replace("{", " ").replace("}", " ").split() if token}
)
ODD = [
    "null",
    "~",
    "-1",
    "0",
    "1e308",
    ".inf",
    ".nan",
    "0x10",
    "''",
    "[]",
    "{}",
    "[[]]",
    "on",
    "1h",
    "all",
    "none",
    "99999999999999999999",
    "10.77.255.255",
    "255.255.255.255",
    "5000",
    "sw:p0",
    "n",
    "lost - 1h",
    "100%",
    "10000/s",
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = SOURCE
    for _ in range(draw(st.integers(1, 4))):
        lines = text.splitlines()
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["swap", "drop", "repeat", "indent", "cut"])):
            case "swap":
                words = [word for word in TOKENS if word in lines[at]]
                if words:
                    new = draw(st.sampled_from([*ODD, *TOKENS]))
                    lines[at] = lines[at].replace(draw(st.sampled_from(words)).rstrip(":"), new, 1)
            case "drop":
                del lines[at]
            case "repeat":
                lines.insert(at, lines[draw(st.integers(0, len(lines) - 1))])
            case "indent":
                lines[at] = "  " + lines[at]
            case _:
                lines[at] = lines[at][: draw(st.integers(0, len(lines[at])))]
        text = "\n".join(lines) + "\n"
        if not text.strip():
            break
    return text


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("mutated") / "x.scenario.yaml"


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=mutated())
@example(text="")
@example(text="variants:\n  a: {variants: {}}\n")
def test_any_file_is_planned_or_refused_with_positions(place: Path, text: str) -> None:
    place.write_text(text, encoding="utf-8")
    try:
        plans = [build(variant) for variant in load(place).variants]
    except ScenarioError as error:
        assert error.problems
        lines = text.count("\n") + 2
        assert all(problem.file == place and 1 <= problem.line <= lines for problem in error.problems)
        return
    for plan in plans:
        assert describe(plan)
        assert all(0 <= action.at_s <= plan.duration_s for action in plan.actions)
