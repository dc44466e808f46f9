"""Paths: ``switches.*.querier`` names places of a scenario as it is written.

Parts are keys, with dots between. ``*`` is every key, or item, that there is; an item of a list is named by
its number (from 0) or by its ``name``. What stands under ``network`` may be named without it. Where names
stand, a setting that is no name is that setting of all of them: ``nodes.count`` is ``nodes.*.count``. A
setting that the file leaves out may be named, a switch that it does not have may not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.scenario.keys import holds_names, known_keys
from harness.source import Mapping, Node, Scalar, Sequence, closest

ANY = "*"
NETWORK = "network"
TOPOLOGY = "topology"
_FIXED = frozenset({"scenario", "source", "about", "role", "expect", "variants"})
"""Keys that change no network: what is expected is what the answers are asked for."""
_MOST_LISTED = 8

Loc = tuple[str | int, ...]


class PathError(ValueError):
    """A path leads nowhere; the message is a sentence for its author."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A path in parts, from the top of the scenario."""

    text: str
    parts: tuple[str, ...]

    @property
    def is_early(self) -> bool:
        """Whether it names parameters of the topology, which count before the network is filled in."""
        return self.parts[0] == TOPOLOGY

    def places(self, tree: Mapping) -> tuple[Loc, ...]:
        """Return every place in the tree that is meant, in the tree's order. Raises PathError for none."""
        return tuple(dict.fromkeys(_places(tree, (), self.parts)))


def parse(text: str) -> Path:
    """Return the path. Raises PathError when it cannot be one in any scenario."""
    parts = tuple(part.strip() for part in text.strip().split("."))
    if not all(parts):
        raise PathError(f'"{text}" is no path: write keys with dots between, such as switches.sw1.querier')
    top = tuple(key for key in known_keys(()) if key not in _FIXED)
    inside = known_keys((NETWORK,))
    if parts[0] in _FIXED:
        raise PathError(f'"{parts[0]}" cannot be varied; there are: {", ".join((*top, *inside))}')
    if parts[0] in top:
        return Path(text=text.strip(), parts=parts)
    if parts[0] in inside:
        return Path(text=text.strip(), parts=(NETWORK, *parts))
    known = (*top, *inside)
    guess = closest(parts[0], known) or f"; there are: {', '.join(known)}"
    raise PathError(f'a scenario has no "{parts[0]}"{guess}')


def _places(node: Node | None, loc: Loc, parts: tuple[str, ...]) -> Iterator[Loc]:
    if not parts:
        yield loc
        return
    part, rest = parts[0], parts[1:]
    children = _children(node)
    if part == ANY:
        if not children:
            raise PathError(f"{_name(loc)} has nothing in it that {ANY} could be")
        for name, child in children.items():
            yield from _places(child, (*loc, name), rest)
    elif (key := _key(node, part)) is not None:
        yield from _places(children[key], (*loc, key), rest)
    elif holds_names(loc) and children and part in known_keys((*loc, ANY)):
        yield from _places(node, loc, (ANY, *parts))
    elif part in known_keys(loc) or loc == (TOPOLOGY,):
        yield from _places(None, (*loc, part), rest)
    else:
        raise PathError(_unknown(loc, part, children))


def _children(node: Node | None) -> dict[str | int, Node]:
    match node:
        case Mapping():
            return {key.text: child for key, child in node.entries}
        case Sequence():
            return dict(enumerate(node.items))
        case _:
            return {}


def _key(node: Node | None, part: str) -> str | int | None:
    """Return the key or the number of the child that a part names; None if there is none."""
    match node:
        case Mapping():
            return part if node.get(part) is not None else None
        case Sequence():
            for number, item in enumerate(node.items):
                name = item.get("name") if isinstance(item, Mapping) else None
                if part == str(number) or (isinstance(name, Scalar) and name.text == part):
                    return number
    return None


def _unknown(loc: Loc, part: str, children: dict[str | int, Node]) -> str:
    """Say that there is no such place, and name the nearest that there is, or some."""
    missing, there = _name((*loc, part)), [str(key) for key in children] or list(known_keys(loc))
    known = (*there, *known_keys(loc), *(known_keys((*loc, ANY)) if holds_names(loc) else ()))
    near = closest(part, known)
    for key in known:
        if near == f'; did you mean "{key}"?':
            return f'there is no "{missing}"; did you mean "{_name((*loc, key))}"?'
    if not there:
        return f'there is no "{missing}": {_name(loc)} has nothing in it'
    listed = [_name((*loc, key)) for key in there[:_MOST_LISTED]]
    more = ", ..." if len(there) > len(listed) else ""
    return f'there is no "{missing}"; there are: {", ".join(listed)}{more}'


def _name(loc: Loc) -> str:
    """A place as a path is written; the network's without ``network``."""
    shown = loc[1:] if loc[:1] == (NETWORK,) and len(loc) > 1 else loc
    return ".".join(str(part) for part in shown) if shown else "the scenario"
