"""The tree that a YAML file becomes: plain values that remember where they stand.

Nothing here reads a file or knows what a scenario is. Every node carries the file, line and column of its
first character, so that whoever finds a mistake later, however deep, can point at it.
"""

from __future__ import annotations

from collections.abc import Sequence as AnySequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from harness.errors import Problem

ScalarValue = str | int | float | bool | None
Data = ScalarValue | list["Data"] | dict[str, "Data"]
"""Plain Python data, as a JSON document would give."""

KEY_MARK = "[key]"
"""How pydantic ends the location of a mistake that is in a key and not in its value."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Where:
    """A place in a file; line and column count from 1."""

    file: Path
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def problem(self, message: str) -> Problem:
        """A mistake at this place."""
        return Problem(file=self.file, line=self.line, column=self.column, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """One value: ``value`` by the core rules of YAML 1.2, ``text`` as it was written (without quotes)."""

    value: ScalarValue
    text: str
    where: Where


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """Keys and their nodes, in the order of the file. Keys are text and unique."""

    entries: tuple[tuple[Scalar, Node], ...]
    where: Where

    def get(self, name: str) -> Node | None:
        """The node under a key, or None."""
        return next((node for key, node in self.entries if key.text == name), None)

    def key(self, name: str) -> Scalar | None:
        """The key itself, for its position, or None."""
        return next((key for key, _ in self.entries if key.text == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """Items in the order of the file."""

    items: tuple[Node, ...]
    where: Where


Node = Scalar | Mapping | Sequence


def to_data(node: Node) -> Data:
    """Plain dicts, lists and scalars, without positions."""
    match node:
        case Scalar():
            return node.value
        case Mapping():
            return {key.text: to_data(value) for key, value in node.entries}
        case Sequence():
            return [to_data(item) for item in node.items]
        case _:
            assert_never(node)


def find(node: Node, loc: AnySequence[str | int], *, key: bool = False) -> Where:
    """Where the deepest part of ``loc`` stands that exists in the tree.

    Parts that match nothing are passed over, such as the union tags in pydantic's locations; where a tag
    happens to be a key as well, the reading that gets further along ``loc`` is taken. ``key`` asks for the
    place of the last key instead of its value.
    """
    wants_key = key or (bool(loc) and loc[-1] == KEY_MARK)
    return _deepest(node, node.where, loc, 0, wants_key).place


def path_of(node: Node, loc: AnySequence[str | int]) -> tuple[str | int, ...]:
    """The keys and indexes that lead to the place which ``find`` finds."""
    return _deepest(node, node.where, loc, 0, wants_key=False).path


def without(node: Node, path: AnySequence[str | int]) -> Node:
    """The tree without the value at ``path`` (with its key). KeyError or IndexError if there is none."""
    part, rest = path[0], path[1:]
    match node, part:
        case Mapping(), str():
            if node.get(part) is None:
                raise KeyError(part)
            kept = (
                (key, value) if key.text != part else (key, without(value, rest))
                for key, value in node.entries
                if rest or key.text != part
            )
            return Mapping(entries=tuple(kept), where=node.where)
        case Sequence(), int():
            item = (without(node.items[part], rest),) if rest else ()
            return Sequence(items=(*node.items[:part], *item, *node.items[part + 1 :]), where=node.where)
        case _:
            raise KeyError(part)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A reading of a location: the last of its parts that matched and how many did, and where that leads."""

    rank: tuple[int, int]
    place: Where
    path: tuple[str | int, ...] = ()


def _deepest(node: Node, place: Where, loc: AnySequence[str | int], at: int, wants_key: bool) -> _Reading:
    """The best reading of ``loc[at:]``."""
    best = _Reading((at, 0), place)
    for index in range(at, len(loc)):
        step = _child(node, loc[index], wants_key)
        if step is not None:
            child, child_place = step
            below = _deepest(child, child_place, loc, index + 1, wants_key)
            last, matched = below.rank
            found = _Reading((last, matched + 1), below.place, (loc[index], *below.path))
            best = max(best, found, key=lambda reading: reading.rank)
        if isinstance(loc[index], int):
            break  # a number is never a tag: what does not match it is not in the tree
    return best


def _child(node: Node, part: str | int, wants_key: bool) -> tuple[Node, Where] | None:
    match node, part:
        case Mapping(), str():
            for key, value in node.entries:
                if key.text == part:
                    return value, key.where if wants_key else value.where
        case Sequence(), int() if 0 <= part < len(node.items):
            item = node.items[part]
            return item, item.where
    return None
