"""Reading a profile's file: strict, with positions, and every mistake at once.

The form of a file: some words about the platform, ``sources`` (a short name for each document), and for every
setting ``{value: ..., source: NAME, verified: true | false}``, where the value of ``checks`` is a list. No
setting may be left out: a default that nobody wrote down would be a guess without a mark.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from harness.errors import Problem, ScenarioError
from harness.profiles.model import BehaviourClass, DataPlane, Habits, Profile, Provenance, QuerierDefaults
from harness.protocols.effects import Unregistered
from harness.protocols.snooping_config import (
    FloodUntil,
    GroupLimit,
    HeaderCheck,
    Lookup,
    RelayTo,
    TopologyChange,
)
from harness.source import Mapping, Node, Scalar, Sequence, Where, closest, read
from harness.source import duration as durations

FOLDER = Path(__file__).parent
SUFFIX = ".profile.yaml"
"""The end of the name of a user's own profile; those of this package are plain ``NAME.yaml``."""
MOST_GROUPS = 1_000_000
"""More than any table of a switch holds."""

_OWN_IS_EMULATED = "a profile of your own is emulated; "
_GENUINE = {
    DataPlane.LINUX_BRIDGE: _OWN_IS_EMULATED + "the kernel's bridge is the profile linux-bridge",
    DataPlane.OPENVSWITCH: _OWN_IS_EMULATED + "the genuine Open vSwitch is the profile ovs or ovs-strict",
}

_Choice = TypeVar("_Choice", bound=Enum)
Parse = Callable[[Scalar], object]
"""Makes a value of what stands in the file; raises ValueError with a sentence for its author."""


def _words(scalar: Scalar) -> str:
    if not isinstance(scalar.value, str) or not scalar.value.strip():
        raise ValueError("write some words")
    return " ".join(scalar.value.split())


def on_off(scalar: Scalar) -> bool:
    """What is switched on or off. Raises ValueError with a sentence for the author."""
    if scalar.text not in {"on", "off"}:
        message = f'"{scalar.text}" is neither on nor off'
        raise ValueError(message)
    return scalar.text == "on"


def _true_false(scalar: Scalar) -> bool:
    if not isinstance(scalar.value, bool):
        message = f'"{scalar.text}" is neither true nor false'
        raise ValueError(message)
    return scalar.value


def _seconds(scalar: Scalar) -> float:
    return durations.parse(scalar.value)


def _whole(lowest: int, highest: int) -> Parse:
    def parse(scalar: Scalar) -> int:
        value = scalar.value
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            message = f'"{scalar.text}" is no whole number from {lowest} to {highest}'
            raise ValueError(message)
        return value

    return parse


def _one_of(choices: type[_Choice]) -> Parse:
    def parse(scalar: Scalar) -> _Choice:
        words = tuple(str(choice.value) for choice in choices)
        if scalar.text not in words:
            message = f'"{scalar.text}" is not one of {", ".join(words)}{closest(scalar.text, words)}'
            raise ValueError(message)
        return choices(scalar.text)

    return parse


@dataclass(frozen=True, slots=True)
class ListOf:
    """Marks a setting that is a list, and says how each item is read."""

    one: Parse


Table = dict[str, tuple[str, Parse | ListOf]]
"""Key in the file: (field of Profile or QuerierDefaults, how it is read)."""

IDENTITY: Table = {
    "name": ("name", _words),
    "title": ("title", _words),
    "vendor": ("vendor", _words),
    "about": ("about", _words),
    "class": ("behaviour_class", _one_of(BehaviourClass)),
    "data_plane": ("data_plane", _one_of(DataPlane)),
    "habits": ("habits", _one_of(Habits)),
}

