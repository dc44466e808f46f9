"""Probe tools: from a use as written to who runs what, when, and how long that takes at most.

A tool is first planned without an end, as streams are; :func:`finish_tools` gives it one when the duration of
the scenario is known.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations
from typing import assert_never

from harness.plan.moments import Moments
from harness.plan.names import Loc, Mistakes, Names
from harness.plan.tools import NUMBERS, Made, PlanTool, Tool
from harness.scenario.model import Scenario
from harness.scenario.tools import AsmpingUse, McfirstUse, OmpingUse, SsmpingUse
from harness.scenario.traffic import version_of

_ASKS_EVERY_S = 1.0
"""ssmping and asmping (0.9.1) leave no choice."""
_OMPING_PORT = SSMPINGD_PORT = 4321
_HOPS = 64
_GRACE_INTERVALS, _LEAST_GRACE_S = 3, 1.0
"""omping waits three intervals for who has not finished yet (its option -w); all wait a second at least."""
_MARGIN_S, _MARGIN_REAL_S = 3.0, 0.1
"""Greetings before the first query, in the customer's seconds, and what a busy machine adds in its own."""

ToolUses = OmpingUse | SsmpingUse | AsmpingUse | McfirstUse


def plan_tools(
    scenario: Scenario, names: Names, moments: Moments, mistakes: Mistakes, first_number: int
) -> tuple[PlanTool, ...]:
    """Return every tool of a scenario, numbered on, without an end unless the file gives one."""
    found: list[PlanTool] = []
    for name, written in scenario.traffic.items():
        if not isinstance(written, ToolUses):
            continue
        loc: Loc = ("traffic", name)
        start_s, stop_s = _times(written, loc, moments, mistakes)
        if written.tool == Made.SYSTEM.value and scenario.speed != 1:
            message = (
                f"an installed program runs in this machine's time: speed must be 1, not {scenario.speed:g}"
            )
            mistakes.add((*loc, "tool"), message)
        tool = _tool(name, written, names, mistakes)
        found.append(
            replace(tool, number=first_number + NUMBERS * len(found), start_s=start_s, stop_s=stop_s)
        )
    _check_ports(found, scenario.speed, mistakes)
    return tuple(found)


def ended_by_s(tool: PlanTool, speed: float) -> float:
    """Return by when a tool has ended, at the latest; infinite if only the end of the scenario ends it."""
    own_s = math.inf
    if tool.count is not None and tool.tool is not Tool.MCFIRST:
        grace_s = max(_LEAST_GRACE_S, _GRACE_INTERVALS * tool.period_s if tool.tool is Tool.OMPING else 0.0)
        own_s = tool.start_s + tool.count * tool.period_s + grace_s
    return min(own_s, tool.stop_s) + _margin_s(speed)


def _margin_s(speed: float) -> float:
    """Return how much later than it should a tool may end, in the customer's seconds."""
    return _MARGIN_S + _MARGIN_REAL_S * speed


def finish_tools(tools: Iterable[PlanTool], duration_s: float) -> tuple[PlanTool, ...]:
    """Return the tools with their ends: what goes on is interrupted with the scenario."""
    return tuple(replace(tool, stop_s=min(tool.stop_s, duration_s)) for tool in tools)


def _times(written: ToolUses, loc: Loc, moments: Moments, mistakes: Mistakes) -> tuple[float, float]:
    start_s = moments.at_s(written.start, (*loc, "start"))
    stop_s = math.inf if written.stop is None else moments.at_s(written.stop, (*loc, "stop"))
    if start_s is None or stop_s is None:
        return 0.0, math.inf
    if stop_s <= start_s:
        mistakes.add((*loc, "stop"), f"it stops at {stop_s:g} s and starts at {start_s:g} s")
    timeout_s = getattr(written, "timeout", None)
    return start_s, stop_s if timeout_s is None else min(stop_s, start_s + timeout_s)


