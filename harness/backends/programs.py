"""The programs of a plan's probe tools: what runs on which host, from when until when.

A lab and the model run the same ones. Names shown by tools are the hosts' addresses, as the originals do
with addresses given. A host has one ssmpingd for all tools that ask it, as its port allows no second one: it
belongs to the first of them, and runs as long as any of them does. Pure; chance comes from the seed given.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network
from typing import assert_never

from harness.plan.model import Plan, PlanHost
from harness.plan.tools import PlanTool, Tool
from harness.protocols.probes.mcfirst import McFirst, McFirstConfig
from harness.protocols.probes.omping import Mode, Omping, OmpingConfig, Peer
from harness.protocols.probes.omping_config import DEFAULT_PORT
from harness.protocols.probes.program import Program
from harness.protocols.probes.ssmping import (
    SsmpingClient,
    SsmpingConfig,
    SsmpingServer,
    SsmpingServerConfig,
)
from harness.wire.membership import Address

_NO_ANSWERS = 1
"""No line for each answer: records have them."""


class Role(Enum):
    """What a host does for a tool; those that others need before they begin come first."""

    SERVER = "server"
    LISTENER = "listener"
    CLIENT = "client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted:
    """A program on a host, at work from ``start_s`` until it ends, or is interrupted at ``stop_s``.

    The nodes of an omping, which ask and answer, are clients. A listener
    ends by itself at ``stop_s``. ``program`` has not been started.
    """

    host: str
    role: Role
    program: Program
    start_s: float
    stop_s: float


def programs_of(plan: Plan, tool: PlanTool, chance_seed: int) -> tuple[Hosted, ...]:
    """Return new programs for all that a tool runs: a server first, then its hosts in their order."""
    found: list[Hosted] = []
    if (span := server_span(plan, tool)) is not None:
        start_s, stop_s = span
        found.append(
            Hosted(
                host=tool.server,
                role=Role.SERVER,
                program=SsmpingServer(SsmpingServerConfig(version=tool.version, rationed=False)),
                start_s=start_s,
                stop_s=stop_s,
            )
        )
    for name in tool.hosts:
        chance = random.Random(f"{chance_seed} {tool.number} {name}")  # noqa: S311  the same in every run
        found.append(
            Hosted(
                host=name,
                role=Role.LISTENER if tool.tool is Tool.MCFIRST else Role.CLIENT,
                program=_client(plan, tool, plan.host(name), chance),
                start_s=tool.start_s,
                stop_s=tool.stop_s,
            )
        )
    return tuple(found)


def server_span(plan: Plan, tool: PlanTool) -> tuple[float, float] | None:
    """Return from when until when the server runs that belongs to a tool; None: it has none of its own."""
    alike = (tool.server, tool.version)
    sharing = [one for one in plan.tools if tool.server and (one.server, one.version) == alike]
    if not sharing or sharing[0].number != tool.number:
        return None
    return min(one.start_s for one in sharing), max(one.stop_s for one in sharing)


def address_of(host: PlanHost, tool: PlanTool) -> Address:
    """Return the address by which a host takes part in a tool. ValueError: it has none of that version."""
    if tool.group is not None and tool.group.is_multicast:
        return host.address_for(tool.group)
    address = host.address if tool.version == 4 else host.address6
    if address is None:
        raise ValueError(f"{host.name} has no IPv6 address")
    return address


def broadcast_of(plan: Plan, host: PlanHost) -> IPv4Address:
    """Return the broadcast address of a host's network, which omping's mode ``ipbc`` answers to."""
    return IPv4Network((host.address, plan.prefix_length), strict=False).broadcast_address


def _client(plan: Plan, tool: PlanTool, host: PlanHost, chance: random.Random) -> Program:
    match tool.tool:
        case Tool.OMPING:
            return Omping(_omping(plan, tool, host), chance)
        case Tool.SSMPING | Tool.ASMPING:
            return SsmpingClient(_ssmping(plan, tool, host))
        case Tool.MCFIRST:
            return McFirst(_mcfirst(plan, tool))
        case _:
            assert_never(tool.tool)


def _omping(plan: Plan, tool: PlanTool, host: PlanHost) -> OmpingConfig:
    mode = Mode(tool.mode)
    own = address_of(host, tool)
    addresses = [address_of(plan.host(name), tool) for name in tool.hosts if name != host.name] or [own]
    return OmpingConfig(
        local=own,
        peers=tuple(Peer(name=str(address), address=address) for address in addresses),
        group=broadcast_of(plan, host) if mode is Mode.IPBC else tool.group,
        port=DEFAULT_PORT if tool.port is None else tool.port,
        period_s=tool.period_s,
        count=tool.count,
        hops=tool.hops,
        mode=mode,
        quiet=_NO_ANSWERS,
        pid=tool.number,
    )


def _ssmping(plan: Plan, tool: PlanTool, host: PlanHost) -> SsmpingConfig:
    return SsmpingConfig(
        server=address_of(plan.host(tool.server), tool),
        local=address_of(host, tool),
        pid=tool.number,
        group=tool.group if tool.tool is Tool.ASMPING else None,
        count=tool.count,
        size=tool.size,
        period_s=tool.period_s,
        hops=tool.hops,
    )


def _mcfirst(plan: Plan, tool: PlanTool) -> McFirstConfig:
    if tool.group is None or tool.port is None:
        raise ValueError(f"{tool.name} is planned without a group or a port")
    return McFirstConfig(
        group=tool.group,
        port=tool.port,
        source=address_of(plan.host(tool.source), tool) if tool.source else None,
        count=tool.count,
        time_s=tool.stop_s - tool.start_s,
    )
