"""Pydantic's errors in words for the author of a file, each at its line and column.

Takes a tree, the model that its data was checked against and the error; returns problems. Knows pydantic's
error types (https://docs.pydantic.dev/latest/errors/validation_errors/) and how its locations are built:
keys and indexes, with the tags of unions between them, which stand in no file.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from harness.errors import Problem
from harness.scenario.expectations import EXPECTATIONS
from harness.scenario.fields import SWITCH_NAME
from harness.scenario.strict import Strict
from harness.source import Node, closest, find
from harness.source.node import KEY_MARK

Location = tuple[str | int, ...]

_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
    "greater_than": ("gt", "more than"),
    "less_than": ("lt", "less than"),
}
_MOST_SHOWN = 80
"""Characters: longer lists of keys hide what the sentence says."""
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a number",
    "string": "a text",
    "tuple": "a list",
    "list": "a list",
    "dict": "keys and values",
    "model": "keys and values",
    "mapping": "keys and values",
    "bool": "true or false",
}
"""What the first word of pydantic's type errors (``int_parsing``, ``tuple_type``) asks for."""


def problems(error: ValidationError, tree: Node, model: type[BaseModel]) -> tuple[Problem, ...]:
    """Every mistake that pydantic found in the data of ``tree``, in the order of pydantic."""
    return tuple(_problem(detail, tree, model) for detail in error.errors(include_url=False))


def _problem(detail: ErrorDetails, tree: Node, model: type[BaseModel]) -> Problem:
    loc: Location = detail["loc"]
    match detail["type"]:
        case "extra_forbidden":
            message = _unknown_key(str(loc[-1]), model, loc[:-1])
            return find(tree, loc, key=True).problem(message)
        case "missing":
            return find(tree, _without_last_tag(loc[:-1])).problem(f'missing key "{loc[-1]}"')
        case "model_type":
            keys = _some(_keys(model, loc))
            message = f"write keys and values{keys and f' ({keys})'}, not {_shown(detail['input'])}"
            return find(tree, loc).problem(message)
        case "union_tag_invalid":
            return find(tree, loc).problem(_unknown_expectation(detail["input"]))
        case _:
            return find(tree, _without_last_tag(loc)).problem(_message(detail))


def _unknown_key(name: str, model: type[BaseModel], loc: Location) -> str:
    """The sentence about a key that its place does not know: where it belongs, or what is like it."""
    found = next(_models(model, loc), None)
    if found is None:
        return f'unknown key "{name}"'
    keys = _keys(model, loc)
    known = f"; there are: {', '.join(keys)}" if _some(keys) == ", ".join(keys) else ""
    there = f"; {found.elsewhere[name]}" if issubclass(found, Strict) and name in found.elsewhere else ""
    return f'unknown key "{name}"{there or closest(name, keys) or known}'


def _without_last_tag(loc: Location) -> Location:
    """A whole expectation is shown where it begins, and not where the value of its first key stands."""
    return loc[:-1] if len(loc) == 3 and loc[0] == "expect" and loc[-1] in EXPECTATIONS else loc


def _message(detail: ErrorDetails) -> str:
    kind, context, given = detail["type"], detail.get("ctx", {}), detail["input"]
    match kind:
        case "value_error":
            message = str(context["error"])
        case "literal_error" | "enum":
            message = _none_of(given, str(context["expected"]))
        case "string_pattern_mismatch":
            what = "key" if detail["loc"][-1:] == (KEY_MARK,) else "name"
            message = f"{_shown(given)} is no {what}: letters, digits, - and _, and a letter first"
            if context["pattern"] == SWITCH_NAME:
                message += "; sw1.20 is VLAN 20 of sw1"
        case "too_short" | "too_long":
            wanted = context["min_length" if kind == "too_short" else "max_length"]
            message = f"write {wanted} of them, not {context['actual_length']}"
        case "string_too_short":
            message = f"too short: write at least {context['min_length']} characters"
        case _ if kind in _BOUNDS:
            name, words = _BOUNDS[kind]
            message = f"{_shown(given)} is out of bounds: it must be {words} {_number(context[name])}"
        case _ if kind.partition("_")[0] in _KINDS:
            message = f"write {_KINDS[kind.partition('_')[0]]}, not {_shown(given)}"
        case _:
            message = detail["msg"][:1].lower() + detail["msg"][1:]
    return message


def _some(keys: tuple[str, ...]) -> str:
    """As many keys as a sentence bears; of a model with more of them the first."""
    listed = ", ".join(keys)
    return listed if len(listed) <= _MOST_SHOWN else ", ".join((*keys[:4], "..."))


def _number(bound: object) -> str:
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def _none_of(given: object, expected: str) -> str:
    """Pydantic writes the choices as ``'a', 'b' or 'c'``."""
    choices = [choice.strip(" '") for choice in expected.replace(" or ", ", ").split(", ")]
    return f"{_shown(given)} is not one of {', '.join(choices)}{closest(str(given), choices)}"


def _shown(given: object) -> str:
    match given:
        case None:
            return "nothing"
        case dict():
            return "keys and values"
        case list() | tuple():
            return "a list"
        case bool():
            return "true" if given else "false"
        case str() | int() | float():
            text = str(given)
            return f'"{text}"' if len(text) <= 60 else f"a text of {len(text)} characters"
        case _:
            return f"a {type(given).__name__}"


def _unknown_expectation(given: object) -> str:
    kinds = ", ".join(EXPECTATIONS)
    if not isinstance(given, dict):
        return f"an expectation is one of {kinds}, with its keys; not {_shown(given)}"
    hints = [hint for hint in (closest(str(key), EXPECTATIONS) for key in given) if hint]
    return f"this expects nothing: an expectation has one of the keys {kinds}{hints[0] if hints else ''}"


# --- which keys a place allows ------------------------------------------------------------------------------


def _keys(model: type[BaseModel], loc: Location) -> tuple[str, ...]:
    """The keys that the model at a location knows, its very own first; none of no model."""
    for found in _models(model, loc):
        fields = sorted(found.model_fields.items(), key=lambda field: field[0] not in found.__annotations__)
        return tuple(field.alias or name for name, field in fields)
    return ()


def _models(annotation: Any, loc: Location) -> Iterator[type[BaseModel]]:
    """The models that ``loc`` leads to, read from the annotations; more than one only below plain unions."""
    origin = get_origin(annotation)
    if origin is Annotated:
        arm, *marks = get_args(annotation)
        tags = [mark.tag for mark in marks if isinstance(mark, Tag)]
        if not tags or loc[:1] == (tags[0],):
            yield from _models(arm, loc[1:] if tags else loc)
    elif origin in {Union, UnionType}:
        for arm in get_args(annotation):
            yield from _models(arm, loc)
    elif origin in {dict, tuple}:
        if loc:
            value = get_args(annotation)[1] if origin is dict else get_args(annotation)[0]
            yield from _models(value, loc[1:])
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not loc:
            yield annotation
        for name, field in annotation.model_fields.items():
            if loc and loc[0] == (field.alias or name):
                yield from _models(field.annotation, loc[1:])
