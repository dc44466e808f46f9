"""A plan as a file: ``plan.json`` in a run's folder, complete, so that a run is judged again anywhere.

The shape follows the classes of ``harness.plan.model``: an object is ``{"is": class, field: value ...}``, a
tuple a list. Only classes that a Plan can hold are read back; the file cannot name any other.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

from harness.errors import Problem, ScenarioError
from harness.plan.model import Plan

_TEXT_TYPES: dict[str, Any] = {
    "IPv4Address": IPv4Address,
    "IPv6Address": IPv6Address,
    "Path": Path,
    "bytes": bytes.fromhex,
}


def dump(plan: Plan) -> str:
    """Return the plan as JSON text."""
    return json.dumps(_encode(plan), ensure_ascii=False)


def load(path: Path) -> Plan:
    """Read a plan that ``dump`` wrote. Raises ScenarioError when the file is something else."""
    try:
        plan = _decode(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = Problem(file=path, line=1, column=1, message=f"is not the plan of a run: {error}")
        raise ScenarioError((problem,)) from error
    if not isinstance(plan, Plan):
        raise ScenarioError((Problem(file=path, line=1, column=1, message="is not the plan of a run"),))
    return plan


def _encode(value: Any) -> Any:  # noqa: PLR0911  one a kind of value
    match value:
        case Enum():
            return {"is": type(value).__name__, "value": value.value}
        case None | bool() | int() | float() | str():
            return value
        case tuple():
            return [_encode(item) for item in value]
        case frozenset():
            return {"is": "frozenset", "items": [_encode(item) for item in sorted(value)]}
        case IPv4Address() | IPv6Address():
            return {"is": type(value).__name__, "text": str(value)}
        case Path():
            return {"is": "Path", "text": str(value)}
        case bytes():
            return {"is": "bytes", "text": value.hex()}
        case _ if type(value).__name__ in _classes():
            encoded = {field.name: _encode(getattr(value, field.name)) for field in fields(value)}
            return {"is": type(value).__name__, **encoded}
        case _:
            raise TypeError(f"a plan cannot hold a {type(value).__name__}")


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decode(item) for item in value)
    if not isinstance(value, dict):
        return value
    kind = value["is"]
    if kind in _TEXT_TYPES:
        return _TEXT_TYPES[kind](value["text"])
    if kind == "frozenset":
        return frozenset(_decode(item) for item in value["items"])
    found = _classes()[kind]
    if issubclass(found, Enum):
        return found(value["value"])
    return found(**{name: _decode(item) for name, item in value.items() if name != "is"})


@cache
def _classes() -> dict[str, type]:
    """Return every dataclass and enum that a Plan can hold, by name."""
    found: dict[str, type] = {}
    waiting: list[type] = [Plan]
    while waiting:
        current = waiting.pop()
        if current.__name__ in found:
            continue
        found[current.__name__] = current
        if is_dataclass(current):
            for hint in typing.get_type_hints(current).values():
                waiting.extend(_named(hint))
    return found


def _named(hint: Any) -> Iterator[type]:
    """Yield the dataclasses and enums in a type hint, however deep."""
    for part in typing.get_args(hint):
        yield from _named(part)
    if (
        isinstance(hint, type)
        and not typing.get_args(hint)
        and (is_dataclass(hint) or issubclass(hint, Enum))
    ):
        yield hint
