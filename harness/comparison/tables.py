"""Where the switches' tables of two runs part: members with their filters, router ports, querier and mode.

How a switch treats unregistered groups is compared where both runs emulate the switch: a genuine one does not
tell when it floods because no querier is known. What it does is in the datagrams.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.comparison.limits import Limits
from harness.comparison.series import Line, Series, Span, Turn, differences
from harness.plan.model import Plan
from harness.profiles import DataPlane
from harness.verdicts import words

_MODES = {
    "off": "has snooping off",
    "flood": "snoops and floods unregistered groups",
    "router-ports": "snoops and sends unregistered groups to router ports only",
    "drop": "snoops and drops unregistered groups",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableParting:
    """A line of a table that differs, since when, and what each side has."""

    line: Line
    span: Span
    left: str
    right: str


def table_partings(
    plan: Plan, left: Mapping[Line, Series], right: Mapping[Line, Series], limits: Limits, until_s: float
) -> tuple[TableParting, ...]:
    """Return every line that differs for too long, in the order of time and then of the plan's devices."""
    devices = (*(switch.name for switch in plan.switches), *(host.name for host in plan.hosts))
    order = {name: index for index, name in enumerate(devices)}
    genuine = {switch.name for switch in plan.switches if switch.data_plane is not DataPlane.EMULATED}
    found: list[TableParting] = []
    for line in sorted({*left, *right}):
        if line.table == "mode" and line.device in genuine:
            continue
        ours, theirs = left.get(line, Series()), right.get(line, Series())
        span = limits.first(tuple(differences(ours, theirs, until_s)))
        if span is not None:
            found.append(
                TableParting(
                    line=line,
                    span=span,
                    left=_has(line, ours, span.from_s, until_s),
                    right=_has(line, theirs, span.from_s, until_s),
                )
            )
    found.sort(key=lambda one: (one.span.from_s, order.get(one.line.device, len(order)), one.line))
    return tuple(found)


def _has(line: Line, series: Series, at_s: float, until_s: float) -> str:
    """Say what a side has at a moment, since when, until when, and why it changed."""
    now, then = series.at(at_s), series.after(at_s)
    since = f" since {words.moment(now.at_s)}{_because(now)}" if now.at_s > 0 else ""
    next_at = "" if then is None or then.at_s >= until_s else f"{words.moment(then.at_s)}{_because(then)}"
    if now.state is None:
        return f"{_lacks(line)}{since}{f', but from {next_at}' if next_at else ''}"
    return f"{_holds(line, now.state)}{since} {f'until {next_at}' if next_at else 'to the end'}"


def _because(turn: Turn) -> str:
    return f" ({turn.cause})" if turn.cause else ""


def _holds(line: Line, state: str) -> str:
    mld = "MLD " if line.protocol == "mld" else ""
    match line.table:
        case "member":
            of = f" ({state})" if state else ""
            return f"has {line.port} as member of {line.group}{of}"
        case "router-port":
            return f"has {line.port} as {mld}router port"
        case "querier":
            return f"knows the {mld}querier {state}"
        case _:
            return f"{_MODES.get(state, state)}{' (MLD)' if mld else ''}"


def _lacks(line: Line) -> str:
    mld = "MLD " if line.protocol == "mld" else ""
    match line.table:
        case "member":
            return f"does not have {line.port} as member of {line.group}"
        case "router-port":
            return f"does not have {line.port} as {mld}router port"
        case "querier":
            return f"knows no {mld}querier"
        case _:
            return f"tells no {mld}mode"
