"""What is left of a tree with mistakes: enough to go on and look for mistakes of another kind.

A file may have a wrong value here and a name that stands for nothing there, and its author wants to see both
at once. So the wrong parts are cut out, the smallest that will do, until the rest has the right form. What is
left is never run. :class:`Doubts` says what can no longer be judged: a mistake that only follows from what
was cut would be an invention, so that in doubt it is not told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import ValidationError

from harness.scenario.model import Scenario
from harness.scenario.network import Nodes, Router, Switch
from harness.scenario.timeline import Step
from harness.source import Mapping, Node, Scalar, closest, path_of, to_data, without

_ROUNDS = 12
"""Cutting a value out may leave something without a key that it needs, which is the next round's."""
_STAND_INS = {
    "scenario": "missing",
    "source": "missing",
    "group": "239.255.255.250",
    "at": "0",
    "result": "all",
    "within": "0",
}
"""Values for keys that something cannot be without, so that the names beside them are still looked at."""
_COMPLETIONS = {"switch": ("querier", "none"), "load": ("at_most", "100%"), "heals": ("after", "0")}
"""What an expectation gets that as a whole says too little."""
_KINDS = {"network": "device", "topology": "device", "traffic": "stream", "timeline": "step"}
"""Section: what the names are for that are made in it."""
_DEVICES = {
    "switches": frozenset(Switch.model_fields),
    "bridges": frozenset(Switch.model_fields),
    "routers": frozenset(Router.model_fields),
    "nodes": frozenset(Nodes.model_fields),
}
"""Section of a network: the keys of its devices."""
_A_VLAN = 2
"""The length of ``vlans, 20``: the whole of a VLAN and not only a setting in it."""
_ORDER = ("network", "traffic", "timeline", "expect")
"""Each section is read with the ones before it."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """What cannot be judged in a tree that lost parts.

    ``lost`` are kinds of names (device, stream, step) of which any may be missing, ``names`` those that are
    missing or stand for less than they should, ``touched`` the sections that lost something, and ``altered``
    the lines and columns of expectations that did.
    """

    lost: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()
    altered: frozenset[tuple[int, int]] = frozenset()

    def about_name(self, kind: str, name: str) -> bool:
        """Whether a name may mean something that was cut: n with a count makes n1, with VLANs n1.20."""
        switch = name.partition(".")[0]
        return kind in self.lost or bool({name, switch, switch.rstrip("0123456789")} & self.names)

    def about(self, section: str, place: tuple[int, int], *, duration_written: bool) -> bool:
        """Whether a mistake in a section may only follow from what was cut.

        Expectations are independent of each other, but the duration follows from all if none is written.
        """
        if section not in _ORDER:
            return False
        before = _ORDER[: _ORDER.index(section) + (section != "expect")]
        if self.touched.intersection(before):
            return True
        return (
            section == "expect"
            and "expect" in self.touched
            and (not duration_written or place in self.altered)
        )

    def __or__(self, other: Doubts) -> Doubts:
        return Doubts(
            lost=self.lost | other.lost,
            names=self.names | other.names,
            touched=self.touched | other.touched,
            altered=self.altered | other.altered,
        )


NO_NETWORK = Doubts(lost=frozenset({"device"}), touched=frozenset({"network"}))
"""Where a topology could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """A scenario of the right form, its tree, and what cannot be judged in it."""

    scenario: Scenario
    tree: Mapping
    doubts: Doubts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Repair:
    """A key with a stand-in to put in at ``path``, or else the part at ``path`` to cut out."""

    path: Path
    put: tuple[str, str] | None = field(default=None)

    @property
    def order(self) -> tuple[tuple[tuple[int, int | str], ...], bool]:
        """Later items of a list first, so that the indexes of earlier ones stay right; deeper parts first."""
        parts = ((0, -part) if isinstance(part, int) else (1, part) for part in self.path)
        return ((*parts, (2, "")), self.put is None)


def salvage(tree: Mapping, doubts: Doubts) -> Remains | None:
    """The rest of a tree whose form is wrong, or None if nothing is left. ``doubts`` are there already."""
    rest: Mapping = tree
    for _ in range(_ROUNDS):
        try:
            return Remains(scenario=Scenario.model_validate(to_data(rest)), tree=rest, doubts=doubts)
        except ValidationError as error:
            details = error.errors(include_url=False)
        repairs = {_repair(rest, detail["loc"], detail["type"]) for detail in details}
        for repair in sorted(repairs, key=lambda repair: repair.order):
            if repair.put is None and not repair.path:
                return None
            doubts |= doubts_without(rest, repair.path)
            rest = _repaired(rest, repair)
    return None


def _repair(tree: Mapping, loc: Path, kind: str) -> _Repair:
    path = path_of(tree, loc)
    if kind == "missing":
        while path and not isinstance(_at(tree, path), Mapping):
            path = path[:-1]  # the tag of a union that happens to be a key
        key = str(loc[-1])
        return _Repair(path=path, put=(key, _STAND_INS[key]) if key in _STAND_INS else None)
    if kind == "value_error" and len(loc) == 3 and loc[0] == "expect" and loc[2] in _COMPLETIONS:
        key, text = _COMPLETIONS[str(loc[2])]
        whole = path[:2]
        item = _at(tree, whole)
        if isinstance(item, Mapping) and item.get(key) is None:
            return _Repair(path=whole, put=(key, text))
        return _Repair(path=whole)
    return _Repair(path=path)


