from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli import what_if
from harness.errors import ExitCode

Mcast = Callable[..., Any]

SCENARIO = """\
scenario: A switch without a querier
source: a test
speed: 100
duration: 280s
network:
  switches:
    sw1: {profile: juniper-ex}
  nodes:
    n: {count: 2, on: sw1}
traffic:
  totem: {group: 239.192.3.20, rate: 1/s}
expect:
  - {deliver: totem, until: 280s, result: all}
variants:
  as-shipped: {}
  source:
    network: {switches: {sw1: {querier: on}}}
    expect:
      - {switch: sw1, at: 270s, querier: 10.77.254.1}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("lost.scenario.yaml").write_text(SCENARIO, encoding="utf-8")
    return "lost.scenario.yaml"


def test_a_table_of_one_variant(mcast: Mcast, file: str) -> None:
    told = mcast("what-if", f"{file}::as-shipped", "--vary", "switches.*.querier=on,off")

    assert told.code is ExitCode.PASSED
    lines = told.out.splitlines()
    assert lines[0] == "lost::as-shipped  2 settings"
    assert lines[1] == "  1: lost.scenario.yaml:13  deliver: totem, until: 280s, result: all"
    assert lines[2].split() == ["switches.*.querier", "1"]
    assert lines[3].split() == ["on", "passed"]
    assert lines[4].split()[:4] == ["off", "failed:", "lost", "at"]
    assert told.err == ""
    assert not Path(".harness").exists()


def test_every_variant_has_a_table_of_its_own(mcast: Mcast, file: str) -> None:
    told = mcast("what-if", file, "--vary", "nodes.count=2..4")

    blocks = told.out.split("\n\n")
    assert [block.splitlines()[0] for block in blocks] == [
        "lost::as-shipped  3 settings",
        "lost::source  3 settings",
    ]
    assert (
        blocks[1].splitlines()[2] == "  2: lost.scenario.yaml:19  switch: sw1, at: 270s, querier: 10.77.254.1"
    )


def test_csv_and_json(mcast: Mcast, file: str) -> None:
    options = ("--vary", "switches.sw1.querier=on,off", "--vary", "seed=1..2")

    rows = list(csv.reader(io.StringIO(mcast("what-if", file, *options, "--format", "csv").out)))
    found = json.loads(mcast("what-if", file, *options, "--format", "json").out)

    assert rows[0][:3] == ["variant", "switches.sw1.querier", "seed"]
    assert [row[:3] for row in rows[1:5]] == [
        ["as-shipped", "on", "1"],
        ["as-shipped", "on", "2"],
        ["as-shipped", "off", "1"],
        ["as-shipped", "off", "2"],
    ]
    assert len(rows) == 9
    assert [table["variant"] for table in found["variants"]] == ["as-shipped", "source"]
    assert [[cell["status"] for cell in row["outcomes"]] for row in found["variants"][1]["rows"]] == [
        ["passed", "passed"],
        ["passed", "passed"],
        ["failed", "failed"],
        ["failed", "failed"],
    ]
    assert found["variants"][1]["rows"][3]["setting"] == {"switches.sw1.querier": "off", "seed": 2}


def test_every_mistake_is_told_before_anything_is_predicted(mcast: Mcast, file: str) -> None:
    told = mcast("what-if", file, "--vary", "switches.sw1.querier=maybe", "--vary", "nodes.m.count=2")

    assert told.code is ExitCode.BAD_INPUT
    assert told.out == ""
    assert told.err.splitlines() == [
        '--vary switches.sw1.querier=maybe: write on, off, or settings in braces, not "maybe"',
        '--vary nodes.m.count=2: there is no "nodes.m"; there are: nodes.n',
    ]


def test_a_setting_that_is_no_scenario_is_refused_in_its_row(mcast: Mcast, file: str) -> None:
    told = mcast("what-if", f"{file}::as-shipped", "--vary", "duration=250s,280s")

    assert told.code is ExitCode.BAD_INPUT
    assert told.out.splitlines()[3].split() == ["250s", "refused"]
    assert told.err.startswith("refused:\nduration=250s: lost.scenario.yaml:13:")


def test_nothing_but_refusals_is_no_table(mcast: Mcast, file: str) -> None:
    told = mcast("what-if", file, "--vary", "switches.sw1.profile=juniper-xe")

    assert told.code is ExitCode.BAD_INPUT
    assert told.out == ""
    assert told.err.splitlines() == [
        "refused:",
        '--vary switches.sw1.profile=juniper-xe: "juniper-xe" is no profile; did you mean "juniper-ex"?',
    ]


def test_an_absurd_product_needs_all(mcast: Mcast, file: str) -> None:
    told = mcast("what-if", file, "--vary", "seed=1..200", "--vary", "nodes.n.count=2..101")

    assert told.code is ExitCode.BAD_INPUT
    assert "these are 40000 predictions, and more than 10000 need --all" in told.err


def test_all_lifts_the_limit(mcast: Mcast, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(what_if, "MOST_SETTINGS", 3)
    asked = ("what-if", f"{file}::as-shipped", "--vary", "seed=1..4")

    assert mcast(*asked).code is ExitCode.BAD_INPUT
    assert mcast(*asked, "--all").code is ExitCode.PASSED


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere.yaml", "--vary", "seed=1"), "nowhere.yaml: there is no such file or folder"),
        (("lost.scenario.yaml::as-shiped", "--vary", "seed=1"), 'did you mean "as-shipped"?'),
        (("lost.scenario.yaml",), "--vary"),
        (("lost.scenario.yaml", "--vary", "seed"), "write PATH=VALUES"),
    ],
)
def test_wrong_usage_exits_4(mcast: Mcast, file: str, arguments: tuple[str, ...], words: str) -> None:
    told = mcast("what-if", *arguments)

    assert told.code is ExitCode.BAD_INPUT
    assert words in told.err


def test_ctrl_c_tells_the_rows_that_there_are(
    mcast: Mcast, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = what_if.answers

    def interrupted(*given: Any, **named: Any) -> Any:
        rows = answers(*given, **named)
        yield next(rows)
        raise KeyboardInterrupt

    monkeypatch.setattr(what_if, "answers", interrupted)

    told = mcast("what-if", file, "--vary", "seed=1..4")

    assert told.code is ExitCode.INTERRUPTED
    assert told.out.startswith("lost::as-shipped  1 setting\n")
    assert told.err == "interrupted after 1 of 8 settings\n"
