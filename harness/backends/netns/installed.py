"""The probe tools that are installed on this machine: how they are called, and which package has them.

Command lines are those of omping 0.0.5 and ssmping 0.9.1. These programs live in this machine's seconds.
"""

from __future__ import annotations

import math

from harness.backends.netns.sockets import INTERFACE
from harness.backends.netns.tool_process import SETPRIV, find
from harness.backends.programs import Role, address_of
from harness.errors import HostError
from harness.plan.model import Plan
from harness.plan.tools import Made, PlanTool, Tool

SERVER = "ssmpingd"
SERVER_PORT = 4321
_PACKAGES = {
    SETPRIV: "util-linux",
    SERVER: "ssmping",
    **{tool.value: "ssmping" for tool in (Tool.SSMPING, Tool.ASMPING, Tool.MCFIRST)},
}


def check_tools(plan: Plan) -> None:
    """Raise HostError, with the cure, if a program that a tool of the plan runs is not installed."""
    for tool in plan.tools:
        if tool.made is not Made.SYSTEM:
            continue
        for program in (SETPRIV, *((SERVER,) if tool.server else ()), tool.tool.value):
            if find(program) is None:
                missing = f"{program} is not installed, which {tool.name} runs (tool: system)"
                raise HostError(missing, _cure(program))


def _cure(program: str) -> str:
    if (package := _PACKAGES.get(program)) is not None:
        return f"apt-get install {package}"
    return f"{program} is no longer packaged; write tool: native, which speaks the same protocol"


def command_line(plan: Plan, tool: PlanTool, role: Role) -> tuple[str, ...]:
    """Return what each host in this role runs for a tool: the program's name and its arguments."""
    if role is Role.SERVER:
        return (SERVER,)
    match tool.tool:
        case Tool.OMPING:
            return ("omping", *_omping(plan, tool))
        case Tool.SSMPING | Tool.ASMPING:
            asked = address_of(plan.host(tool.server), tool)
            group = () if tool.tool is Tool.SSMPING else (str(tool.group),)
            size = () if tool.size is None else ("-s", str(tool.size))
            return (tool.tool.value, *_common(tool), *size, *group, str(asked))
        case Tool.MCFIRST:
            return ("mcfirst", *_common(tool), *_mcfirst(plan, tool))


def _common(tool: PlanTool) -> tuple[str, ...]:
    """The interface by name: a host of a lab has no route that covers groups."""
    count = () if tool.count is None else ("-c", str(tool.count))
    return (f"-{tool.version}", "-I", INTERFACE, *count)


def _mcfirst(plan: Plan, tool: PlanTool) -> tuple[str, ...]:
    """It says nothing at its end when it is interrupted, so it is told how long to listen."""
    lasts_s = max(1, math.floor(tool.stop_s - tool.start_s))
    source = (str(address_of(plan.host(tool.source), tool)),) if tool.source else ()
    return ("-t", str(lasts_s), *source, str(tool.group), str(tool.port))


def _omping(plan: Plan, tool: PlanTool) -> tuple[str, ...]:
    """-F allows short periods; addresses are given in the order of the hosts, its own among them."""
    options = [f"-{tool.version}", "-F", "-i", f"{tool.period_s:g}", "-t", str(tool.hops), "-M", tool.mode]
    if tool.count is not None:
        options += ["-c", str(tool.count)]
    if tool.group is not None and tool.mode != "ipbc":
        options += ["-m", str(tool.group)]
    if tool.port is not None:
        options += ["-p", str(tool.port)]
    addresses = [str(address_of(plan.host(name), tool)) for name in tool.hosts]
    return (*options, *addresses)
