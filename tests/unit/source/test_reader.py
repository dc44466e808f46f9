"""Reading YAML: the values, the positions, and what the author of a broken file is told."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ScenarioError
from harness.source import Mapping, find, parse, read, reader, to_data

FILE = Path("a.scenario.yaml")


def mistakes(text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        parse(text, FILE)
    return [f"{problem.line}:{problem.column}: {problem.message}" for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("n", "n"),
        ("true", True),
        ("False", False),
        ("tRUE", "tRUE"),
        ("010", 10),
        ("-7", -7),
        ("0x1F", 31),
        ("0o17", 15),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("22:22:22:22:22:22", "22:22:22:22:22:22"),
        ("12:30:45", "12:30:45"),
        ("2026-01-01", "2026-01-01"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-.inf", -math.inf),
        (".", "."),
        ("+", "+"),
        ("~", None),
        ("null", None),
        ("", None),
        ("'true'", "true"),
        ('"10"', "10"),
        ("10.0.0.1", "10.0.0.1"),
        ("260s", "260s"),
        ("1٣", "1٣"),
        ("|\n  two\n  lines", "two\nlines\n"),
    ],
)
def test_plain_values_follow_the_core_schema(written: str, value: object) -> None:
    result = to_data(parse(f"a: {written}\n", FILE))
    assert isinstance(result, dict)
    assert result["a"] == value
    assert type(result["a"]) is type(value)


def test_not_a_number_is_one() -> None:
    result = to_data(parse("a: .NaN", FILE))
    assert isinstance(result, dict)
    assert isinstance(result["a"], float)
    assert math.isnan(result["a"])


def test_positions_count_from_one_and_in_characters() -> None:
    tree = parse("# a comment\nsw:\n  - {größe: 1, port: p3}\n", FILE)
    assert str(find(tree, ("sw", 0, "port"))) == "a.scenario.yaml:3:22"
    assert str(find(tree, ("sw", 0, "port"), key=True)) == "a.scenario.yaml:3:16"
    assert str(find(tree, ("sw", 0))) == "a.scenario.yaml:3:5"


def test_a_byte_order_mark_shifts_nothing() -> None:
    assert str(find(parse("\ufeffa: 1", FILE), ("a",))) == "a.scenario.yaml:1:4"


def test_an_alias_repeats_the_node_of_its_anchor() -> None:
    tree = parse("a: &x {p: 1}\nb: *x\n", FILE)
    assert to_data(tree) == {"a": {"p": 1}, "b": {"p": 1}}
    assert str(find(tree, ("b", "p"))) == "a.scenario.yaml:1:11"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["1:1: the file is empty"]),
        ("# nothing\n", ["1:1: the file is empty"]),
        ("a:\n\tb: 1", ["2:1: a tab: YAML is indented with spaces only"]),
        (
            "a: b: c",
            ['1:5: a ":" too many on this line, or a wrong indentation; text with ": " in it needs quotes'],
        ),
        ("a: [1,\nb\n", ['1:4: a list begun with "[" in line 1 lacks a "," or its "]"']),
        ("a: {x: 1,\n  y: 3]", ['2:7: a mapping begun with "{" in line 1 lacks a "," or its "}"']),
        ("a: 'x\n", ["1:4: the quoted text that began in line 1 is never closed"]),
        ("a: 1\nb\n", ['2:1: a key without ":"']),
        ("a: @x", ['1:4: a value cannot begin with "@": put it in quotes']),
        ("a: *x", ['1:4: "*x" has no "&x" before it']),
        ("a: &x [*x]", ['1:8: "*x" stands inside of what it repeats']),
        ("--- 1\n--- 2", ['2:1: a second document ("---"): one file holds one']),
        ("a: !!str 1", ['1:4: the tag "!!str": tags are not used here; quotes make text of a value']),
        ("a: !x {}", ['1:4: the tag "!x": tags are not used here; quotes make text of a value']),
        ("a: \x01", ["1:4: a control character (U+0001) cannot stand in YAML"]),
        ("a:\n - \ud800", ["2:4: a control character (U+D800) cannot stand in YAML"]),
        ("a: " + 101 * "9", ["1:4: a number of more than 100 digits"]),
        ("? \n: 4", ["1:2: a key must be text: nothing stands before the colon"]),
        (41 * "[", ["1:41: nested deeper than 40 levels"]),
        (5000 * "- ", ["1:81: nested deeper than 40 levels"]),
        (
            "a: 1\n<<: {}\n010: x\na: 2\n? [k]\n: 3\nb: {c: 1, c: 2}\n",
            [
                '2:1: the merge key "<<" is not part of YAML 1.2: write the keys out',
                '3:1: a key must be text: put "010" in quotes',
                '4:1: "a" is here a second time, first in line 1',
                "5:3: a key must be a word, not a list or a mapping",
                '7:11: "c" is here a second time, first in line 7',
            ],
        ),
        (
            "a: 1\na: 2\nb: ]\n",
            ['2:1: "a" is here a second time, first in line 1', "3:4: a value is missing here"],
        ),
    ],
)
def test_mistakes_are_told_in_plain_words_and_all_at_once(text: str, said: list[str]) -> None:
    assert mistakes(text) == said


def test_aliases_cannot_multiply_without_end() -> None:
    ten = "x0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
        f"x{n}: &x{n} [{', '.join(10 * [f'*x{n - 1}'])}]\n" for n in range(1, 9)
    )
    assert mistakes(ten) == ["5:5: more than 100000 values, repeated ones counted each time"]


def test_a_file_has_a_largest_size(tmp_path: Path) -> None:
    assert mistakes("#" * (reader.MAX_BYTES + 1)) == ["1:1: larger than 1 MB: this is no scenario"]
    big = tmp_path / "big.yaml"
    big.write_bytes(b"#" * (reader.MAX_BYTES + 1))
    with pytest.raises(ScenarioError, match="larger than 1 MB"):
        read(big)


def test_a_file_is_read_with_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    tree = read(path)
    assert to_data(tree) == {"a": 1}
    assert find(tree, ("a",)).file == path


@pytest.mark.parametrize("name", ["missing.yaml", "bad\0name.yaml", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ScenarioError, match="cannot be read"):
        read(tmp_path / name)


def test_a_file_in_another_encoding_is_pointed_at(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("ä: 1\nb: ".encode() + "ö".encode("latin-1"))
    with pytest.raises(ScenarioError, match=r"latin\.yaml:2:4: not UTF-8"):
        read(path)


def test_without_libyaml_the_values_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: [on, 010, 22:22:22:22:22:22, 'true', ~]\nb: {c: 1.5}\n"
    fast = parse(text, FILE)
    monkeypatch.setattr(reader, "_LOADER", yaml.SafeLoader)
    assert parse(text, FILE) == fast


YAML_LIKE = st.text(alphabet=st.sampled_from("ab1:-#&*!|>'\"%@`[]{},?<~. \t\n\r\\0x"), max_size=60)


@given(st.one_of(st.text(), YAML_LIKE))
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        tree = parse(text, FILE)
    except ScenarioError as error:
        assert error.problems
        assert all(problem.line >= 1 and problem.column >= 1 for problem in error.problems)
    else:
        to_data(tree)


KEYS = st.text(alphabet="abcdefg", min_size=1, max_size=6)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet="ab: #'-10\n"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES))
def test_what_is_written_as_json_comes_back(data: dict[str, object]) -> None:
    tree = parse(json.dumps(data), FILE)
    assert isinstance(tree, Mapping)
    assert to_data(tree) == data
