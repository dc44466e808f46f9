"""JSON Schema of profile files, so that editors complete keys and show mistakes while one types.

Made from the tables that the loader reads by; it can say less than the loader, which also knows which sources
are cited. Written with the other schemas, by ``python -m harness.scenario.schema``. Dialect: 2020-12.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, get_args, get_origin, get_type_hints

from harness.profiles.loader import IDENTITY, QUERIER, SETTINGS, ListOf, Parse, Table, on_off
from harness.profiles.model import DataPlane, Profile, QuerierDefaults

Schema = dict[str, Any]

_DURATION: Schema = {
    "anyOf": [{"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(ms|s|m|h)$"}, {"const": 0}],
}


def schema_for_profiles() -> Schema:
    """The schema of ``*.profile.yaml``."""
    described = {key: _value(Profile, field, parse) for key, (field, parse) in IDENTITY.items()}
    described["data_plane"] = {"const": DataPlane.EMULATED.value}  # as read_profile has it for users' files
    sources = {
        "type": "object",
        "description": "a short name for each document, by which values cite it",
        "additionalProperties": {"type": "string"},
    }
    querier = _mapping(_settings(QuerierDefaults, QUERIER))
    settings = _settings(Profile, SETTINGS)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Profile",
        "description": "What a platform does with multicast as shipped, and who says so.",
        **_mapping({**described, "sources": sources, **settings, "querier_defaults": querier}),
    }


def _mapping(properties: Schema) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _settings(holder: type, table: Table) -> Schema:
    return {
        key: _mapping(
            {
                "value": _value(holder, field, parse),
                "source": {"type": "string", "description": "one of the names under sources"},
                "verified": {"type": "boolean", "description": "read there or measured, not remembered"},
            }
        )
        for key, (field, parse) in table.items()
    }


def _value(holder: type, field: str, parse: Parse | ListOf) -> Schema:
    """One value, by the type of the field that it becomes."""
    kind = get_type_hints(holder)[field]
    if get_origin(kind) is tuple:
        choices = [choice.value for choice in get_args(kind)[0]]
        return {"type": "array", "uniqueItems": True, "items": {"enum": choices}}
    if issubclass(kind, Enum):
        return {"enum": [choice.value for choice in kind]}
    if kind is bool:
        return {"enum": ["on", "off"]} if parse is on_off else {"type": "boolean"}
    if kind is float:
        return _DURATION
    return {"type": "integer", "minimum": 0} if kind is int else {"type": "string"}
