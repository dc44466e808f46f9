"""What every shipped scenario and topology must have, whatever it is about."""

from pathlib import Path

import pytest

from harness.backends.netns.limits import refusals
from harness.plan.build import build
from harness.scenario.loader import files, load
from harness.scenario.model import Role

ROOT = Path(__file__).parents[3]
SCHEMA = "# yaml-language-server: $schema="
SCENARIOS = files([ROOT / "scenarios"])
TOPOLOGIES = sorted((ROOT / "topologies").glob("*.topology.yaml"))


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SCENARIOS, ids=name)
def test_loads_and_fits_into_a_lab(path):
    plans = [build(variant) for variant in load(path).variants]
    assert {plan.name: refusals(plan) for plan in plans} == {plan.name: () for plan in plans}


@pytest.mark.parametrize("path", SCENARIOS, ids=name)
def test_every_variant_has_a_role_and_every_fault_a_fix(path):
    roles = {variant.name: variant.role for variant in load(path).variants}
    assert None not in roles.values(), roles
    assert (Role.FAULT in roles.values()) == (Role.FIX in roles.values()), roles


@pytest.mark.parametrize("path", [*SCENARIOS, *TOPOLOGIES], ids=name)
def test_first_line_names_the_schema_for_editors(path):
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith(SCHEMA)
    kind = path.name.split(".")[-2]
    schema = path.parent / first.removeprefix(SCHEMA)
    assert schema.resolve() == ROOT / "schema" / f"{kind}.schema.json"
    assert schema.exists()


@pytest.mark.parametrize("path", SCENARIOS, ids=name)
def test_can_be_read_in_one_screen(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 120


def test_names_of_files_are_unique_because_run_folders_and_reports_use_them():
    stems = [path.name for path in SCENARIOS]
    assert len(stems) == len(set(stems))
