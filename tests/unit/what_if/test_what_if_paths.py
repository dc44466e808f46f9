from __future__ import annotations

import pytest

from harness.scenario.loader import LoadedVariant
from harness.what_if.paths import PathError, parse


def places(text: str, variant: LoadedVariant) -> list[str]:
    return [".".join(map(str, loc)) for loc in parse(text).places(variant.tree)]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("network.switches.sw1.profile", ["network.switches.sw1.profile"]),
        ("switches.*.profile", ["network.switches.sw1.profile", "network.switches.sw2.profile"]),
        ("switches.profile", ["network.switches.sw1.profile", "network.switches.sw2.profile"]),
        ("nodes.count", ["network.nodes.n.count", "network.nodes.guest.count"]),
        ("nodes.*.count", ["network.nodes.n.count", "network.nodes.guest.count"]),
        ("switches.sw1.querier", ["network.switches.sw1.querier"]),
        ("switches.sw1.querier.version", ["network.switches.sw1.querier.version"]),
        ("switches.sw1.mld.querier", ["network.switches.sw1.mld.querier"]),
        ("switches.sw2.querier.*", ["network.switches.sw2.querier.version"]),
        ("traffic.totem.rate", ["traffic.totem.rate"]),
        ("traffic.rate", ["traffic.totem.rate"]),
        ("timeline.0.at", ["timeline.0.at"]),
        ("timeline.dies.at", ["timeline.0.at"]),
        ("timeline.*.at", ["timeline.0.at"]),
        ("speed", ["speed"]),
        ("seed", ["seed"]),
        ("spanning_tree", ["network.spanning_tree"]),
    ],
)
def test_paths_lead_to_places(path: str, found: list[str], variant: LoadedVariant) -> None:
    assert places(path, variant) == found


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("switches.sw3.querier", 'there is no "switches.sw3"; did you mean "switches.sw2"?'),
        ("switches.*.queriers", 'there is no "switches.sw1.queriers"; did you mean "switches.sw1.querier"?'),
        ("nodes.counts", 'there is no "nodes.counts"; did you mean "nodes.count"?'),
        ("nodes.x.count", 'there is no "nodes.x"; there are: nodes.n, nodes.guest'),
        ("bridges.vmbr0.snooping", 'there is no "bridges.vmbr0": bridges has nothing in it'),
        ("bridges.*.snooping", "bridges has nothing in it that * could be"),
        ("timeline.3.at", 'there is no "timeline.3"; there are: timeline.0'),
        ("traffic.totem.rate.x", 'there is no "traffic.totem.rate.x": traffic.totem.rate has nothing in it'),
    ],
)
def test_a_path_to_nowhere_names_what_there_is(path: str, message: str, variant: LoadedVariant) -> None:
    with pytest.raises(PathError) as raised:
        places(path, variant)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("switch.*.querier", 'a scenario has no "switch"; did you mean "switches"?'),
        ("qqq", 'a scenario has no "qqq"; there are: speed, seed, duration'),
        ("expect.0.result", '"expect" cannot be varied; there are: speed'),
        ("switches..querier", "is no path"),
        ("", "is no path"),
    ],
)
def test_what_is_a_path_in_no_scenario(path: str, message: str) -> None:
    with pytest.raises(PathError) as raised:
        parse(path)
    assert message in str(raised.value)
