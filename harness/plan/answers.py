"""The answers of probe tools as streams, so that what became of them is told as of any datagram.

Each tool has two: to its group, and by unicast. Nobody sends them but the tools; they are no part of a plan's
``streams``. Datagram n is answer n + 1, due when a tool asks for it that began at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from harness.plan.model import Cast, Plan, PlanStream
from harness.plan.tools import PlanTool, Tool
from harness.protocols.probes.omping_config import DEFAULT_GROUPS, DEFAULT_PORT
from harness.wire.membership import Address
from harness.wire.ssmping import group_of

_OMPING_SIZE, _SSMPING_SIZE = 69, 38
"""Bytes of an answer over IPv4 (as captured); of IPv6 they are 12 more."""
_LONGER6 = 12


def answers_of(plan: Plan) -> tuple[PlanStream, ...]:
    """Return both streams of every tool that asks; what mcfirst hears belongs to whoever sends it."""
    return tuple(stream for tool in plan.tools for stream in _answers(tool))


def by_unicast(multicast: int) -> int:
    """Return the number of a tool's answers by unicast, from its own."""
    return multicast + 1


def _answers(tool: PlanTool) -> Iterator[PlanStream]:
    if tool.tool is Tool.MCFIRST:
        return
    group = group_heard(tool)
    multicast = PlanStream(
        name=tool.name,
        number=tool.number,
        cast=Cast.MULTICAST,
        group=group,
        port=DEFAULT_PORT if tool.port is None else tool.port,
        source_specific=tool.tool is Tool.SSMPING or tool.mode == "ssm",
        senders=(tool.server,) if tool.server else tool.hosts,
        receivers=tool.hosts,
        watchers=(),
        period_s=tool.period_s,
        size=_size(tool),
        ttl=tool.hops,
        start_s=tool.start_s,
        stop_s=tool.stop_s if tool.count is None else _asked_until(tool),
    )
    if tool.mode != "ipbc":
        yield multicast
    yield replace(
        multicast,
        number=by_unicast(tool.number),
        cast=Cast.UNICAST,
        source_specific=False,
        senders=tool.parties,
        receivers=tool.parties,
    )


def group_heard(tool: PlanTool) -> Address:
    """Return the group that a tool hears: the one that it is given, as it changes it, or its own."""
    if tool.group is None:
        return DEFAULT_GROUPS[tool.version]
    return group_of(tool.group) if tool.tool is Tool.ASMPING else tool.group


def _size(tool: PlanTool) -> int:
    plain = _OMPING_SIZE if tool.tool is Tool.OMPING else _SSMPING_SIZE
    return max(tool.size or 0, plain + (_LONGER6 if tool.version == 6 else 0))


def _asked_until(tool: PlanTool) -> float:
    """A tool that counts may have begun a little later than it was started: the greeting takes its time."""
    return min(tool.stop_s, tool.start_s + tool.period_s * (tool.count or math.inf))
