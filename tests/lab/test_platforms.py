"""docs/platforms.md says what a run says: one profile of each class is run again and compared."""

import json
import re
from pathlib import Path

import pytest

from harness import profiles
from harness.cli import execute
from harness.errors import ExitCode
from harness.situations.table import HEADINGS

DOCUMENT = Path(__file__).parents[2] / "docs" / "platforms.md"
AGAIN = ("class-a", "class-b", "class-c", "class-d")
SAME_S = 10
"""Times are rounded to this, so a time near the middle may come out as either neighbour."""

pytestmark = pytest.mark.lab


def documented():
    rows = [
        [cell.strip() for cell in line.strip("|\n").split("|")]
        for line in DOCUMENT.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    head, _, *body = rows
    return {row[0]: dict(zip(head, row, strict=True)) for row in body}


def test_every_profile_is_in_the_table():
    assert list(documented()) == list(profiles.names())


def test_no_situation_was_left_out():
    for name, row in documented().items():
        assert all(row[heading] for heading in HEADINGS), name


def test_a_run_says_the_same(capsys):
    assert execute(["situations", "--json", *AGAIN]) is ExitCode.PASSED
    for row in json.loads(capsys.readouterr().out):
        written = documented()[row["profile"]]
        for heading, seen in row["outcomes"].items():
            numbers = [int(number) for number in re.findall(r"\d+", seen)]
            there = [int(number) for number in re.findall(r"\d+", written[heading])]
            words = re.sub(r"\d+", "N", seen)
            assert words == re.sub(r"\d+", "N", written[heading]), (row["profile"], heading)
            assert all(abs(a - b) <= SAME_S for a, b in zip(numbers, there, strict=True)), (heading, seen)
