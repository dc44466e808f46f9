from __future__ import annotations

from pathlib import Path

import pytest

from harness.source import to_data
from harness.what_if.values import MOST_VALUES, ValuesError, read

PLACE = Path("--vary a=b")


def texts(written: str) -> list[str]:
    return [value.text for value in read(written, PLACE)]


def data(written: str) -> list[object]:
    return [to_data(value.node) for value in read(written, PLACE)]


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("on,off", ["on", "off"]),
        (" on , off ", ["on", "off"]),
        ("1,2.5,true,null", [1, 2.5, True, None]),
        ('"a, b",c', ["a, b", "c"]),
        ("'1',1", ["1", 1]),
        ("[p1, p2],[]", [["p1", "p2"], []]),
        ("{version: 2, address: 10.0.0.1},off", [{"version": 2, "address": "10.0.0.1"}, "off"]),
        ("1/s,10/s", ["1/s", "10/s"]),
        ("ff15::73bc", ["ff15::73bc"]),
        ("./own.profile.yaml,../own.profile.yaml", ["./own.profile.yaml", "../own.profile.yaml"]),
        ("it's,so", ["it's", "so"]),
    ],
)
def test_values_are_what_a_file_would_have(written: str, values: list[object]) -> None:
    assert data(written) == values


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("2..5", ["2", "3", "4", "5"]),
        ("2..10/4", ["2", "6", "10"]),
        ("2..9/4", ["2", "6"]),
        ("2..64*2", ["2", "4", "8", "16", "32", "64"]),
        ("1..100*10", ["1", "10", "100"]),
        ("100s..300s/100s", ["100s", "200s", "300s"]),
        ("100..300s/100", ["100s", "200s", "300s"]),
        ("0%..0.3%/0.1%", ["0%", "0.1%", "0.2%", "0.3%"]),
        ("7..7", ["7"]),
        ("1..3,2,9", ["1", "2", "3", "9"]),
    ],
)
def test_ranges_count_and_every_value_comes_once(written: str, values: list[str]) -> None:
    assert texts(written) == values


def test_numbers_of_a_range_are_numbers() -> None:
    assert data("2..3") == [2, 3]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("", "values are missing: write some"),
        ("on,,off", '"on,,off": a value is missing'),
        ("on,", "a value is missing"),
        ("5..2", '"5..2" counts down'),
        ("1..5/0", '"1..5/0" never ends'),
        ("1..5*1", "never ends"),
        ("0..5*2", "never ends"),
        ("1s..5m", "mixes units"),
        ("1s..5s/1m", "mixes units"),
        ("1..5..9", "is no range"),
        ("1..1000000", f"too many values: at most {MOST_VALUES}"),
        ("1..6000,6001..12000", "12000 values are too many"),
        ("[a", "] is missing"),
        ('"a', '" is missing'),
        ("a: b", "no single value"),
        ("*x", '"*x"'),
    ],
)
def test_what_cannot_be_read_is_told(written: str, message: str) -> None:
    with pytest.raises(ValuesError) as raised:
        read(written, PLACE)
    assert message in str(raised.value)
