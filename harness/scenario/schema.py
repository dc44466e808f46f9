"""JSON Schema of the language, so that editors complete keys and show mistakes while one types.

``python -m harness.scenario.schema [FOLDER]`` writes them, ``profile.schema.json`` among them.
A variant is described by the scenario's own definitions with nothing required, since it says only what it
changes; there, and in a topology, null deletes what the base says.
"""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from harness.profiles.schema import schema_for_profiles
from harness.scenario import fields
from harness.scenario.model import Scenario, Topology
from harness.scenario.network import Network

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = "#/$defs/"
_RELAXED = "Changed"
"""Before the name of a definition: the same with nothing required."""
_WHOLE = frozenset({"Step", "Deliver", "Stops", "Heals", "Load", "SwitchState", "Reports", "Bounds", "Loss"})
"""Items of lists that a variant appends: they are complete, not changes."""


_VALUES: dict[str, Any] = {
    "Address": fields.Address,
    "Address6": fields.HostAddress6,
    "Addresses": fields.AnyAddresses,
    "Audience": fields.Audience,
    "Bandwidth": fields.Bandwidth,
    "Duration": fields.Duration,
    "Group": fields.Group,
    "Length": fields.Length,
    "Moment": fields.MomentText,
    "Names": fields.Names,
    "OnOff": fields.OnOff,
    "Share": fields.Share,
    "SwitchName": fields.SwitchName,
    "Who": fields.Who,
}
"""The values that stand in many places, each described once."""


def schema_for_scenarios() -> Schema:
    """The schema of ``*.scenario.yaml``."""
    schema = Scenario.model_json_schema(by_alias=True)
    definitions: dict[str, Schema] = schema["$defs"]
    relaxed = _relaxed(definitions)
    variant = definitions["Variant"]["properties"]
    for name in ("network", "topology", "traffic", "timeline", "expect"):
        described = _pointing_to_relaxed(copy.deepcopy(schema["properties"][name]))
        described.pop("default", None)
        variant[name] = _or_null(described)
    for name in ("network", "traffic"):
        variant[name]["description"] = "merged over the base's; null deletes"
    for name in ("timeline", "expect"):
        variant[name]["description"] = "added to the base's"
    schema["properties"]["network"] = _pointing_to_relaxed(schema["properties"]["network"])
    definitions.update(relaxed)
    whole: Schema = _names_only(_used_only({"$schema": _DIALECT, **_shared(schema)}))
    variants: Schema = whole["properties"]["variants"]
    variants["patternProperties"] = {
        pattern: _or_null(described) for pattern, described in variants["patternProperties"].items()
    }
    return whole


def schema_for_topologies() -> Schema:
    """The schema of ``*.topology.yaml``; any of its values may be a parameter, written ``${name}``."""
    schema = Topology.model_json_schema(by_alias=True)
    network = Network.model_json_schema(by_alias=True)
    definitions: dict[str, Schema] = network.pop("$defs")
    definitions["Network"] = network
    words = schema["properties"]["network"]["description"]
    schema["properties"]["network"] = {"$ref": f"{_REFERENCE}Network", "description": words}
    shared = _shared({**schema, "$defs": definitions})
    shared["$defs"] = {name: _with_parameters(definition) for name, definition in shared["$defs"].items()}
    whole: Schema = _names_only(_used_only({"$schema": _DIALECT, **shared}))
    return whole


def _shared(schema: Schema) -> Schema:
    """The schema with every value of the language as a definition, without the titles that pydantic makes."""
    values = {name: TypeAdapter(value).json_schema() for name, value in _VALUES.items()}
    pointed = {key: _pointing_to_values(part, values) for key, part in schema.items() if key != "title"}
    definitions = {name: _pointing_to_values(part, values) for name, part in schema["$defs"].items()}
    return {**pointed, "title": schema["title"], "$defs": {**definitions, **values}}


def _pointing_to_values(schema: Any, values: dict[str, Schema]) -> Any:
    match schema:
        case {"properties": dict(properties), **rest}:
            inside = {key: _pointing_to_values(value, values) for key, value in properties.items()}
            return {**_pointing_to_values(rest, values), "properties": inside}
        case dict():
            words = {key: schema[key] for key in ("description", "default") if key in schema}
            bare = {key: value for key, value in schema.items() if key not in {*words, "title"}}
            name = next((name for name, value in values.items() if value == bare), None)
            if name is not None:
                return {"$ref": f"{_REFERENCE}{name}", **words}
            return {key: _pointing_to_values(value, values) for key, value in bare.items()} | words
        case list():
            return [_pointing_to_values(value, values) for value in schema]
        case _:
            return schema