def _tool(name: str, written: ToolUses, names: Names, mistakes: Mistakes) -> PlanTool:
    """Return a tool from 0 s on, without a number and an end."""
    loc: Loc = ("traffic", name)
    plain = PlanTool(
        name=name,
        number=0,
        tool=Tool.OMPING,
        made=Made(written.tool),
        version=version_of(written),
        hosts=(),
        server="",
        source="",
        group=None,
        port=None,
        count=written.count,
        period_s=_ASKS_EVERY_S,
        size=None,
        hops=_HOPS,
        mode="",
        start_s=0.0,
        stop_s=math.inf,
    )
    match written:
        case OmpingUse():
            hosts = _who(written.omping, (*loc, "omping"), names, mistakes, least=2)
            if written.mode == "ipbc" and plain.version == 6:
                mistakes.add((*loc, "mode"), "IPv6 has no broadcast")
            if written.mode == "ipbc" and written.group is not None:
                mistakes.add((*loc, "group"), "in mode ipbc answers go to the network's broadcast address")
            return replace(
                plain,
                hosts=hosts,
                group=written.group,
                port=written.port,
                period_s=written.interval,
                hops=written.ttl,
                mode=written.mode,
            )
        case SsmpingUse():
            hosts = _clients(written.ssmping, written.server, "ssmping", loc, names, mistakes)
            return replace(plain, tool=Tool.SSMPING, hosts=hosts, server=written.server, size=written.size)
        case AsmpingUse():
            hosts = _clients(written.asmping, written.server, "asmping", loc, names, mistakes)
            return replace(
                plain,
                tool=Tool.ASMPING,
                hosts=hosts,
                server=written.server,
                size=written.size,
                group=written.group,
            )
        case McfirstUse():
            return _mcfirst(plain, written, loc, names, mistakes)
        case _:
            assert_never(written)


def _mcfirst(plain: PlanTool, written: McfirstUse, loc: Loc, names: Names, mistakes: Mistakes) -> PlanTool:
    hosts = _who(written.mcfirst, (*loc, "mcfirst"), names, mistakes)
    if written.source is not None:
        names.known("node", written.source, names.hosts, (*loc, "source"), mistakes)
    waits_for = 1 if written.count is None and written.timeout is None else written.count
    return replace(
        plain,
        tool=Tool.MCFIRST,
        hosts=hosts,
        source=written.source or "",
        group=written.group,
        port=written.port,
        count=waits_for,
    )


def _who(
    written: tuple[str, ...], loc: Loc, names: Names, mistakes: Mistakes, *, least: int = 1
) -> tuple[str, ...]:
    before = len(mistakes)
    hosts = names.who(written, loc, mistakes, everyone=names.nodes)
    if len(hosts) < least and len(mistakes) == before:
        mistakes.add(loc, "nobody runs it" if least == 1 else "it needs two nodes at least")
    _check_nodes(hosts, loc, names, mistakes)
    return hosts


def _check_nodes(hosts: Iterable[str], loc: Loc, names: Names, mistakes: Mistakes) -> None:
    for name in hosts:
        if name in names.routers:
            mistakes.add(loc, f"{name} is a router, which runs no programs")


def _clients(
    written: tuple[str, ...], server: str, key: str, loc: Loc, names: Names, mistakes: Mistakes
) -> tuple[str, ...]:
    known = names.known("node", server, names.nodes, (*loc, "server"), mistakes)
    everyone = tuple(name for name in names.nodes if name != server)
    before = len(mistakes)
    hosts = names.who(written, (*loc, key), mistakes, everyone=everyone)
    if known and server in hosts:
        mistakes.add((*loc, key), f"{server} runs ssmpingd: it is asked, and does not ask itself")
    if not hosts and len(mistakes) == before:
        mistakes.add((*loc, key), "nobody asks")
    _check_nodes(hosts, (*loc, key), names, mistakes)
    return hosts


def _check_ports(tools: Iterable[PlanTool], speed: float, mistakes: Mistakes) -> None:
    """Two programs of a host cannot have one port at one time; those that ask one ssmpingd share it."""
    for one, other in combinations(tools, 2):
        shares = bool(one.server) and (one.server, one.made) == (other.server, other.made)
        apart = ended_by_s(one, speed) <= other.start_s or ended_by_s(other, speed) <= one.start_s
        installed = Made.SYSTEM in {one.made, other.made}
        if shares or apart or (one.version != other.version and not installed):
            continue
        both = sorted(set(_bound(one)) & set(_bound(other)))
        if both:
            host, port = both[0]
            message = f"{host} has port {port} for {one.name} already, which may not have ended by then"
            mistakes.add(("traffic", other.name), message)


def _bound(tool: PlanTool) -> Iterable[tuple[str, int]]:
    """Return the hosts and ports that a tool's programs are bound to; clients take any free port."""
    if tool.tool is Tool.OMPING:
        port = _OMPING_PORT if tool.port is None else tool.port
        return [(name, port) for name in tool.hosts]
    return [(tool.server, SSMPINGD_PORT)] if tool.server else []
