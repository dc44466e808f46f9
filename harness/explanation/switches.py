"""What a switch did with the datagram at the port towards the receiver: the rule, and how the table got so.

The tables of the moment come from the records and are put into ``ForwardingTables``, which decides; here is
only said what it decided. A genuine Linux bridge floods until a querier is known and does not tell it as a
mode (docs/kernel-quirks.md), so that is added. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import assert_never

from harness.explanation import rules
from harness.explanation.case import Case
from harness.explanation.members import no_member, not_wanted
from harness.explanation.model import Hop, HopKind
from harness.explanation.queriers import never_asked, response_time_s, stopped_by
from harness.explanation.routers import no_router_port
from harness.observations.model import TableLine
from harness.observations.switch_log import Tables
from harness.observations.words import moment, names
from harness.plan.model import PlanSwitch
from harness.profiles import DataPlane
from harness.protocols.effects import (
    EVERY_SOURCE,
    FilterMode,
    ForwardingMode,
    SourceFilter,
    Table,
    TableChange,
    Unregistered,
)
from harness.protocols.ruling import ForwardingTables, Rule
from harness.protocols.snooping_config import FloodUntil, Lookup, SnoopingConfig
from harness.source.duration import text as seconds
from harness.wire.ethernet import multicast_mac

Told = tuple[str, Iterator[str], str]
"""Why, the reasons behind it, and what it follows."""
_MOST_REASONS = 5
"""Of a chain of reasons so many are told; the longest that is known has four."""


def switch_hop(case: Case, switch: str, port: str) -> Hop:
    """Return what the switch does at ``port`` with the datagram."""
    config = case.behaviour(switch)
    if config is None:
        return _hop(switch, port, Rule.NOT_SNOOPING, "knows no MLD: it floods every group of IPv6", "")
    tables = case.tables(switch)
    plane = forwarding(case.scene.switches[switch], config, tables)
    rule = plane.rule(case.stream.group, ip_address(case.source), port)
    teller = _Teller(case, switch, port, config, tables, plane)
    why, because, cited = teller.tell(rule)
    known = _knew(case, tables, plane)
    return _hop(switch, port, rule, why, cited, tuple(because)[:_MOST_REASONS], known)


def _hop(
    switch: str, port: str, rule: Rule, why: str, cited: str, because: tuple[str, ...] = (), knew: str = ""
) -> Hop:
    return Hop(
        kind=HopKind.SWITCH,
        device=switch,
        port=port,
        passes=rule.passes,
        why=why,
        because=because,
        rule=cited,
        knew=knew,
    )


def forwarding(switch: PlanSwitch, config: SnoopingConfig, tables: Tables) -> ForwardingTables:
    """Return a data plane with these tables in it."""
    genuine_bridge = switch.data_plane is DataPlane.LINUX_BRIDGE
    plane = ForwardingTables(lookup=config.lookup, source_filtering=config.source_filtering or genuine_bridge)
    floods = genuine_bridge and config.flood_until is FloodUntil.QUERIER and not tables.querier
    if tables.mode is not None:
        mode = ForwardingMode(
            snooping=tables.mode.snooping and not floods,
            unregistered=Unregistered(tables.mode.unregistered),
            cause=tables.mode.cause,
        )
        plane.set_mode(mode)
    for port in tables.router_ports:
        plane.change(TableChange(table=Table.ROUTER_PORT, present=True, port=port, cause=""))
    for group, ports in tables.groups.items():
        for port in ports:
            wanted = read_filter(tables.filters.get((group, port), ""))
            plane.change(
                TableChange(
                    table=Table.MEMBER,
                    present=True,
                    port=port,
                    group=ip_address(group),
                    filter=wanted,
                    cause="",
                )
            )
    return plane


def read_filter(text: str) -> SourceFilter:
    """Return the filter of a record: "include 10.77.0.3", "exclude 10.77.0.3"; empty is every source."""
    if not text:
        return EVERY_SOURCE
    mode, *sources = text.split()
    return SourceFilter(mode=FilterMode(mode), sources=tuple(map(ip_address, sources)))


def _knew(case: Case, tables: Tables, plane: ForwardingTables) -> str:
    """``members p1 p4; router ports none; querier none``."""
    if not plane.snooping:
        return ""
    members = tuple(
        f"{port} ({text})" if (text := tables.filters.get((case.group, port))) else port
        for port in tables.groups.get(case.group, ())
    )
    return (
        f"members {names(members)}; router ports {names(tables.router_ports)}; "
        f"querier {tables.querier or 'none'}"
    )


class _Teller:
    """Says what a rule means at one port of one switch, and how it came to that."""

    def __init__(
        self,
        case: Case,
        switch: str,
        port: str,
        config: SnoopingConfig,
        tables: Tables,
        plane: ForwardingTables,
    ) -> None:
        self._case = case
        self._switch = switch
        self._port = port
        self._config = config
        self._tables = tables
        self._plane = plane
        self._planned = case.scene.switches[switch]
        self._place = case.towards(switch, port)
        self._protocol = case.protocol

    def tell(self, rule: Rule) -> Told:
        """Return why, the reasons behind it, and what it follows."""
        match rule:
            case Rule.NOT_SNOOPING:
                told = self._floods()
            case Rule.NEVER_PRUNED:
                told = self._never_pruned()
            case Rule.MEMBER:
                told = self._member()
            case Rule.ROUTER_PORT | Rule.NO_MEMBER:
                told = self._router_port_or_not(rule)
            case Rule.SOURCE_REFUSED:
                told = self._refused()
            case Rule.UNREGISTERED_FLOODS | Rule.UNREGISTERED_TO_ROUTERS | Rule.UNREGISTERED_DROPPED:
                told = self._of_nobody(rule)
            case _:
                assert_never(rule)
        return told

    def _router_port_or_not(self, rule: Rule) -> Told:
        cited = rules.MEMBERS_AND_ROUTERS[self._protocol]
        if rule is Rule.ROUTER_PORT:
            line = self._case.last_router_line(self._switch, self._port)
            return f"{self._place} is a router port", self._since(line), cited
        why = f"{self._place} is no member of {self._case.group} and no router port; members are elsewhere"
        return why, self._lacking(), cited

    def _of_nobody(self, rule: Rule) -> Told:
        nobody = f"nobody is a member of {self._case.group} here, and such a group"
        match rule:
            case Rule.UNREGISTERED_FLOODS:
                cited = self._setting("unregistered", "flood_until")
                return f"{nobody} floods", self._unregistered(), cited
            case Rule.UNREGISTERED_TO_ROUTERS:
                routers = names(self._tables.router_ports)
                why = f"{nobody} goes to router ports only ({routers})"
                return why, self._lacking(), self._setting("unregistered")
            case _:
                return f"{nobody} is dropped", self._lacking(), self._setting("unregistered")

    def _setting(self, name: str, *more: str) -> str:
        return rules.setting(self._planned, self._config, name, name, *more)

    def _since(self, line: TableLine | None) -> Iterator[str]:
        if line is not None and line.present:
            when = "from the start" if line.at_s <= 0 else f"since {moment(line.at_s)}"
            told = line.cause and not self._case.is_genuine(self._switch)
            yield f"it is so {when}: {line.cause}" if told else f"it is so {when}"

    def _floods(self) -> Told:
        mode, config = self._tables.mode, self._config
        if not config.snooping:
            return "floods every group: snooping is off", iter(()), self._setting("snooping")
        if self._case.is_genuine(self._switch) and (hidden := self._hidden()):
            return hidden, iter(()), self._setting("flood_until")
        if self._waits_for_a_querier():
            why = "floods every group as long as it knows no querier"
            return why, self._no_querier(), self._setting("flood_until")
        if mode is None:
            return "floods every group: its snooping has not begun", iter(()), ""
        return f"floods every group: {mode.cause}", self._mode_since(), ""

    def _hidden(self) -> str:
        """Say why the kernel's bridge floods where it does not tell; empty if it knows no querier."""
        room, known = self._config.most_groups, len(self._tables.groups)
        if 0 < room <= known:
            return f"floods every group: more than the {room} groups that its table holds were reported"
        lines = self._case.querier_lines(self._switch)
        if not lines or not lines[-1].present:
            return ""
        began_s = lines[-1].at_s
        response_s = response_time_s(self._case, lines[-1].address)
        if self._case.at_s - began_s > response_s + 1.0:
            return ""
        return f"floods every group: hosts have {seconds(response_s)} to answer the first query"

    def _waits_for_a_querier(self) -> bool:
        return self._config.flood_until is FloodUntil.QUERIER and not self._tables.querier

    def _no_querier(self) -> Iterator[str]:
        gone = [line for line in self._case.querier_lines(self._switch) if not line.present]
        if gone:
            last = gone[-1]
            yield f"querier {self._case.named(last.address)} is gone since {moment(last.at_s)}: {last.cause}"
            device = self._case.scene.device_with(last.address)
            if device and self._case.scene.querier_of(device, self._case.at_s, self._protocol) is None:
                yield f"{device}'s querier was {stopped_by(self._case, device)}"
            return
        yield from never_asked(self._case, self._switch)

    def _mode_since(self) -> Iterator[str]:
        mode = self._tables.mode
        if mode is not None and mode.at_s > 0:
            yield f"since {moment(mode.at_s)}"

    def _never_pruned(self) -> Told:
        group = self._case.stream.group
        why = f"{group} is of the range that stays on a link, which goes to every port"
        if self._config.lookup is Lookup.MAC and self._aliases_the_link():
            mac = multicast_mac(group).hex(":")
            why = (
                f"looks groups up by MAC address, and {mac} of {group} is also that of a group of "
                "224.0.0.0/24, which goes to every port"
            )
            return why, iter(()), self._setting("lookup")
        return why, iter(()), rules.LINK_GROUPS[self._protocol]

    def _aliases_the_link(self) -> bool:
        group = self._case.stream.group
        return group.version == 4 and int(group) >> 8 != 0xE00000

    def _member(self) -> Told:
        case = self._case
        if self._port in self._tables.groups.get(case.group, ()):
            line = case.last_member_line(self._switch, self._port)
            why = f"{self._place} is a member of {case.group}"
            return why, self._still(line), rules.MEMBERS_AND_ROUTERS[self._protocol]
        mac = multicast_mac(case.stream.group)
        alias = next(
            group
            for group, ports in self._tables.groups.items()
            if self._port in ports and multicast_mac(ip_address(group)) == mac
        )
        why = (
            f"looks groups up by MAC address: {self._place} is a member of {alias}, which shares "
            f"{mac.hex(':')} with {case.group}"
        )
        line = case.last_member_line(self._switch, self._port, alias)
        return why, self._since(line), self._setting("lookup")

    def _still(self, line: TableLine | None) -> Iterator[str]:
        """Say since when it is a member, and who has kept it one for longer than an entry lives."""
        yield from self._since(line)
        lives_s, queries = self._config.membership_interval_s, self._case.queries(self._switch)
        if line is not None and lives_s and self._case.at_s - line.at_s > lives_s and queries:
            last = queries[-1]
            who = f"{self._switch} itself" if last.sent else self._case.named(last.source)
            yield f"it has not aged, since {who} asks; the last time at {moment(last.at_s)}"

    def _refused(self) -> Told:
        case = self._case
        wanted = self._tables.filters.get((case.group, self._port), "")
        mode, _, sources = wanted.partition(" ")
        only = f"from {sources} only" if mode == "include" else f"from everybody but {sources}"
        why = f"{self._place} wants {case.group} {only}, and this is from {case.named(case.source)}"
        line = case.last_member_line(self._switch, self._port)
        return why, self._since(line), rules.SOURCES[self._protocol]

    def _unregistered(self) -> Iterator[str]:
        """Say since when nobody is a member, where somebody was; else why no flooding ends."""
        line = self._case.last_member_line(self._switch, self._port)
        if line is not None and not line.present:
            yield f"{self._place} is no member since {moment(line.at_s)}: {line.cause}"
        if self._config.flood_until is FloodUntil.ROUTER_PORT:
            yield "it floods until it knows a router port"

    def _lacking(self) -> Iterator[str]:
        """Say why the port is not among those that the datagram goes to.

        A port that ceased to be a router port later than it ceased to be a member would have passed it.
        """
        case, switch, port = self._case, self._switch, self._port
        router, member = case.last_router_line(switch, port), case.last_member_line(switch, port)
        was_router = router is not None and not router.present
        latest = member is None or (router is not None and router.at_s > member.at_s)
        if was_router and latest and not not_wanted(case):
            reasons = tuple(no_router_port(case, switch, port))
        else:
            reasons = tuple(no_member(case, switch, port))
        yield from reasons or no_router_port(case, switch, port)
