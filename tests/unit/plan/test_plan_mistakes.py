"""All mistakes of a file at once: nothing is missed behind a wrong form, and nothing follows only from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ScenarioError
from harness.plan.build import build_all
from harness.scenario.loader import load
from harness.source import read, to_data

GOLDEN = Path(__file__).parents[2] / "golden"
NOBODY = {"deliver": "xyzzy", "result": "all"}

SOUND = """\
scenario: A file to break
source: RFC 4541
duration: 100s
network:
  switches:
    sw: {count: 2, profile: juniper-ex}
  nodes:
    n: {count: 4, on: sw}
    far: {on: sw2}
  links: chain
traffic:
  totem: {group: 239.192.0.1, rate: 1/s}
timeline:
  - {at: 20s, name: dies, restart_node: n1}
expect:
  - {deliver: totem, from: 30s, until: 40s, result: all}
"""


def messages(folder: Path, text: str) -> list[str]:
    path = folder / "x.scenario.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        build_all(path)
    except ScenarioError as error:
        return [problem.message for problem in error.problems]
    return []


def test_the_file_to_break_is_sound(tmp_path: Path) -> None:
    assert messages(tmp_path, SOUND) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("links: chain", "links: ring", ['"ring" is not one of chain, star, tree']),
        ("count: 4, on: sw", "count: four, on: sw9", ['no switch "sw9"; did you mean "sw"?']),
        ("count: 4,", "cont: 4,", ['unknown key "cont"; did you mean "count"?']),
        ("traffic:", "trafic:", ['unknown key "trafic"; did you mean "traffic"?']),
        ("timeline:", "timelin:", ['unknown key "timelin"; did you mean "timeline"?']),
        ("name: dies", "nme: dies", ['unknown key "nme"; did you mean "name"?']),
    ],
)
def test_nothing_follows_from_what_was_cut(tmp_path: Path, old: str, new: str, told: list[str]) -> None:
    uses = "  - {deliver: totem, to: [n3, far], from: dies, result: all}\n"
    found = messages(tmp_path, SOUND.replace(old, new) + uses)
    assert set(told) <= set(found)
    assert not [text for text in found if any(name in text for name in ('"n3"', '"totem"', '"dies"'))]
    assert not [text for text in found if "nobody" in text]


@pytest.mark.parametrize(
    "wrong",
    [
        "{deliver: clustr, to: zz, from: lost, result: al}",
        "{deliver: clustr, to: zz, from: lost}",
        "{stops: clustr, to: zz, after: lost, between: [1s, 2s], untill: 3s}",
        "{heals: clustr, to: zz, after: lost, within: 5}",
    ],
)
def test_names_beside_a_wrong_value_are_looked_at(tmp_path: Path, wrong: str) -> None:
    found = messages(tmp_path, f"{SOUND}  - {wrong}\n")
    for text in ('no stream "clustr"', 'no step "lost"'):
        assert [message for message in found if message.startswith(text)], found
    other = messages(tmp_path, f"{SOUND}  - {wrong}\n".replace("clustr", "totem").replace("lost", "dies"))
    assert [message for message in other if message.startswith('no node "zz"')], other


def test_tables_that_say_too_little_are_looked_at(tmp_path: Path) -> None:
    found = messages(tmp_path, SOUND + "  - {switch: sw9, at: 10s}\n")
    assert found == [
        "nothing to judge: write groups, router_ports or querier",
        'no switch "sw9"; did you mean "sw2"?',
    ]


def test_windows_are_looked_at_where_nothing_was_cut(tmp_path: Path) -> None:
    reversed_window = "  - {deliver: totem, from: 50s, until: 40s, result: all}\n"
    empty = "the window is empty: it begins at 50 s and ends at 40 s"
    wrong = SOUND + reversed_window + "  - {deliver: totem, result: al}\n"
    assert empty in messages(tmp_path, wrong)
    assert empty not in messages(tmp_path, wrong.replace("duration: 100s\n", "")), (
        "it may follow from the rest"
    )
    assert empty not in messages(tmp_path, wrong.replace("at: 20s", "at: 20")), "moments may be wrong"


@pytest.mark.parametrize(
    ("variant", "told"),
    [
        ("expct: []", 'unknown key "expct"; did you mean "expect"?'),
        ("network: 5", 'write keys and values, not "5"'),
        ("speed: fast", 'write a number, not "fast"'),
    ],
)
def test_the_rest_of_a_wrong_variant_is_looked_at(tmp_path: Path, variant: str, told: str) -> None:
    text = f"{SOUND}variants:\n  worse:\n    {variant}\n"
    text += "    timeline:\n      - {at: 1s, join: {node: n1, stream: clustr}}\n"
    found = messages(tmp_path, text)
    assert told in found
    assert [message for message in found if message.startswith('no stream "clustr"')], found


def test_a_topology_that_is_not_there_hides_no_streams(tmp_path: Path) -> None:
    text = SOUND.partition("network:")[0] + "topology: nowhere\ntraffic:" + SOUND.partition("traffic:")[2]
    found = messages(tmp_path, f"{text}  - {json.dumps(NOBODY)}\n")
    assert [message.partition(" in a folder")[0] for message in found] == [
        'no topology "nowhere"',
        'no stream "xyzzy"; there are: totem',
    ]


# --- every value and key of good files, broken one by one ---------------------------------------------------


def places(data: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from places(value, (*at, key))


def broken(data: Any, place: tuple[Any, ...], *, rename: bool) -> Any:
    copy = json.loads(json.dumps(data))
    around = copy
    for part in place[:-1]:
        around = around[part]
    if not rename:
        around[place[-1]] = "%%"
    elif isinstance(around, dict):
        renamed = {f"{key}q" if key == place[-1] else key: value for key, value in around.items()}
        around.clear()
        around.update(renamed)
    return copy


def of_form(path: Path, data: Any) -> set[str]:
    path.write_text(json.dumps(data, indent=1), encoding="utf-8")
    try:
        load(path)
    except ScenarioError as error:
        return {str(problem) for problem in error.problems}
    return set()


def of_all(path: Path) -> set[str]:
    with pytest.raises(ScenarioError) as caught:
        build_all(path)
    return {str(problem) for problem in caught.value.problems}


@pytest.mark.parametrize("rename", [False, True], ids=["value", "key"])
@pytest.mark.parametrize("case", ["resolved", "variants"])
def test_a_wrong_form_alone_is_all_that_is_told(tmp_path: Path, case: str, rename: bool) -> None:
    """And a name that means nothing is told beside it, unless its own section is what is wrong."""
    data = to_data(read(GOLDEN / case / "in.scenario.yaml"))
    path = tmp_path / "x.scenario.yaml"
    (tmp_path / "topologies").symlink_to(GOLDEN.parents[1] / "topologies")
    count = 0
    for place in places(data):
        wrong = broken(data, place, rename=rename)
        form = of_form(path, wrong)
        if not form:
            continue
        count += 1
        assert of_all(path) == form, place
        if place[0] in {"traffic", "variants", "expect"}:
            continue
        wrong["expect"].append(NOBODY)
        of_form(path, wrong)
        assert any('no stream "xyzzy"' in text for text in of_all(path)), place
    assert count > 20
