"""Judges the tables of a switch at one moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.observations.history import History
from harness.observations.switch_log import SwitchLog
from harness.plan.model import ExpectTables
from harness.verdicts import words
from harness.verdicts.finding import Finding
from harness.verdicts.model import Status


def find_tables(history: History, expectation: ExpectTables, slack_s: float = 0.0) -> Finding:
    """Look whether the tables are as written; with ``slack_s``, at any moment that close to the one written.

    A state that held a millisecond of this machine's time before or after is neither right nor wrong.
    """
    expected = f"{expectation.switch} at {words.moment(expectation.at_s)}: {'; '.join(_wanted(expectation))}"
    wrong = tuple(_differences(expectation, history.switches, expectation.at_s))
    if not wrong:
        return Finding(status=Status.PASSED, expected=expected, got="as written")
    got = f"{expectation.switch} at {words.moment(expectation.at_s)}: {'; '.join(wrong)}"
    if slack_s and _held_near(history, expectation, slack_s):
        return Finding(status=Status.PASSED, expected=expected, got=got)
    if _held_near(history, expectation, history.guard_s):
        got = f"{got}, but the tables changed at that very moment"
        return Finding(status=Status.INCONCLUSIVE, expected=expected, got=got)
    return Finding(status=Status.FAILED, expected=expected, got=got, only_lost=True)


def _held_near(history: History, expectation: ExpectTables, slack_s: float) -> bool:
    log, switch = history.switches, expectation.switch
    from_s, until_s = expectation.at_s - slack_s, expectation.at_s + slack_s
    moments = (from_s, *log.moments_of_change(switch, from_s, until_s))
    return any(not any(_differences(expectation, log, at_s)) for at_s in moments)


def _wanted(expectation: ExpectTables) -> Iterable[str]:
    for group, ports in expectation.groups or ():
        yield f"{group} -> {words.names(ports)}"
    for asked in _asked(expectation):
        if asked.router_ports is not None:
            yield f"{asked.prefix}router ports: {words.names(asked.router_ports)}"
        if asked.querier is not None:
            yield f"{asked.prefix}querier: {asked.querier or 'none'}"


def _differences(expectation: ExpectTables, log: SwitchLog, at_s: float) -> Iterable[str]:
    """Yield what is known at a moment instead of what was wanted."""
    groups = log.tables_at(expectation.switch, at_s).groups
    for group, ports in expectation.groups or ():
        found = groups.get(str(group), ())
        if set(found) != set(ports):
            yield f"{group} -> {words.names(found)}"
    for asked in _asked(expectation):
        known = log.tables_at(expectation.switch, at_s, asked.protocol)
        if asked.router_ports is not None and set(known.router_ports) != set(asked.router_ports):
            yield f"{asked.prefix}router ports: {words.names(known.router_ports)}"
        if asked.querier is not None and known.querier != asked.querier:
            yield f"{asked.prefix}querier: {known.querier or 'none'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What must be known of one protocol; None is not judged, and an empty ``querier`` is none."""

    protocol: str
    prefix: str
    router_ports: tuple[str, ...] | None
    querier: str | None


def _asked(expectation: ExpectTables) -> tuple[_Asked, ...]:
    querier, mld_querier = (
        str(address or "") if judged else None
        for address, judged in (
            (expectation.querier, expectation.querier_judged),
            (expectation.mld_querier, expectation.mld_querier_judged),
        )
    )
    return (
        _Asked(protocol="igmp", prefix="", router_ports=expectation.router_ports, querier=querier),
        _Asked(
            protocol="mld",
            prefix="MLD ",
            router_ports=expectation.mld_router_ports,
            querier=mld_querier,
        ),
    )
