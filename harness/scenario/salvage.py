"""What is left of a tree with mistakes: enough to go on and look for mistakes of another kind.

A file may have a wrong value here and a name that stands for nothing there, and its author wants to see both
at once. So the wrong parts are cut out, the smallest that will do, until the rest has the right form. What is
left is never run. ``Remains.unsure`` names what lost a part: nothing can be said of names that lean on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from harness.scenario.model import Scenario
from harness.source import Mapping, Node, Scalar, path_of, to_data, without

_ROUNDS = 8
"""Cutting a value out may leave something without a key that it needs, which goes in the next round."""
_NAMED = frozenset({"network", "traffic"})
"""Where names are made: network.nodes.n, traffic.totem. A step of the timeline is named by its own key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """A scenario of the right form, its tree, and the names that lost a part of what they stand for."""

    scenario: Scenario
    tree: Mapping
    unsure: frozenset[str]


def salvage(tree: Mapping) -> Remains | None:
    """The rest of a tree whose form is wrong, or None if nothing useful is left."""
    unsure: set[str] = set()
    rest: Mapping = tree
    for _ in range(_ROUNDS):
        try:
            return Remains(
                scenario=Scenario.model_validate(to_data(rest)), tree=rest, unsure=frozenset(unsure)
            )
        except ValidationError as error:
            paths = {_wrong_part(rest, detail["loc"], detail["type"]) for detail in error.errors()}
        for path in sorted(paths, key=_from_the_end):
            cut = _cut(rest, path, unsure)
            if cut is None:
                return None
            rest = cut
    return None


def _from_the_end(path: tuple[str | int, ...]) -> tuple[tuple[int, int | str], ...]:
    """Later items of a list first, so that the indexes of earlier ones stay right; longer paths first."""
    return (*((0, -part) if isinstance(part, int) else (1, part) for part in path), (2, ""))


def _wrong_part(tree: Mapping, loc: tuple[str | int, ...], kind: str) -> tuple[str | int, ...]:
    """The path of what must go: the wrong value, or all of what lacks a key."""
    path = path_of(tree, loc)
    return (*path, str(loc[-1])) if kind == "missing" and not path else path


def _cut(tree: Mapping, path: tuple[str | int, ...], unsure: set[str]) -> Mapping | None:
    if not path:
        return None
    if len(path) == 1 and tree.get(str(path[0])) is None:
        return _with_text(tree, str(path[0]))
    try:
        unsure.update(_names_below(tree, path))
        rest = without(tree, path)
    except (KeyError, IndexError):  # it went with a part around it
        return tree
    return rest if isinstance(rest, Mapping) else None


def _with_text(tree: Mapping, name: str) -> Mapping:
    """The tree with a key at its top that was missing."""
    text = Scalar(value="missing", text="missing", where=tree.where)
    key = Scalar(value=name, text=name, where=tree.where)
    return Mapping(entries=(*tree.entries, (key, text)), where=tree.where)


def _names_below(tree: Mapping, path: tuple[str | int, ...]) -> set[str]:
    """The names whose meaning is in doubt without the part at ``path``."""
    names = {str(part) for part in path if isinstance(part, str)} if path[0] in _NAMED else set()
    node: Node | None = tree
    for part in path:
        if isinstance(node, Mapping):
            node = node.get(str(part))
        elif node is not None and not isinstance(node, Scalar) and isinstance(part, int):
            node = node.items[part]
        if isinstance(node, Mapping) and (step := node.get("name")) is not None and isinstance(step, Scalar):
            names.add(step.text)
    return names | (_keys(node) if path[0] in _NAMED else set())


def _keys(node: Node | None) -> set[str]:
    return {key.text for key, _ in node.entries} if isinstance(node, Mapping) else set()
