"""Judges the tables of a switch at one moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.observations.history import History
from harness.observations.switch_log import SwitchLog, protocol_of
from harness.plan.model import ExpectTables
from harness.verdicts import words
from harness.verdicts.finding import Finding
from harness.verdicts.model import Status
from harness.wire.membership import Address


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
    for wanted in _of_protocols(expectation):
        if wanted.router_ports is not None:
            yield f"{wanted.of}router ports: {words.names(wanted.router_ports)}"
        if wanted.querier_judged:
            yield f"{wanted.of}querier: {wanted.querier or 'none'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfProtocol:
    """What is expected of one protocol; ``of`` is how it is called."""

    protocol: str
    of: str
    router_ports: tuple[str, ...] | None
    querier: Address | None
    querier_judged: bool


def _of_protocols(expectation: ExpectTables) -> tuple[_OfProtocol, _OfProtocol]:
    return (
        _OfProtocol(
            protocol="igmp",
            of="",
            router_ports=expectation.router_ports,
            querier=expectation.querier,
            querier_judged=expectation.querier_judged,
        ),
        _OfProtocol(
            protocol="mld",
            of="MLD ",
            router_ports=expectation.mld_router_ports,
            querier=expectation.mld_querier,
            querier_judged=expectation.mld_querier_judged,
        ),
    )


def _differences(expectation: ExpectTables, log: SwitchLog, at_s: float) -> Iterable[str]:
    """Yield what was known at a moment instead of what was wanted."""
    for wanted in _of_protocols(expectation):
        known = log.tables_at(expectation.switch, at_s, wanted.protocol)
        for group, ports in expectation.groups or ():
            found = known.groups.get(str(group), ())
            if wanted.protocol == protocol_of(str(group)) and set(found) != set(ports):
                yield f"{group} -> {words.names(found)}"
        if wanted.router_ports is not None and set(known.router_ports) != set(wanted.router_ports):
            yield f"{wanted.of}router ports: {words.names(known.router_ports)}"
        if wanted.querier_judged and known.querier != str(wanted.querier or ""):
            yield f"{wanted.of}querier: {known.querier or 'none'}"
