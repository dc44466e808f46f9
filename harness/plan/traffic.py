"""Streams: who sends what to whom, with the numbers that the datagrams carry.

A stream is first planned without an end, because the end of the scenario may follow from what is expected of
it; :func:`finish` then gives it one, and the hosts that must be watched.
"""

from __future__ import annotations

import math
from dataclasses import replace

from harness.plan.model import Cast, PlanStream
from harness.plan.moments import Moments
from harness.plan.names import Loc, Mistakes, Names
from harness.plan.tools import PlanTool
from harness.scenario.tools import ToolUse
from harness.scenario.traffic import Mesh, Stream, Traffic

UNENDING = math.inf
"""The end of a stream before it is known."""


class Streams:
    """All traffic of a plan by name: streams, of which a mesh is two, multicast first, and probe tools."""

    def __init__(self, streams: tuple[PlanStream, ...], tools: tuple[PlanTool, ...] = ()) -> None:
        self.all = streams
        self.tools = tools
        self._by_name: dict[str, tuple[PlanStream, ...]] = {}
        for stream in streams:
            self._by_name[stream.name] = (*self._by_name.get(stream.name, ()), stream)

    @property
    def multicast(self) -> tuple[PlanStream, ...]:
        """Those to a group."""
        return tuple(stream for stream in self.all if stream.cast is Cast.MULTICAST)

    def tool(self, name: str, loc: Loc, mistakes: Mistakes) -> PlanTool | None:
        """The probe tool of a name; None after a mistake."""
        found = next((tool for tool in self.tools if tool.name == name), None)
        if found is None and name in self._by_name:
            mistakes.add(loc, f"{name} is no probe tool: write deliver: {name}")
        elif found is None:
            mistakes.add_unknown(loc, "tool", name, (tool.name for tool in self.tools))
        return found

    def named(self, name: str, by: Cast, loc: Loc, mistakes: Mistakes) -> PlanStream | None:
        """The stream of a name, of a mesh its multicast or unicast half; None after a mistake."""
        if any(tool.name == name for tool in self.tools):
            mistakes.add(loc, f"{name} is a probe tool: write reports: {name}")
            return None
        if name not in self._by_name:
            mistakes.add_unknown(loc, "stream", name, self._by_name)
            return None
        for stream in self._by_name[name]:
            if stream.cast is by:
                return stream
        mistakes.add((*loc[:-1], "by"), f"{name} is no mesh: nobody sends it by {by.value}")
        return None


def plan_streams(
    traffic: dict[str, Traffic], names: Names, moments: Moments, mistakes: Mistakes
) -> tuple[PlanStream, ...]:
    """Every stream, numbered from 1, without watchers and, unless the file gives one, without an end."""
    found: list[PlanStream] = []
    for name, written in traffic.items():
        if isinstance(written, ToolUse):
            continue
        loc: Loc = ("traffic", name)
        start_s = moments.at_s(written.start, (*loc, "start"))
        stop_s = UNENDING if written.stop is None else moments.at_s(written.stop, (*loc, "stop"))
        if start_s is None or stop_s is None:
            start_s, stop_s = 0.0, UNENDING
        elif stop_s <= start_s:
            mistakes.add((*loc, "stop"), f"{name} stops at {stop_s:g} s and starts at {start_s:g} s")
        if isinstance(written, Mesh):
            found += _mesh(name, written, len(found) + 1, start_s, stop_s, names, mistakes)
        else:
            found.append(_stream(name, written, len(found) + 1, start_s, stop_s, names, mistakes))
    return tuple(found)


def _stream(
    name: str, written: Stream, number: int, start_s: float, stop_s: float, names: Names, mistakes: Mistakes
) -> PlanStream:
    loc: Loc = ("traffic", name)
    before = len(mistakes)
    senders = names.who(written.senders, (*loc, "senders"), mistakes, everyone=names.nodes)
    if not senders and len(mistakes) == before:
        mistakes.add((*loc, "senders"), f"nobody sends {name}")
    return PlanStream(
        name=name,
        number=number,
        cast=Cast.MULTICAST,
        group=written.group,
        port=written.port,
        source_specific=written.source_specific,
        senders=senders,
        receivers=names.who(written.receivers, (*loc, "receivers"), mistakes, everyone=names.nodes),
        watchers=(),
        period_s=1 / written.rate,
        size=written.size,
        ttl=written.ttl,
        start_s=start_s,
        stop_s=stop_s,
    )


def _mesh(
    name: str, written: Mesh, number: int, start_s: float, stop_s: float, names: Names, mistakes: Mistakes
) -> tuple[PlanStream, PlanStream]:
    loc: Loc = ("traffic", name, "mesh")
    before = len(mistakes)
    nodes = names.who(written.mesh, loc, mistakes, everyone=names.nodes)
    if len(nodes) < 2 and len(mistakes) == before:
        mistakes.add(loc, f"{name} needs two nodes at least")
    multicast = PlanStream(
        name=name,
        number=number,
        cast=Cast.MULTICAST,
        group=written.group,
        port=written.port,
        source_specific=False,
        senders=nodes,
        receivers=nodes,
        watchers=(),
        period_s=written.interval,
        size=written.size,
        ttl=written.ttl,
        start_s=start_s,
        stop_s=stop_s,
    )
    unicast = replace(multicast, number=number + 1, cast=Cast.UNICAST, port=written.port + 1)
    return multicast, unicast


def finish(
    streams: tuple[PlanStream, ...], duration_s: float, leavers: frozenset[tuple[str, int]], names: Names
) -> tuple[PlanStream, ...]:
    """The streams with their ends; ``leavers`` are (node, stream) that leave, if only for a while.

    Whoever is no member all the time is watched: nodes that join, leave or never do, and routers.
    """
    finished: list[PlanStream] = []
    for stream in streams:
        always = {name for name in stream.receivers if (name, stream.number) not in leavers}
        watchers = tuple(name for name in names.hosts if name not in always)
        finished.append(
            replace(
                stream,
                stop_s=min(stream.stop_s, duration_s),
                watchers=watchers if stream.cast is Cast.MULTICAST else (),
            )
        )
    return tuple(finished)
