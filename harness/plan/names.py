"""The names of a scenario's devices, and the mistakes that are made with names.

``n`` with count 3 is n1, n2 and n3; wherever names of nodes are listed, ``n`` then stands for all three.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.errors import Problem, ScenarioError
from harness.scenario.loader import LoadedVariant
from harness.scenario.network import MOST_NODES, MOST_SWITCHES, Network
from harness.source import closest

RESERVED = frozenset({"all", "none", "members", "non-members", "router-ports"})
"""Words that stand where names of nodes stand."""

Loc = tuple[str | int, ...]


class Mistakes:
    """Collects the mistakes of one variant, so that its author sees all of them at once."""

    def __init__(self, variant: LoadedVariant) -> None:
        self._variant = variant
        self._found: list[Problem] = []
        self._count = 0

    def __len__(self) -> int:
        """How many mistakes there are, told or not."""
        return self._count

    def add(self, loc: Loc, message: str, *, key: bool = False, certain: bool = False) -> None:
        """A mistake in the value at ``loc`` (or in its key).

        Of a variant that lost parts of a wrong form it is told only if it cannot come from what is missing,
        which the caller says (``certain``) or the order in which the sections are read.
        """
        self._count += 1
        if certain or not self._may_follow(loc):
            self._found.append(self._variant.where(loc, key=key).problem(message))

    def add_all(self, loc: Loc, found: Iterable[tuple[str, str]]) -> None:
        """Mistakes in the values of keys at ``loc``: (key, message) each."""
        for key, message in found:
            self.add((*loc, key), message)

    def add_told(self) -> None:
        """A mistake that was told when the file was read; what follows from it is none."""
        self._count += 1

    def add_unknown(self, loc: Loc, kind: str, name: str, known: Iterable[str]) -> None:
        """A name that means nothing, told with the nearest that does."""
        self._count += 1
        doubts = self._variant.doubts
        made_as = kind if kind in {"stream", "step"} else "device"
        if doubts is None or not doubts.about_name(made_as, name):
            self._found.append(self._variant.where(loc).problem(_unknown(kind, name, known)))

    def _may_follow(self, loc: Loc) -> bool:
        """Whether a mistake may only be there because parts were cut out."""
        doubts = self._variant.doubts
        if doubts is None:
            return False
        place = self._variant.where(loc[:2])
        written = self._variant.scenario.duration is not None
        return doubts.about(str(loc[0]), (place.line, place.column), duration_written=written)

    def raise_all(self) -> None:
        """Raise ScenarioError if there was any."""
        if self._count:
            raise ScenarioError(tuple(self._found))


def domain_name(switch: str, vlan: int | None) -> str:
    """``sw1.20`` for VLAN 20 of sw1, ``sw1`` for a switch without VLANs. Written names have no dots."""
    return switch if vlan is None else f"{switch}.{vlan}"


def chassis_of(name: str) -> str:
    """The switch itself, sw1, of ``sw1.20`` or ``sw1``."""
    return name.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """All devices by kind, in the order of the file; ``several`` is what a name with a count stands for.

    ``levels`` are the switches by entry of the file, ``vlans`` the VLANs of those that have some.
    """

    switches: tuple[str, ...]
    nodes: tuple[str, ...]
    routers: tuple[str, ...]
    several: dict[str, tuple[str, ...]] = field(default_factory=dict)
    levels: tuple[tuple[str, ...], ...] = ()
    vlans: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Nodes, then routers."""
        return self.nodes + self.routers

    @property
    def domains(self) -> tuple[str, ...]:
        """Every broadcast domain: a switch without VLANs (sw1), or each VLAN of one with some (sw1.20)."""
        return tuple(domain for switch in self.switches for domain in self.domains_of(switch))

    def domains_of(self, switch: str) -> tuple[str, ...]:
        """The broadcast domains of a switch, in the order of its VLANs."""
        return tuple(domain_name(switch, vlan) for vlan in self.vlans.get(switch, (None,)))

    def expanded(self, name: str, among: tuple[str, ...]) -> tuple[str, ...]:
        """The devices that a name stands for, or none if it is not one of ``among``."""
        if name in among:
            return (name,)
        group = self.several.get(name, ())
        return group if group and set(group) <= set(among) else ()

    def who(
        self, who: tuple[str, ...], loc: Loc, mistakes: Mistakes, *, everyone: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Hosts by name; "all" is ``everyone``, "-name" an exception from it. Each once, in order."""
        chosen: dict[str, None] = {}
        for index, word in enumerate(who):
            name = word.removeprefix("-")
            if word == "all":
                chosen.update(dict.fromkeys(everyone))
                continue
            hosts = self.expanded(name, self.hosts)
            if not hosts:
                mistakes.add_unknown((*loc, index), "node", name, (*self.hosts, *self.several))
            for host in hosts:
                if word.startswith("-"):
                    chosen.pop(host, None)
                else:
                    chosen[host] = None
        return tuple(chosen)

    def known(self, kind: str, name: str, among: tuple[str, ...], loc: Loc, mistakes: Mistakes) -> bool:
        """Whether a name is one of ``among``; if not, that is a mistake."""
        if name in among:
            return True
        if several := self.expanded(name, among):
            mistakes.add(
                loc, f"{name} is {', '.join(several[:3])}{', ...' * (len(several) > 3)}: name one of them"
            )
        else:
            mistakes.add_unknown(loc, kind, name, among)
        return False


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """The sentence about a name that means nothing, with the nearest that does."""
    names = tuple(known)
    listed = f"; there are: {', '.join(names)}" if 0 < len(names) <= 8 else ""
    return f'no {kind} "{name}"{closest(name, names) or listed or "; there are none" * (not names)}'


def read_names(network: Network, mistakes: Mistakes) -> Names:
    """The names of all devices. Two devices of one name are a mistake."""
    vlans: dict[str, tuple[int, ...]] = {}
    several: dict[str, tuple[str, ...]] = {}
    taken: dict[str, str] = {}

    def expand(section: str, name: str, count: int | None) -> tuple[str, ...]:
        if name in RESERVED:
            message = f'"{name}" means something else: choose another name'
            mistakes.add(("network", section, name), message, key=True, certain=True)
        names = (name,) if count is None else tuple(f"{name}{number}" for number in range(1, count + 1))
        if count is not None:
            several[name] = names
        for new in names:
            if new in taken:
                mistakes.add(
                    ("network", section, name), f'a second device "{new}": {taken[new]} has one too', key=True
                )
            taken[new] = f"{section}: {name}"
        return names

    levels: list[tuple[str, ...]] = []
    _check_numbers(network, mistakes)
    for section, devices in (("switches", network.switches), ("bridges", network.bridges)):
        for name, one in devices.items():
            made = expand(section, name, one.count)
            levels.append(made)
            if one.vlans:
                vlans.update(dict.fromkeys(made, tuple(one.vlans)))
                ids = one.vlans if one.count else ()
                several.update({f"{name}.{vlan}": tuple(f"{new}.{vlan}" for new in made) for vlan in ids})
    routers = [new for name in network.routers for new in expand("routers", name, None)]
    nodes = [new for name, one in network.nodes.items() for new in expand("nodes", name, one.count)]
    return Names(
        switches=tuple(name for level in levels for name in level),
        nodes=tuple(nodes),
        routers=tuple(routers),
        several=several,
        levels=tuple(levels),
        vlans=vlans,
    )


def _check_numbers(network: Network, mistakes: Mistakes) -> None:
    """More devices than can be planned end the reading: nobody wants to wait for their other mistakes."""
    nodes = sum(one.count or 1 for one in network.nodes.values())
    devices = (*network.switches.values(), *network.bridges.values())
    switches = sum((one.count or 1) * len(one.vlans or (None,)) for one in devices)
    if nodes > MOST_NODES:
        mistakes.add(("network", "nodes"), f"{nodes} nodes; at most {MOST_NODES} can be planned")
    if switches > MOST_SWITCHES:
        section = "switches" if network.switches else "bridges"
        message = f"{switches} switches (each VLAN counts); at most {MOST_SWITCHES} can be planned"
        mistakes.add(("network", section), message)
    if nodes > MOST_NODES or switches > MOST_SWITCHES:
        mistakes.raise_all()