def _names_only(schema: Any) -> Any:
    """The schema in which keys that are no names are refused, where keys are names."""
    match schema:
        case {"patternProperties": _, **rest}:
            inside = {key: _names_only(value) for key, value in schema.items()}
            return inside if "additionalProperties" in rest else {**inside, "additionalProperties": False}
        case dict():
            return {key: _names_only(value) for key, value in schema.items()}
        case list():
            return [_names_only(value) for value in schema]
        case _:
            return schema


def _relaxed(definitions: dict[str, Schema]) -> dict[str, Schema]:
    """Copies of all definitions of mappings with nothing required, pointing to each other."""
    relaxed: dict[str, Schema] = {}
    for name, definition in definitions.items():
        if definition.get("type") != "object" or name in _WHOLE or name == "Variant":
            continue
        changed = _pointing_to_relaxed(copy.deepcopy(definition))
        changed.pop("required", None)
        for key, described in changed.get("properties", {}).items():
            described.pop("default", None)
            changed["properties"][key] = _or_null(described)
        relaxed[f"{_RELAXED}{name}"] = changed
    return relaxed


def _or_null(described: Schema) -> Schema:
    words: Schema = {key: described.pop(key) for key in ("title", "description") if key in described}
    arms = described.get("anyOf")
    if arms is not None and {"type": "null"} in arms:
        return {**words, **described}
    return {**words, "anyOf": [described, {"type": "null"}]}


def _pointing_to_relaxed(schema: Any) -> Any:
    match schema:
        case {"$ref": str(reference), **rest}:
            name = reference.removeprefix(_REFERENCE)
            relaxable = name not in _WHOLE and name not in _ENUMS
            return {"$ref": f"{_REFERENCE}{_RELAXED if relaxable else ''}{name}", **rest}
        case dict():
            return {key: _pointing_to_relaxed(value) for key, value in schema.items()}
        case list():
            return [_pointing_to_relaxed(value) for value in schema]
        case _:
            return schema


_ENUMS = frozenset({"IgnoredQuery", "Layout", "Only", "Outcome", "Role", "UnregisteredRule"})


def _with_parameters(schema: Any) -> Any:
    """The schema in which ``${name}`` may stand for any number, word or choice."""
    match schema:
        case (
            {"type": "integer" | "number" | "boolean"}
            | {"enum": _}
            | {"const": _}
            | {"pattern": _}
            | {"format": _}
        ):
            words = {key: schema[key] for key in ("description", "default") if key in schema}
            bare = {key: value for key, value in schema.items() if key not in words}
            return {**words, "anyOf": [bare, {"type": "string", "pattern": r"\$\{[^{}]+\}"}]}
        case {"properties": dict(properties), **rest}:
            inside = {key: _with_parameters(value) for key, value in properties.items()}
            return {**{key: _with_parameters(value) for key, value in rest.items()}, "properties": inside}
        case dict():
            kept = {"default", "examples", "required"}
            return {k: v if k in kept else _with_parameters(v) for k, v in schema.items()}
        case list():
            return [_with_parameters(value) for value in schema]
        case _:
            return schema


def _used_only(schema: Schema) -> Schema:
    """The schema without the definitions that nothing points to."""
    definitions: dict[str, Schema] = schema["$defs"]
    used: set[str] = set()
    waiting: list[Any] = [{key: value for key, value in schema.items() if key != "$defs"}]
    while waiting:
        match waiting.pop():
            case {"$ref": str(reference), **rest}:
                name = reference.removeprefix(_REFERENCE)
                if name not in used:
                    used.add(name)
                    waiting.append(definitions[name])
                waiting.extend(rest.values())
            case dict() as mapping:
                waiting.extend(mapping.values())
            case list() as items:
                waiting.extend(items)
    kept = {name: definition for name, definition in definitions.items() if name in used}
    return {**schema, "$defs": kept}


def texts() -> dict[str, str]:
    """File name and text of all schemas, as they are shipped."""
    schemas = {
        "scenario.schema.json": schema_for_scenarios(),
        "topology.schema.json": schema_for_topologies(),
        "profile.schema.json": schema_for_profiles(),
    }
    return {name: json.dumps(schema, indent=2) + "\n" for name, schema in schemas.items()}


def main(folder: Path) -> None:
    """Write all files."""
    folder.mkdir(exist_ok=True)
    for name, text in texts().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("schema"))