SETTINGS: Table = {
    "snooping": ("snooping", on_off),
    "mld_snooping": ("mld_snooping", on_off),
    "querier": ("querier", on_off),
    "querier_needs_address": ("querier_needs_address", _true_false),
    "querier_yields_to_router_port": ("querier_yields_to_router_port", _true_false),
    "unregistered": ("unregistered", _one_of(Unregistered)),
    "flood_until": ("flood_until", _one_of(FloodUntil)),
    "membership_interval": ("membership_interval_s", _seconds),
    "last_member_interval": ("last_member_interval_s", _seconds),
    "last_member_count": ("last_member_count", _whole(0, 10)),
    "fast_leave": ("fast_leave", on_off),
    "lookup": ("lookup", _one_of(Lookup)),
    "source_filtering": ("source_filtering", on_off),
    "any_source_in_ssm": ("any_source_in_ssm", _true_false),
    "most_groups": ("most_groups", _whole(0, MOST_GROUPS)),
    "most_groups_per_port": ("most_groups_per_port", _whole(0, MOST_GROUPS)),
    "above_most_groups": ("above_most_groups", _one_of(GroupLimit)),
    "checks": ("checks", ListOf(_one_of(HeaderCheck))),
    "router_port_interval": ("router_port_interval_s", _seconds),
    "learn_router_from_zero": ("learn_router_from_zero", _true_false),
    "learn_router_from_pim": ("learn_router_from_pim", _true_false),
    "relay_reports_to": ("relay_reports_to", _one_of(RelayTo)),
    "relay_records_to": ("relay_records_to", _one_of(RelayTo)),
    "report_suppression": ("report_suppression", on_off),
    "on_topology_change": ("on_topology_change", _one_of(TopologyChange)),
    "topology_change_queries": ("topology_change_queries", _whole(1, 10)),
}

QUERIER: Table = {
    "version": ("version", _whole(1, 3)),
    "query_interval": ("query_interval_s", _seconds),
    "max_response": ("max_response_s", _seconds),
    "robustness": ("robustness", _whole(1, 7)),
    "startup_interval": ("startup_interval_s", _seconds),
    "startup_count": ("startup_count", _whole(0, 10)),
    "other_querier_interval": ("other_querier_interval_s", _seconds),
    "zero_address_wins": ("zero_address_wins", _true_false),
    "start_delay": ("start_delay_s", _seconds),
}


def names() -> tuple[str, ...]:
    """The names of all profiles, in the order of the alphabet."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


@cache
def load(name: str) -> Profile:
    """A profile by its name. Raises ValueError, with the nearest name, when there is none of it."""
    known = names()
    if name not in known:
        message = f'"{name}" is no profile{closest(name, known) or "; there are: " + ", ".join(known)}'
        raise ValueError(message)
    return read_profile(FOLDER / f"{name}.yaml")


def is_file(name: str) -> bool:
    """Whether the name of a profile is the path of a user's own file."""
    return name.endswith(SUFFIX)


def read_profile(path: Path) -> Profile:
    """The profile in one file. Raises ScenarioError with every mistake in it.

    A user's own is emulated: the kernel's bridge does as the kernel does, whatever a file says.
    """
    root = read(path)
    if not isinstance(root, Mapping):
        raise ScenarioError((root.where.problem("a profile is a mapping of keys and values"),))
    checker = _Checker()
    checker.only_keys(root, (*IDENTITY, "sources", *SETTINGS, "querier_defaults"))
    identity = checker.plain(root, IDENTITY)
    checker.read_sources(root)
    settings = checker.settings(root, SETTINGS, "")
    querier = checker.querier(root)
    stem = path.name.removesuffix(SUFFIX) if is_file(path.name) else path.stem
    if identity.get("name", stem) != stem:
        checker.complain((root.get("name") or root).where, f'the name is that of the file: "{stem}"')
    if is_file(path.name) and (message := _GENUINE.get(identity.get("data_plane", DataPlane.EMULATED))):
        checker.complain((root.get("data_plane") or root).where, message)
    if not checker.problems:
        checker.refuse_idle_sources()
    if checker.problems:
        raise ScenarioError(tuple(checker.problems))
    return Profile(
        **identity,
        **settings,
        querier_defaults=QuerierDefaults(**querier),
        provenance=tuple(checker.provenance),
    )