def _repaired(tree: Mapping, repair: _Repair) -> Mapping:
    try:
        rest = without(tree, repair.path) if repair.put is None else _with(tree, repair.path, repair.put)
    except (KeyError, IndexError):  # it went with a part around it
        return tree
    if not isinstance(rest, Mapping):
        raise AssertionError("a mapping stays a mapping")
    return rest


def _with(node: Node, path: Path, put: tuple[str, str]) -> Node:
    """The tree with a key and its text added to the mapping at ``path``. KeyError if there is none."""
    if path and isinstance(node, Mapping):
        entries = tuple(
            (key, _with(value, path[1:], put) if key.text == path[0] else value)
            for key, value in node.entries
        )
        return Mapping(entries=entries, where=node.where)
    if path and not isinstance(node, Scalar) and isinstance(path[0], int) and not isinstance(node, Mapping):
        items = (
            _with(item, path[1:], put) if index == path[0] else item for index, item in enumerate(node.items)
        )
        return type(node)(items=tuple(items), where=node.where)
    if path or not isinstance(node, Mapping):
        raise KeyError(path)
    key, value = (Scalar(value=text, text=text, where=node.where) for text in put)
    return Mapping(entries=(*node.entries, (key, value)), where=node.where)


def doubts_of(tree: Mapping) -> Doubts:
    """What cannot be judged for what is wrong in a tree that may be incomplete: the base of variants."""
    doubts = Doubts()
    try:
        Scenario.model_validate(to_data(tree))
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            path = path_of(tree, detail["loc"])
            if path and detail["type"] != "missing":
                doubts |= doubts_without(tree, path)
    return doubts


def doubts_without(tree: Mapping, path: Path) -> Doubts:
    """What cannot be judged when the part at ``path`` of a tree is cut out or replaced."""
    doubts = Doubts()
    match path:
        case ("network" | "topology" | "traffic" | "timeline" as section, *below) if not below:
            touched = "network" if section == "topology" else section
            doubts = Doubts(lost=frozenset({_KINDS[section]}), touched=frozenset({touched}))
        case ("network", *below):
            doubts = _in_network(tree, tuple(below))
        case ("traffic", str(name), *below):
            names = frozenset() if below else frozenset({name})
            doubts = Doubts(names=names, touched=frozenset({"traffic"}))
        case ("timeline", int(index), *below):
            doubts = _in_step(_at(tree, ("timeline", index)), tuple(below))
        case ("expect", int(index), *_):
            item = _at(tree, ("expect", index))
            places = frozenset() if item is None else frozenset({(item.where.line, item.where.column)})
            doubts = Doubts(touched=frozenset({"expect"}), altered=places)
        case ("expect" | "duration",):
            doubts = Doubts(touched=frozenset({"expect"}))
        case (str(name),) if name not in Scenario.model_fields:
            doubts = _of_unknown(tree, name)
    return doubts


def _in_network(tree: Mapping, below: Path) -> Doubts:
    touched = frozenset({"network"})
    match below:
        case (str(section),) if section in _DEVICES:
            return Doubts(lost=frozenset({"device"}), touched=touched)
        case (str(section),):
            return Doubts(names=frozenset(_names(_at(tree, ("network", section)))), touched=touched)
        case (str(section), str(name), *inside) if section in _DEVICES:
            # an unknown key may have been meant as a count; without its VLANs a switch stands for less
            vlans = inside[:1] == ["vlans"] and len(inside) <= _A_VLAN
            whole = not inside or inside == ["count"] or vlans or inside[0] not in _DEVICES[section]
            return Doubts(names=frozenset({name} if whole else ()), touched=touched)
        case _:
            return Doubts(touched=touched)


def _in_step(step: Node | None, below: Path) -> Doubts:
    """A step that is cut takes its name along; where that cannot be read it may be any."""
    touched = frozenset({"timeline"})
    name = step.get("name") if isinstance(step, Mapping) else None
    match below:
        case () if isinstance(step, Mapping) and name is None:
            return Doubts(touched=touched)
        case () if isinstance(name, Scalar):
            return Doubts(names=frozenset({name.text}), touched=touched)
        case () | ("name",):
            return Doubts(lost=frozenset({"step"}), touched=touched)
        case (str(key),) if key not in Step.model_fields and closest(key, ("name",)):
            return Doubts(lost=frozenset({"step"}), touched=touched)
        case _:
            return Doubts(touched=touched)


def _of_unknown(tree: Mapping, name: str) -> Doubts:
    """An unknown key at the top may be meant as any section that is not there."""
    node = tree.get(name)
    absent = {section for section in _KINDS if tree.get(section) is None}
    if not absent >= {"network", "topology"} and not closest(name, absent & {"network", "topology"}):
        absent -= {"network", "topology"}  # one of them is enough
    touched = {"network" if section == "topology" else section for section in absent}
    if not isinstance(node, Scalar):
        touched.add("network")
    return Doubts(
        lost=frozenset(_KINDS[section] for section in absent),
        names=frozenset(_names(node)),
        touched=frozenset(touched),
    )


def _names(node: Node | None) -> Iterator[str]:
    """Everything below that could be a name: keys, and texts of the key ``name``."""
    match node:
        case Mapping():
            for key, value in node.entries:
                yield key.text
                if key.text == "name" and isinstance(value, Scalar):
                    yield value.text
                yield from _names(value)
        case None | Scalar():
            return
        case _:
            for item in node.items:
                yield from _names(item)


def _at(tree: Node, path: Path) -> Node | None:
    node: Node | None = tree
    for part in path:
        match node:
            case Mapping():
                node = node.get(str(part))
            case None | Scalar():
                return None
            case _:
                node = node.items[part] if isinstance(part, int) and part < len(node.items) else None
    return node
