"""Variants merged over a base, and parameters put in their places."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ScenarioError
from harness.source import Node, ScalarValue, find, merge, parse, put, substitute, to_data

BASE = parse(
    """\
speed: 10
network: {switches: {sw1: {snooping: on, querier: off}}, nodes: {n: {count: 3}}}
timeline: [{at: 1s}]
senders: [n1]
""",
    Path("base.yaml"),
)


def change(text: str) -> Node:
    return parse(text, Path("change.yaml"))


def test_mappings_merge_and_the_rest_replaces() -> None:
    merged = merge(BASE, change("network: {switches: {sw1: {querier: on}}}\nsenders: [n2]\nnew: 1\n"))
    assert to_data(merged) == {
        "speed": 10,
        "network": {"switches": {"sw1": {"snooping": "on", "querier": "on"}}, "nodes": {"n": {"count": 3}}},
        "timeline": [{"at": "1s"}],
        "senders": ["n2"],
        "new": 1,
    }


def test_the_lists_that_append_do_so_at_the_top_only() -> None:
    text = "timeline: [{at: 2s}]\nnested: {timeline: [1]}\nexpect: [x]"
    merged = merge(merge(BASE, change(text)), change("nested: {timeline: [2]}"))
    data = to_data(merged)
    assert isinstance(data, dict)
    assert data["timeline"] == [{"at": "1s"}, {"at": "2s"}]
    assert data["nested"] == {"timeline": [2]}
    assert data["expect"] == ["x"]
    assert to_data(merge(BASE, change("senders: [n2]"), append=frozenset({"senders"})))["senders"] == [  # type: ignore[index, call-overload]
        "n1",
        "n2",
    ]


def test_null_deletes_and_leaves_no_trace_where_nothing_was() -> None:
    merged = merge(BASE, change("speed: null\nnetwork: {nodes: ~, links: {a: {b: ~, c: 1}}}"))
    assert to_data(merged) == {
        "network": {"switches": {"sw1": {"snooping": "on", "querier": "off"}}, "links": {"a": {"c": 1}}},
        "timeline": [{"at": "1s"}],
        "senders": ["n1"],
    }
    assert merge(BASE, change("~")) is BASE


def test_every_node_keeps_its_file() -> None:
    merged = merge(BASE, change("network: {switches: {sw1: {querier: on}}}\ntimeline: [{at: 2s}]"))
    assert str(find(merged, ("network", "switches", "sw1", "querier"))) == "change.yaml:1:37"
    assert str(find(merged, ("network", "switches", "sw1", "querier"), key=True)) == "change.yaml:1:28"
    assert str(find(merged, ("network", "switches", "sw1", "snooping"))) == "base.yaml:2:38"
    assert str(find(merged, ("network",), key=True)) == "base.yaml:2:1"
    assert str(find(merged, ("timeline", 0))) == "base.yaml:3:12"
    assert str(find(merged, ("timeline", 1))) == "change.yaml:2:12"


LEAVES = st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2)
TREES = st.dictionaries(
    st.sampled_from("abc"), LEAVES | st.dictionaries(st.sampled_from("abc"), LEAVES, min_size=1, max_size=3)
)


@given(TREES, TREES)
def test_a_merge_applied_twice_is_the_same_as_once(base: object, over: object) -> None:
    base_tree, over_tree = (change(json.dumps(data)) for data in (base, over))
    once = merge(base_tree, over_tree)
    assert to_data(merge(once, over_tree)) == to_data(once)
    assert to_data(merge(base_tree, base_tree)) == base


PARAMETERS: dict[str, ScalarValue] = {"nodes": 8, "name": "sw", "on": True, "none": None, "share": 0.5}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${nodes}", 8),
        ('"${nodes}"', 8),
        ("n${nodes}", "n8"),
        ("${ nodes }", 8),
        ("${on}", True),
        ("is ${on}", "is true"),
        ("${none}", None),
        ("${name}${nodes}", "sw8"),
        ("${share}/s", "0.5/s"),
        ("$nodes", "$nodes"),
        ("[1, {x: '${nodes}'}]", [1, {"x": 8}]),
    ],
)
def test_a_parameter_keeps_its_type_when_alone(written: str, value: object) -> None:
    assert to_data(substitute(change(f"a: {written}"), PARAMETERS)) == {"a": value}


def test_keys_take_parameters_as_text() -> None:
    tree = substitute(change("${name}${nodes}: 1\n'${nodes}': 2"), PARAMETERS)
    assert to_data(tree) == {"sw8": 1, "8": 2}


def test_a_substituted_value_stands_where_it_was_written() -> None:
    assert str(find(substitute(change("a: [x, '${nodes}']"), PARAMETERS), ("a", 1))) == "change.yaml:1:8"


def test_every_unknown_parameter_is_told() -> None:
    with pytest.raises(ScenarioError) as caught:
        substitute(change("a: ${node}\nb: ['x${zzz}']\nc: ${nodes\n${name}: 1\nsw: 2"), PARAMETERS)
    assert [str(problem) for problem in caught.value.problems] == [
        'change.yaml:1:4: "node" is no parameter; did you mean "nodes"?',
        'change.yaml:2:5: "zzz" is no parameter; there are: name, nodes, none, on, share',
        'change.yaml:3:4: "${" without its "}": write ${name}',
        'change.yaml:5:1: "sw" is here a second time',
    ]


def test_without_parameters_that_is_said() -> None:
    with pytest.raises(ScenarioError, match='"x" is no parameter; there are none'):
        substitute(change("a: ${x}"), {})


@pytest.mark.parametrize(
    ("path", "value", "after"),
    [
        (("a", "b"), "2", {"a": {"b": 2}, "c": [1, {"d": 4}]}),
        (("a", "new"), "2", {"a": {"b": 1, "new": 2}, "c": [1, {"d": 4}]}),
        (("x", "y", "z"), "on", {"a": {"b": 1}, "c": [1, {"d": 4}], "x": {"y": {"z": "on"}}}),
        (("a", "b", "deep"), "2", {"a": {"b": {"deep": 2}}, "c": [1, {"d": 4}]}),
        (("c", 1, "d"), "[5]", {"a": {"b": 1}, "c": [1, {"d": [5]}]}),
        (("c", 0), "{e: 1}", {"a": {"b": 1}, "c": [{"e": 1}, {"d": 4}]}),
        (("a", "b"), "null", {"a": {}, "c": [1, {"d": 4}]}),
        (("a", "none"), "null", {"a": {"b": 1}, "c": [1, {"d": 4}]}),
    ],
)
def test_a_value_is_put_at_its_place(path: tuple[str | int, ...], value: str, after: object) -> None:
    tree = parse("{a: {b: 1}, c: [1, {d: 4}]}", Path("before"))

    changed = put(tree, path, parse(value, Path("value")))

    assert to_data(changed) == after
    assert to_data(tree) == {"a": {"b": 1}, "c": [1, {"d": 4}]}


def test_what_is_put_keeps_its_own_position() -> None:
    tree = put(parse("{a: {b: 1}}", Path("before")), ("a", "b"), parse("2", Path("value")))

    assert find(tree, ("a", "b")).file == Path("value")
    assert find(tree, ("a", "b"), key=True).file == Path("before")
    assert find(put(tree, ("n", "m"), parse("2", Path("value"))), ("n",)).file == Path("value")


def test_nothing_is_put_where_a_list_has_no_item() -> None:
    tree = parse("{a: [1]}", Path("before"))

    with pytest.raises(IndexError):
        put(tree, ("a", 3), parse("2", Path("value")))
    with pytest.raises(KeyError):
        put(tree, ("a", "name"), parse("2", Path("value")))
