"""Reading scenario files: variants, topologies, positions."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ScenarioError
from harness.scenario.loader import LoadedFile, files, load
from harness.scenario.model import Role
from harness.scenario.traffic import Stream

HEAD = "scenario: A title\nsource: RFC 4541\n"


def loaded(folder: Path, text: str, name: str = "x.scenario.yaml") -> LoadedFile:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + text, encoding="utf-8")
    return load(path)


def complaints(folder: Path, text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        loaded(folder, text)
    return [f"{problem.line}:{problem.column} {problem.message}" for problem in caught.value.problems]


def test_a_file_without_variants_is_its_own(tmp_path: Path) -> None:
    file = loaded(tmp_path, "speed: 10\n")
    assert [variant.name for variant in file.variants] == ["base"]
    assert file.title == "A title"
    assert file.variant("base").scenario.source == ("RFC 4541",)
    with pytest.raises(KeyError):
        file.variant("other")


def test_variants_merge_append_and_delete(tmp_path: Path) -> None:
    file = loaded(
        tmp_path,
        """\
duration: 60s
about: The base
traffic: {totem: {group: 239.192.0.1, rate: 5/s}, other: {group: 239.192.0.2}}
timeline: [{at: 1s, restart_switch: sw1}]
variants:
  same:
  changed:
    role: fix
    about: It works
    speed: 20
    duration: null
    traffic: {totem: {rate: null, size: 100}, other: null}
    timeline: [{at: 2s, restart_switch: sw1}]
""",
    )
    same, changed = file.variants
    assert (same.about, same.role, same.scenario.duration) == ("The base", None, 60)
    assert (changed.about, changed.role, changed.scenario.duration) == ("It works", Role.FIX, None)
    assert list(changed.scenario.traffic) == ["totem"]
    totem = changed.scenario.traffic["totem"]
    assert isinstance(totem, Stream)
    assert (totem.rate, totem.size) == (1, 100)
    assert [step.at.offset_s for step in changed.scenario.timeline] == [1, 2]
    assert changed.scenario.speed == 20


def test_positions_are_those_of_the_variant(tmp_path: Path) -> None:
    found = complaints(
        tmp_path,
        """\
traffic: {totem: {group: 239.192.0.1}}
variants:
  one: {traffic: {totem: {rate: fast}}}
  two: {traffic: {totem: {rate: 1/s, siez: 3}}}
""",
    )
    assert found == [
        '5:33 "fast" is no rate: write 10/s or 6/m, at most 10000/s',
        '6:38 unknown key "siez"; did you mean "size"?',
    ]


def test_a_mistake_of_the_base_is_told_once(tmp_path: Path) -> None:
    found = complaints(tmp_path, "sped: 3\nvariants: {one: {}, two: {}, three: {}}\n")
    assert found == ['3:1 unknown key "sped"; did you mean "speed"?']


def test_an_expectation_in_one_line(tmp_path: Path) -> None:
    variant = loaded(
        tmp_path,
        """\
expect:
  - deliver: totem
    until: 10s     # a remark
    why: 'left out'
    result:
      loss:
        at_most: 1%
""",
    ).variants[0]
    text = variant.text(("expect", 0), leave_out=frozenset({"why"}))
    assert text == "deliver: totem, until: 10s, result: {loss: {at_most: 1%}}"
    assert variant.where(("expect", 0)).line == 4
    with pytest.raises(KeyError):
        variant.text(("expect", 1))


TOPOLOGY = """\
topology: For this test
parameters: {nodes: 2, profile: linux-bridge, label: a}
network:
  switches: {sw1: {profile: "${profile}"}}
  nodes: {n: {count: "${nodes}", on: sw1}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "topologies").mkdir()
    (tmp_path / "topologies" / "pair.topology.yaml").write_text(TOPOLOGY, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("use", ["pair", "../../topologies/pair.topology.yaml"])
def test_topology_by_name_or_path(folder: Path, use: str) -> None:
    text = f"topology: {{use: {use}, nodes: 3}}\nnetwork: {{nodes: {{n: {{mtu: 1400}}, m: {{on: sw1}}}}}}\n"
    network = loaded(folder, text, "a/b/x.scenario.yaml").variants[0].scenario.network
    assert (network.nodes["n"].count, network.nodes["n"].mtu) == (3, 1400)
    assert list(network.nodes) == ["n", "m"]


def test_a_variant_adds_parameters_to_the_short_form(folder: Path) -> None:
    file = loaded(folder, "topology: pair\nvariants: {big: {topology: {nodes: 9}}}\n")
    assert file.variants[0].scenario.network.nodes["n"].count == 9


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ("piar", '3:11 no topology "piar" in a folder "topologies" here or above; did you mean "pair"?'),
        ("{use: pair, nods: 3}", '3:23 "nods" is no parameter of pair; did you mean "nodes"?'),
        ("{use: pair, nodes: x}", '3:30 "nodes" is a whole number (as its default 2)'),
        ("{nodes: 3}", '3:11 missing key "use": the name of the topology'),
        ("./none.yaml", '3:11 there is no file "./none.yaml"'),
        ("[pair]", '3:11 write a topology\'s name, or "use: name" and parameters'),
    ],
)
def test_wrong_uses_of_topologies(folder: Path, use: str, message: str) -> None:
    assert complaints(folder, f"topology: {use}\n") == [message]


def test_mistakes_in_the_topology_stand_in_its_file(folder: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        loaded(folder, "topology: {use: pair, nodes: 0}\n")
    (problem,) = caught.value.problems
    assert (problem.file.name, problem.line) == ("pair.topology.yaml", 5)
    assert "at least 1" in problem.message


def test_what_is_no_scenario(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot be read"):
        load(tmp_path / "none.scenario.yaml")
    (tmp_path / "list.scenario.yaml").write_text("- 1\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match="a scenario is keys and values"):
        load(tmp_path / "list.scenario.yaml")


def test_files_are_sorted_and_unique(tmp_path: Path) -> None:
    for name in ("b.scenario.yaml", "sub/a.scenario.yaml", "other.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(HEAD, encoding="utf-8")
    found = files([tmp_path, tmp_path / "b.scenario.yaml", tmp_path / "other.yaml"])
    assert [path.name for path in found] == ["b.scenario.yaml", "other.yaml", "a.scenario.yaml"]
    with pytest.raises(ScenarioError, match="no such file"):
        files([tmp_path / "none"])
