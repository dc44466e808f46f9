"""Judges the tables of a switch at one moment."""

from __future__ import annotations

from collections.abc import Iterable

from harness.observations.history import History
from harness.observations.switch_log import Tables, protocol_of
from harness.plan.model import ExpectTables
from harness.verdicts import words
from harness.verdicts.finding import Finding
from harness.verdicts.model import Status


def find_tables(history: History, expectation: ExpectTables, slack_s: float = 0.0) -> Finding:
    """Look whether the tables are as written; with ``slack_s``, at any moment that close to the one written.

    A state that held a millisecond of this machine's time before or after is neither right nor wrong.
    """
    expected = f"{expectation.switch} at {words.moment(expectation.at_s)}: {'; '.join(_wanted(expectation))}"
    known = history.switches.tables_at(expectation.switch, expectation.at_s, _protocol(expectation))
    wrong = tuple(_differences(expectation, known))
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
    protocol = _protocol(expectation)
    return any(not any(_differences(expectation, log.tables_at(switch, at_s, protocol))) for at_s in moments)


def _protocol(expectation: ExpectTables) -> str:
    """Return whose router ports and querier are meant: MLD's where an IPv6 address is written."""
    written = [group for group, _ in expectation.groups or ()]
    if expectation.querier is not None:
        written.append(expectation.querier)
    return "mld" if any(protocol_of(str(address)) == "mld" for address in written) else "igmp"


def _wanted(expectation: ExpectTables) -> Iterable[str]:
    for group, ports in expectation.groups or ():
        yield f"{group} -> {words.names(ports)}"
    if expectation.router_ports is not None:
        yield f"router ports: {words.names(expectation.router_ports)}"
    if expectation.querier_judged:
        yield f"querier: {expectation.querier or 'none'}"


def _differences(expectation: ExpectTables, known: Tables) -> Iterable[str]:
    """Yield what is known instead of what was wanted."""
    for group, ports in expectation.groups or ():
        found = known.groups.get(str(group), ())
        if set(found) != set(ports):
            yield f"{group} -> {words.names(found)}"
    if expectation.router_ports is not None and set(known.router_ports) != set(expectation.router_ports):
        yield f"router ports: {words.names(known.router_ports)}"
    if expectation.querier_judged and known.querier != str(expectation.querier or ""):
        yield f"querier: {known.querier or 'none'}"
