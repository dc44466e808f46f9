"""Trees made from trees: a variant merged over its base, parameters put in their places.

Both are pure, and every node keeps the position of the file that it came from, so that a mistake in a
variant is shown in the variant. Merging follows JSON Merge Patch (RFC 7396), except for lists that append.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence as AnySequence
from typing import assert_never

from harness.errors import Problem, ScenarioError
from harness.source.node import Mapping, Node, Scalar, ScalarValue, Sequence
from harness.source.words import closest

APPENDED = frozenset({"timeline", "expect"})
"""The lists of a scenario that a variant adds to; all others it replaces."""

_PARAMETER = re.compile(r"\$\{([^{}]*)\}")


def merge(base: Node, change: Node, *, append: frozenset[str] = APPENDED) -> Node:
    """``change`` over ``base``.

    Mappings merge key by key; a list whose key at the top level is in ``append`` is added to the base's list;
    every other value replaces; an explicit null deletes the key. A change that is null changes nothing.
    """
    if isinstance(change, Scalar) and change.value is None:
        return base
    return _merge(base, change, append)


def _merge(base: Node | None, change: Node, append: frozenset[str]) -> Node:
    if not isinstance(change, Mapping):
        return change
    entries: dict[str, tuple[Scalar, Node]] = {}
    if isinstance(base, Mapping):
        entries = {key.text: (key, value) for key, value in base.entries}
    for key, value in change.entries:
        old = entries.get(key.text)
        if isinstance(value, Scalar) and value.value is None:
            entries.pop(key.text, None)
        elif key.text in append and old and isinstance(old[1], Sequence) and isinstance(value, Sequence):
            joined = Sequence(items=old[1].items + value.items, where=old[1].where)
            entries[key.text] = (old[0], joined)
        else:
            merged = _merge(old[1] if old else None, value, frozenset())
            both = old is not None and isinstance(old[1], Mapping) and isinstance(value, Mapping)
            entries[key.text] = (old[0] if old is not None and both else key, merged)
    where = base.where if isinstance(base, Mapping) else change.where
    return Mapping(entries=tuple(entries.values()), where=where)


def put(node: Node, path: AnySequence[str | int], value: Node) -> Node:
    """The tree with ``value`` at ``path``; mappings on the way that are missing are made.

    A null takes a key away, as in a merge. What is neither a mapping nor a list gives way to a mapping.
    IndexError for an item that a list does not have, KeyError for a key of a list.
    """
    if not path:
        return value
    part, rest = path[0], path[1:]
    match node, part:
        case Sequence(), int():
            items = (*node.items[:part], put(node.items[part], rest, value), *node.items[part + 1 :])
            return Sequence(items=items, where=node.where)
        case Sequence(), _:
            raise KeyError(part)
        case _:
            return _put_key(node, str(part), rest, value)


def _put_key(node: Node, name: str, rest: AnySequence[str | int], value: Node) -> Node:
    old = node if isinstance(node, Mapping) else Mapping(entries=(), where=value.where)
    if not rest and isinstance(value, Scalar) and value.value is None:
        kept = tuple((key, child) for key, child in old.entries if key.text != name)
        return Mapping(entries=kept, where=old.where)
    below = old.get(name) or Mapping(entries=(), where=value.where)
    entries = {key.text: (key, child) for key, child in old.entries}
    key = old.key(name) or Scalar(value=name, text=name, where=value.where)
    entries[name] = (key, put(below, rest, value))
    return Mapping(entries=tuple(entries.values()), where=old.where)


def substitute(node: Node, parameters: AnyMapping[str, ScalarValue]) -> Node:
    """``${name}`` replaced in every scalar and key.

    A scalar that is nothing but ``${name}`` takes the parameter's value with its type; inside other text,
    and in keys, it becomes text. Raises ScenarioError with every name that is not a parameter.
    """
    problems: list[Problem] = []
    result = _substitute(node, parameters, problems)
    if problems:
        raise ScenarioError(tuple(problems))
    return result


def _substitute(node: Node, parameters: AnyMapping[str, ScalarValue], problems: list[Problem]) -> Node:
    match node:
        case Scalar():
            return _scalar(node, parameters, problems)
        case Sequence():
            items = tuple(_substitute(item, parameters, problems) for item in node.items)
            return Sequence(items=items, where=node.where)
        case Mapping():
            entries: dict[str, tuple[Scalar, Node]] = {}
            for old_key, old_value in node.entries:
                key = _scalar(old_key, parameters, problems)
                key = Scalar(value=key.text, text=key.text, where=key.where)
                if key.text in entries:
                    problems.append(key.where.problem(f'"{key.text}" is here a second time'))
                entries[key.text] = (key, _substitute(old_value, parameters, problems))
            return Mapping(entries=tuple(entries.values()), where=node.where)
        case _:
            assert_never(node)


def _scalar(scalar: Scalar, parameters: AnyMapping[str, ScalarValue], problems: list[Problem]) -> Scalar:
    if not isinstance(scalar.value, str) or "${" not in scalar.value:
        return scalar
    unknown = [name for name in _PARAMETER.findall(scalar.value) if name.strip() not in parameters]
    for name in unknown:
        hint = closest(name, parameters) or _listed(parameters)
        problems.append(scalar.where.problem(f'"{name.strip()}" is no parameter{hint}'))
    if "${" in _PARAMETER.sub("", scalar.value):
        problems.append(scalar.where.problem('"${" without its "}": write ${name}'))
        return scalar
    if unknown:
        return scalar
    whole = _PARAMETER.fullmatch(scalar.value)
    if whole is not None:
        value = parameters[whole[1].strip()]
        return Scalar(value=value, text=_text(value), where=scalar.where)
    text = _PARAMETER.sub(lambda match: _text(parameters[match[1].strip()]), scalar.value)
    return Scalar(value=text, text=text, where=scalar.where)


def _text(value: ScalarValue) -> str:
    """A value as YAML writes it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def _listed(parameters: AnyMapping[str, ScalarValue]) -> str:
    return f"; there are: {', '.join(sorted(parameters))}" if parameters else "; there are none"
