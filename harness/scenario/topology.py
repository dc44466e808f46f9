"""Topology files: found by name beside the scenario or above it, checked, and filled with parameters.

The result is a tree like the one under ``network:`` in a scenario, whose values stand in the topology's file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from harness.errors import Problem, ScenarioError
from harness.scenario import mistakes
from harness.scenario.model import Topology
from harness.source import Mapping, Node, Scalar, ScalarValue, closest, read, substitute, to_data

SUFFIX = ".topology.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """The key ``topology:`` of a scenario: which file, and the parameters that it sets."""

    name: Scalar
    settings: tuple[tuple[Scalar, Node], ...]


def use_as_mapping(node: Node) -> Node:
    """``topology: chain`` in its long form ``topology: {use: chain}``, to which a variant can add."""
    if not isinstance(node, Scalar):
        return node
    key = Scalar(value="use", text="use", where=node.where)
    return Mapping(entries=((key, node),), where=node.where)


def network(node: Node, scenario: Path) -> Mapping:
    """The network that ``topology:`` stands for. Raises ScenarioError with every mistake that was found."""
    use = _use(node)
    path = as_seen(_path(use.name, scenario))
    tree = read(path)
    try:
        topology = Topology.model_validate(to_data(tree))
    except ValidationError as error:
        raise ScenarioError(mistakes.problems(error, tree, Topology)) from error
    values = _values(use, topology, path)
    place = tree.get("network") if isinstance(tree, Mapping) else None
    filled = None if place is None else substitute(place, values)
    if not isinstance(filled, Mapping):
        raise AssertionError("pydantic has seen that the network is a mapping")
    return filled


def _use(node: Node) -> Use:
    if not isinstance(node, Mapping):
        raise ScenarioError((node.where.problem('write a topology\'s name, or "use: name" and parameters'),))
    name = node.get("use")
    if name is None:
        raise ScenarioError((node.where.problem('missing key "use": the name of the topology'),))
    if not isinstance(name, Scalar) or not isinstance(name.value, str) or not name.value.strip():
        raise ScenarioError((name.where.problem("write the name of a topology"),))
    settings = tuple((key, value) for key, value in node.entries if key.text != "use")
    return Use(name=name, settings=settings)


def _path(name: Scalar, scenario: Path) -> Path:
    text = name.text.strip()
    if "/" in text or text.endswith(".yaml"):
        path = scenario.parent / text
        if "\0" in text or not path.is_file():
            raise ScenarioError((name.where.problem(f'there is no file "{text}"'),))
        return path
    there = {path.name.removesuffix(SUFFIX): path for path in reversed(tuple(_shipped(scenario)))}
    if text not in there:
        hint = closest(text, there) or (f"; there are: {', '.join(sorted(there))}" if there else "")
        message = f'no topology "{text}" in a folder "topologies" here or above{hint}'
        raise ScenarioError((name.where.problem(message),))
    return there[text]


def as_seen(path: Path) -> Path:
    """The path as a person would write it here: relative, if the file is below the current folder."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _shipped(scenario: Path) -> Iterator[Path]:
    """All topology files that a name can mean, the nearest first."""
    for folder in scenario.absolute().parents:
        yield from sorted((folder / "topologies").glob(f"*{SUFFIX}"))


def _values(use: Use, topology: Topology, path: Path) -> dict[str, ScalarValue]:
    """Every parameter's value: the scenario's, else the topology's own."""
    problems: list[Problem] = []
    values: dict[str, ScalarValue] = dict(topology.parameters)
    for name, default in topology.parameters.items():
        if not isinstance(default, str | int | float):
            message = f'the parameter "{name}" needs a default: a number or a text'
            raise ScenarioError((Problem(file=path, line=1, column=1, message=message),))
    for key, node in use.settings:
        if key.text not in values:
            known = f"; there are: {', '.join(values)}" if values else "; it has none"
            hint = closest(key.text, values) or known
            message = f'"{key.text}" is no parameter of {use.name.text}{hint}'
            problems.append(key.where.problem(message))
        elif not isinstance(node, Scalar) or not _alike(node.value, values[key.text]):
            message = f'"{key.text}" is {_kind(values[key.text])} (as its default {values[key.text]})'
            problems.append(node.where.problem(message))
        else:
            values[key.text] = node.value
    if problems:
        raise ScenarioError(tuple(problems))
    return values


def _alike(value: ScalarValue, default: ScalarValue) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, str):
        return value is not None
    if isinstance(default, int):
        return isinstance(value, int)
    return isinstance(value, int | float)


def _kind(default: ScalarValue) -> str:
    match default:
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case _:
            return "a text"
