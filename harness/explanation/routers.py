"""Why a port is no router port: no query came in there, none that counts, or none for too long.

A switch sends to router ports what it knows nobody else for, and, first of all, the reports that switches
behind them need (RFC 4541 section 2.1.1 (1), section 3 for MLD). Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.explanation import rules
from harness.explanation.case import Case
from harness.explanation.queriers import asks_no_more, never_asked
from harness.observations.model import Igmp, TableLine
from harness.observations.words import moment
from harness.plan.model import ActionKind, End
from harness.source.duration import text as seconds


def no_router_port(case: Case, switch: str, port: str) -> Iterator[str]:
    """Say why a port is no router port at the moment."""
    line = case.last_router_line(switch, port)
    here = case.queries(switch, port=port)
    if line is not None and not line.present:
        yield from _gone(case, switch, line, here)
    elif not here:
        yield from _no_query_there(case, switch, port)
    else:
        yield from _queries_that_do_not_count(case, switch, port, here)


def _gone(case: Case, switch: str, line: TableLine, here: tuple[Igmp, ...]) -> Iterator[str]:
    place, config = case.towards(switch, line.port), case.behaviour(switch)
    if not line.cause.startswith("aged out") or config is None or not here:
        yield f"{place} of {switch} is no router port since {moment(line.at_s)}: {line.cause}"
        cable = case.scene.cable_of(switch, line.port)
        if cable is not None and (down := case.scene.down(cable, case.at_s)):
            yield f"the cable {cable} is {down}"
        elif here:
            yield from asks_no_more(case, switch, here[-1])
        return
    last = [query for query in here if query.at_s <= line.at_s] or list(here)
    lives_s = config.router_port_interval_s
    yield (
        f"{place} of {switch} is no router port since {moment(line.at_s)}: no query came in there for "
        f"{seconds(lives_s)}, the last at {moment(last[-1].at_s)} from {case.named(last[-1].source)}"
    )
    querier = case.scene.querier_of(
        case.scene.device_with(last[-1].source) or switch, case.at_s, case.protocol
    )
    if querier is not None and 0 < lives_s < querier.query_interval_s:
        rule = rules.setting(
            case.scene.switches[switch], config, "router_port_interval", "router_port_interval_s"
        )
        yield (
            f"queries come every {seconds(querier.query_interval_s)}, and {switch} forgets a router port "
            f"after {seconds(lives_s)} [{rule}]"
        )
        return
    yield from asks_no_more(case, switch, last[-1])


def _no_query_there(case: Case, switch: str, port: str) -> Iterator[str]:
    heard = case.queries(switch)
    place = case.towards(switch, port)
    if not heard:
        yield f"no query ever made it one: nobody asks, {switch} has never heard a query"
        yield from never_asked(case, switch)
        return
    last = heard[-1]
    if last.sent:
        yield f"no query ever came in at {place}: {switch} asks itself"
        return
    side = case.towards(switch, last.port)
    yield (
        f"no query ever came in at {place}: the last, of {case.named(last.source)} at {moment(last.at_s)}, "
        f"came in at {side}"
    )
    opened = case.last_step_at(End(device=switch, port=port), ActionKind.LINK_UP)
    if opened is not None and opened.at_s > last.at_s:
        yield f"that way is open only since {opened}"
    yield from asks_no_more(case, switch, last)


def _queries_that_do_not_count(case: Case, switch: str, port: str, here: tuple[Igmp, ...]) -> Iterator[str]:
    config = case.behaviour(switch)
    nowhere = all(query.source in {"0.0.0.0", "::"} for query in here)  # noqa: S104  addresses in records
    if nowhere and config is not None and not config.learn_router_from_zero:
        rule = rules.in_brackets(rules.NO_ROUTER_AT_ZERO[case.protocol])
        yield (
            f"the only queries that came in at {port} are from {here[-1].source}, the first at "
            f"{moment(here[0].at_s)}, and such make no router port{rule}"
        )
        return
    yield f"queries came in at {port}, the last at {moment(here[-1].at_s)} from {case.named(here[-1].source)}"
