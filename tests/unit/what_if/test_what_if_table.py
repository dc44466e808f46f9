from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.what_if.answer import answers
from harness.what_if.question import Question
from harness.what_if.table import Answered, as_csv, as_data, text

Ask = Callable[..., Question]


@pytest.fixture
def answered(ask: Ask) -> Answered:
    question = ask("switches.*.querier=on,off", "traffic.totem.start=0s,400s")
    return Answered(question=question, rows=tuple(answers(question, jobs=1)))


def test_text_numbers_what_is_expected_and_has_a_line_for_each_setting(answered: Answered) -> None:
    lines = text(answered, colour=False).splitlines()

    assert lines[:3] == [
        "small::base  4 settings",
        "  1: small.scenario.yaml:18  deliver: totem, result: all",
        "  2: small.scenario.yaml:19  load: non-members, at_most: 0%",
    ]
    assert lines[3].split() == ["switches.*.querier", "traffic.totem.start", "1", "2"]
    assert {line.index(word) for line, word in zip(lines[4:6], ("passed", "refused"), strict=True)} == {
        lines[3].index("1")
    }
    assert [line.split()[:3] for line in lines[4:]] == [
        ["on", "0s", "passed"],
        ["on", "400s", "refused"],
        ["off", "0s", "failed:"],
        ["off", "400s", "refused"],
    ]


def test_what_did_not_pass_has_a_colour(answered: Answered) -> None:
    lines = text(answered, colour=True).splitlines()

    assert ["\x1b[" in line for line in lines[4:]] == [False, True, True, True]
    assert "\x1b[" not in text(answered, colour=False)


def test_csv_is_one_table_of_all_variants(answered: Answered) -> None:
    other = replace(answered.question, variant=replace(answered.question.variant, name="other"))
    fewer = tuple(
        replace(row, expectations=row.expectations[:1], cells=row.cells[:1]) for row in answered.rows
    )

    rows = list(csv.reader(io.StringIO(as_csv([answered, Answered(question=other, rows=fewer)]))))

    assert rows[0] == [
        "variant",
        "switches.*.querier",
        "traffic.totem.start",
        "small.scenario.yaml:18  deliver: totem, result: all",
        "small.scenario.yaml:19  load: non-members, at_most: 0%",
    ]
    assert [row[:4] for row in rows[1:3]] == [
        ["base", "on", "0s", "passed"],
        ["base", "on", "400s", "refused"],
    ]
    assert [row[0] for row in rows[1:]] == ["base"] * 4 + ["other"] * 4
    assert rows[5][4] == ""


def test_json_has_everything_that_a_verdict_says(answered: Answered) -> None:
    found = json.loads(json.dumps(as_data([answered])))

    assert found["vary"] == ["switches.*.querier", "traffic.totem.start"]
    (table,) = found["variants"]
    assert [one["line"] for one in table["expectations"]] == [18, 19]
    good, refused, bad, _ = table["rows"]
    assert good["setting"] == {"switches.*.querier": "on", "traffic.totem.start": "0s"}
    assert [cell["status"] for cell in good["outcomes"]] == ["passed", "passed"]
    assert refused["outcomes"] == []
    assert "starts at 400 s" in refused["refusal"]
    cell = bad["outcomes"][0]
    assert cell["status"] == "failed"
    assert cell["first_wrong"]["what"] == "lost"
    assert cell["figure"].startswith(f"lost at {cell['first_wrong']['at_s']:g} s (")
    assert "lost" in cell["got"]


def test_a_long_cell_is_shortened_on_a_terminal_alone(answered: Answered) -> None:
    row = answered.rows[0]
    long = replace(row.cells[0], figure="x" * 100)
    table = replace(answered, rows=(replace(row, cells=(long, row.cells[1])),))

    assert f"passed: {'x' * 29}..." in text(table, colour=False)
    assert "x" * 100 in as_csv([table])