@dataclass(slots=True, kw_only=True)
class _Checker:
    """Collects values, their origins and what is wrong with them."""

    problems: list[Problem] = field(default_factory=list)
    provenance: list[Provenance] = field(default_factory=list)
    sources: dict[str, tuple[Scalar, str]] = field(default_factory=dict)
    cited: set[str] = field(default_factory=set)

    def complain(self, where: Where, message: str) -> None:
        self.problems.append(where.problem(message))

    def only_keys(self, mapping: Mapping, known: tuple[str, ...]) -> None:
        for key, _ in mapping.entries:
            if key.text not in known:
                self.complain(key.where, f'unknown key "{key.text}"{closest(key.text, known)}')

    def plain(self, mapping: Mapping, known: Table) -> dict[str, Any]:
        values = {attribute: self._parsed(mapping, key, parse) for key, (attribute, parse) in known.items()}
        return {attribute: value for attribute, value in values.items() if value is not None}

    def settings(self, mapping: Mapping, known: Table, prefix: str) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, (attribute, parse) in known.items():
            setting = self._mapping(mapping, key)
            if setting is None:
                continue
            self.only_keys(setting, ("value", "source", "verified"))
            values[attribute] = self._parsed(setting, "value", parse)
            source = self._parsed(setting, "source", self._cite)
            verified = self._parsed(setting, "verified", _true_false)
            origin = Provenance(setting=prefix + key, source=str(source), verified=verified is True)
            self.provenance.append(origin)
        return values

    def querier(self, root: Mapping) -> dict[str, Any]:
        mapping = self._mapping(root, "querier_defaults")
        if mapping is None:
            return {}
        self.only_keys(mapping, tuple(QUERIER))
        return self.settings(mapping, QUERIER, "querier_defaults.")

    def read_sources(self, root: Mapping) -> None:
        mapping = self._mapping(root, "sources")
        for key, _ in mapping.entries if mapping is not None else ():
            assert mapping is not None
            self.sources[key.text] = (key, str(self._parsed(mapping, key.text, _words)))

    def refuse_idle_sources(self) -> None:
        for name, (key, _) in self.sources.items():
            if name not in self.cited:
                self.complain(key.where, f'nothing cites the source "{name}"')

    def _cite(self, scalar: Scalar) -> str:
        if scalar.text not in self.sources:
            message = f'"{scalar.text}" is not among the sources above{closest(scalar.text, self.sources)}'
            raise ValueError(message)
        self.cited.add(scalar.text)
        return self.sources[scalar.text][1]

    def _mapping(self, parent: Mapping, key: str) -> Mapping | None:
        node = self._present(parent, key)
        if node is None or isinstance(node, Mapping):
            return node
        self.complain(node.where, f'"{key}" is a mapping of keys and values')
        return None

    def _parsed(self, parent: Mapping, key: str, parse: Parse | ListOf) -> object:
        node = self._present(parent, key)
        if node is None:
            return None
        return self._list(node, key, parse.one) if isinstance(parse, ListOf) else self._one(node, key, parse)

    def _one(self, node: Node, key: str, parse: Parse) -> object:
        if not isinstance(node, Scalar):
            self.complain(node.where, f'"{key}" is one value, not a collection')
            return None
        try:
            return parse(node)
        except ValueError as error:
            self.complain(node.where, str(error))
            return None

    def _list(self, node: Node, key: str, parse: Parse) -> tuple[object, ...] | None:
        if not isinstance(node, Sequence):
            self.complain(node.where, f'"{key}" is a list; [] is an empty one')
            return None
        found = tuple(self._one(item, key, parse) for item in node.items)
        for index, (item, value) in enumerate(zip(node.items, found, strict=True)):
            if value is not None and value in found[:index]:
                self.complain(item.where, "this stands twice in the list")
        return found

    def _present(self, parent: Mapping, key: str) -> Node | None:
        node = parent.get(key)
        if node is None:
            self.complain(parent.where, f'"{key}" is missing')
        return node
