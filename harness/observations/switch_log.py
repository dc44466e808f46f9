"""What the switches knew and saw over time: their logs up to any moment, and their tables then. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.observations.model import Igmp, Mode, TableLine
from harness.plan.model import Plan

Event = TableLine | Mode | Igmp
"""What stands in a switch's log."""


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


class SwitchLog:
    """Events of all switches, by time."""

    def __init__(self, plan: Plan, events: Iterable[Event]) -> None:
        self._order = {
            switch.name: {port.name: index for index, port in enumerate(switch.ports)}
            for switch in plan.switches
        }
        self._events: dict[str, list[Event]] = {name: [] for name in self._order}
        for event in events:
            self._events.setdefault(event.switch, []).append(event)
        for own in self._events.values():
            own.sort(key=lambda event: event.at_s)

    def tables_at(self, switch: str, at_s: float, protocol: str = "igmp") -> Tables:
        """Return what a switch knew at a moment, changes of that very moment included.

        Router ports, querier and mode are those of the protocol, "igmp" or "mld".
        """
        members: dict[str, dict[str, None]] = {}
        filters: dict[tuple[str, str], str] = {}
        routers: dict[str, None] = {}
        queriers: dict[str, None] = {}
        mode: Mode | None = None
        for event in self.until(switch, at_s):
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
        moments = (event.at_s for event in self.until(switch, until_s) if isinstance(event, TableLine))
        return tuple(dict.fromkeys(at_s for at_s in moments if at_s >= from_s))

    def last_change(self, switch: str, at_s: float) -> TableLine | Mode | None:
        """Return the last change of a switch's tables or mode up to a moment, of the scenario itself."""
        for event in reversed(self.until(switch, at_s)):
            if isinstance(event, TableLine | Mode) and event.at_s > 0:
                return event
        return None

    def until(self, switch: str, at_s: float) -> list[Event]:
        """Return what a switch's log says up to a moment, that very moment included, in the order of time."""
        events = self._events.get(switch, [])
        return events[: bisect_right(events, at_s, key=lambda event: event.at_s)]

    def _sorted(self, switch: str, ports: Iterable[str]) -> tuple[str, ...]:
        order = self._order.get(switch, {})
        return tuple(sorted(ports, key=lambda port: (order.get(port, len(order)), port)))


def _note(lines: dict[str, None], key: str, present: bool) -> None:
    lines.pop(key, None)
    if present:
        lines[key] = None


def protocol_of(address: str) -> str:
    """Return the protocol that an address (or group) belongs to, "igmp" or "mld"."""
    return "mld" if ":" in address else "igmp"
