"""The JSON Schemas in the repository, and the files that name them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from harness.scenario.schema import schema_for_scenarios, schema_for_topologies, texts

ROOT = Path(__file__).parents[3]
SHIPPED = sorted(
    path
    for pattern in ("scenarios/**/*.scenario.yaml", "topologies/*.topology.yaml", "tests/golden/*/*.yaml")
    for path in ROOT.glob(pattern)
)


@pytest.mark.parametrize("name", sorted(texts()))
def test_schemas_are_fresh(name: str) -> None:
    shipped = (ROOT / "schema" / name).read_text(encoding="utf-8")
    assert shipped == texts()[name], "run: python -m harness.scenario.schema"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_name_their_schema(path: Path) -> None:
    kind = path.name.split(".")[-2]
    schema = Path(os.path.relpath(ROOT / "schema" / f"{kind}.schema.json", path.parent)).as_posix()
    head = path.read_text(encoding="utf-8").splitlines()[:5]
    assert f"# yaml-language-server: $schema={schema}" in head


def test_there_are_topologies() -> None:
    assert [path.name.split(".")[0] for path in SHIPPED if path.parent.name == "topologies"] == [
        "chain",
        "one-switch",
        "star",
        "tree",
        "two-switches",
    ]


def references(schema: Any) -> set[str]:
    if isinstance(schema, dict):
        own = {schema["$ref"]} if isinstance(schema.get("$ref"), str) else set()
        return own.union(*(references(value) for value in schema.values()))
    if isinstance(schema, list):
        return set().union(*(references(value) for value in schema))
    return set()


@pytest.mark.parametrize(
    "schema", [schema_for_scenarios(), schema_for_topologies()], ids=["scenario", "topology"]
)
def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    there = {f"#/$defs/{name}" for name in schema["$defs"]}
    assert references(schema) <= there


def test_variants_know_the_keys_and_require_none() -> None:
    schema = schema_for_scenarios()
    definitions = schema["$defs"]
    assert set(definitions["Variant"]["properties"]) >= {
        "network",
        "traffic",
        "timeline",
        "expect",
        "topology",
    }
    assert "required" not in definitions["ChangedNodes"]
    assert set(definitions["ChangedNodes"]["properties"]) == {
        "count",
        "on",
        "address",
        "mtu",
        "igmp_version",
        "host",
        "querier",
        "vlan",
        "address6",
        "mld_version",
        "mld_querier",
        "firewall",
        "port",
        "port_mtu",
        "impair",
    }
    assert definitions["Step"]["required"] == ["at"]


@pytest.mark.parametrize(
    "schema", [schema_for_scenarios(), schema_for_topologies()], ids=["scenario", "topology"]
)
def test_every_key_is_described(schema: dict[str, Any]) -> None:
    described = {name: part for name, part in schema["$defs"].items() if "properties" in part}
    described[""] = schema
    bare = [
        f"{name}.{key}"
        for name, part in described.items()
        for key, value in part["properties"].items()
        if not value.get("description") and not (name == "" and key == "$schema")
    ]
    assert bare == []
