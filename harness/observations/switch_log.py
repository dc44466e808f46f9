"""What the switches knew and saw over time: their tables at any moment, and what can explain a change.

An event explains a change the better the closer it is to the datagram's way: a line of a table about its
group and the very port it leaves by comes first, then steps of the timeline, modes and queriers, then plain
IGMP. What was there before the scenario began explains nothing. Pure.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from harness.observations.model import Acted, Igmp, Mode, TableLine
from harness.plan.model import Plan

Event = TableLine | Mode | Igmp | Acted
"""What can be a cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """The tables of one switch at one moment. Ports in the order of the switch; ``mode`` None: never told.

    ``groups`` are those of IPv4 and IPv6; the rest is that of one protocol. ``filters`` has (group, port) of
    the members that do not receive every source: "include 10.77.0.3", "exclude 10.77.0.3".
    """

    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    filters: dict[tuple[str, str], str] = field(default_factory=dict)
    router_ports: tuple[str, ...] = ()
    querier: str = ""
    mode: Mode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be explained: datagrams of ``source`` to ``group`` began or ceased to arrive.

    ``way`` is where they leave each switch on their way: (switch, port). ``since_s`` is the last moment when
    all was still as before, None if it never was; ``arrived`` tells whether something came that should not
    have, or did not come that should.
    """

    at_s: float
    group: str
    way: tuple[tuple[str, str], ...]
    arrived: bool
    since_s: float | None = None
    source: str = ""


class SwitchLog:
    """Events of all switches and of the timeline, by time."""

    def __init__(self, plan: Plan, events: Iterable[TableLine | Mode | Igmp], steps: Iterable[Acted]) -> None:
        self._order = {
            switch.name: {port.name: index for index, port in enumerate(switch.ports)}
            for switch in plan.switches
        }
        self._events: dict[str, list[TableLine | Mode | Igmp]] = {name: [] for name in self._order}
        for event in events:
            self._events.setdefault(event.switch, []).append(event)
        for own in self._events.values():
            own.sort(key=lambda event: event.at_s)
        self._steps = sorted(steps, key=lambda step: step.at_s)
        self._parts = _parts(plan)

    def tables_at(self, switch: str, at_s: float, protocol: str = "igmp") -> Tables:
        """Return what a switch knew at a moment, changes of that very moment included.

        Router ports, querier and mode are those of the protocol, "igmp" or "mld".
        """
        members: dict[str, dict[str, None]] = {}
        filters: dict[tuple[str, str], str] = {}
        routers: dict[str, None] = {}
        queriers: dict[str, None] = {}
        mode: Mode | None = None
        for event in self._until(switch, at_s):
            match event:
                case TableLine(table="member"):
                    _note(members.setdefault(event.group, {}), event.port, event.present)
                    filters[event.group, event.port] = event.filter if event.present else ""
                case TableLine(table="router-port") if event.protocol == protocol:
                    _note(routers, event.port, event.present)
                case TableLine(table="querier") if event.protocol == protocol:
                    _note(queriers, event.address, event.present)
                case Mode() if event.protocol == protocol:
                    mode = event
                case _:
                    pass
        return Tables(
            groups={group: self._sorted(switch, ports) for group, ports in sorted(members.items()) if ports},
            filters={line: text for line, text in sorted(filters.items()) if text},
            router_ports=self._sorted(switch, routers),
            querier=next(reversed(queriers), ""),
            mode=mode,
        )

    def moments_of_change(self, switch: str, from_s: float, until_s: float) -> tuple[float, ...]:
        """Return when lines of a switch's tables came or went in [from_s, until_s]."""
        moments = (event.at_s for event in self._until(switch, until_s) if isinstance(event, TableLine))
        return tuple(dict.fromkeys(at_s for at_s in moments if at_s >= from_s))

    def last_change(self, switch: str, at_s: float) -> TableLine | Mode | None:
        """Return the last change of a switch's tables or mode up to a moment, of the scenario itself."""
        for event in reversed(self._until(switch, at_s)):
            if isinstance(event, TableLine | Mode) and event.at_s > 0:
                return event
        return None

    def last_cause_before(self, change: Change) -> Event | None:
        """Return the event that best explains a change, or None. Of equally good ones it is the last."""
        best: Event | None = None
        best_rank = (False, 0, 0.0)
        for event in self._candidates(change):
            weight = _weight(event, change)
            in_time = change.since_s is not None and event.at_s >= change.since_s
            rank = (in_time, weight, event.at_s)
            if weight and event.at_s > 0 and rank >= best_rank:
                best, best_rank = event, rank
        return best

    def _candidates(self, change: Change) -> Iterator[Event]:
        for switch, _ in change.way:
            yield from self._until(switch, change.at_s)
        yield from (step for step in self._steps if step.at_s <= change.at_s and self._reaches(step, change))

    def _reaches(self, step: Acted, change: Change) -> bool:
        """Whether a step was done to something that cables join with the way; other VLANs are not."""
        if not step.devices or not change.way:
            return True
        part = self._parts.get(change.way[0][0])
        return any(self._parts.get(device) == part for device in step.devices)

    def _until(self, switch: str, at_s: float) -> list[TableLine | Mode | Igmp]:
        events = self._events.get(switch, [])
        return events[: bisect_right(events, at_s, key=lambda event: event.at_s)]

    def _sorted(self, switch: str, ports: Iterable[str]) -> tuple[str, ...]:
        order = self._order.get(switch, {})
        return tuple(sorted(ports, key=lambda port: (order.get(port, len(order)), port)))


def _parts(plan: Plan) -> dict[str, str]:
    """For each device the first one of all that cables join with it, whether or not they are up."""
    neighbours: dict[str, list[str]] = {switch.name: [] for switch in plan.switches}
    cables = [(host.name, host.switch) for host in plan.hosts]
    for a, b in (*cables, *((link.a[0], link.b[0]) for link in plan.links)):
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    parts: dict[str, str] = {}
    for first in neighbours:
        waiting = [first]
        while waiting:
            here = waiting.pop()
            if here not in parts:
                parts[here] = parts.get(first, first)
                waiting.extend(neighbours[here])
    return parts


def _note(lines: dict[str, None], key: str, present: bool) -> None:
    lines.pop(key, None)
    if present:
        lines[key] = None


def protocol_of(address: str) -> str:
    """Return the protocol that an address (or group) belongs to, "igmp" or "mld"."""
    return "mld" if ":" in address else "igmp"


def _lets_pass(line: TableLine, source: str) -> bool:
    """Return whether a line of the member table lets a port receive what a source sends."""
    if not line.present or not line.filter:
        return line.present
    mode, *sources = line.filter.split()
    return (source in sources) == (mode == "include")


def _weight(event: Event, change: Change) -> int:
    """Return how well an event explains a change by its kind: 0 not at all, up to 4.

    What one protocol says explains nothing about the groups of the other.
    """
    if not isinstance(event, Acted) and event.protocol != protocol_of(change.group):
        return 0
    match event:
        case TableLine(table="querier") | Mode() | Acted():
            return 3
        case TableLine():
            on_the_way = (event.switch, event.port) in change.way
            about_it = event.table == "router-port" or event.group == change.group
            return 4 if on_the_way and about_it and _lets_pass(event, change.source) == change.arrived else 0
        case Igmp(what="query"):
            return 2
        case Igmp():
            return 1 if event.group == change.group else 0
