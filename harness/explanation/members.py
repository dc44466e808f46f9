"""Why a switch's port is no member of a group although somebody behind it wants the group.

Follows the receiver's reports from its stack over the cables and switches to the port in question, and the
queries that should have called for them the other way. Each function yields sentences, each the reason of the
one before; they end with the root, or where the records end. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.explanation import rules
from harness.explanation.case import Case, trouble
from harness.explanation.hosts import fails, reports_nothing, unanswered
from harness.explanation.queriers import (
    asks_no_more,
    forgery_of,
    lost_queries,
    never_asked,
    response_time_s,
)
from harness.explanation.routers import no_router_port
from harness.explanation.scene import Cable, Step, end_words
from harness.explanation.way import backwards, way
from harness.observations.model import TableLine
from harness.observations.words import moment
from harness.plan.model import ActionKind, End
from harness.protocols.dialect import source_specific
from harness.protocols.snooping_config import FloodUntil, RelayTo, SnoopingConfig
from harness.source.duration import text as seconds

_UNTOLD = "told by "
"""How the cause begins where a genuine switch was asked for its tables."""
_LEAVE_TAKES_S = 20.0
"""After a leave, an entry is over not later than this, whatever the querier's settings are by default."""


def no_member(case: Case, switch: str, port: str) -> Iterator[str]:
    """Say why a port is no member of the case's group."""
    if wish := not_wanted(case):
        yield wish
        return
    line = case.last_member_line(switch, port)
    if line is None:
        yield from _never_entered(case, switch, port)
    elif not line.present:
        yield from _gone(case, switch, line)


def not_wanted(case: Case) -> str:
    """Return since when the receiver does not want the group itself; empty if it does."""
    intervals = case.scene.history.members.intervals(case.stream.number, case.receiver)
    if any(start <= case.at_s < end for start, end in intervals):
        return ""
    later = [start for start, _ in intervals if start > case.at_s]
    before = [end for _, end in intervals if end <= case.at_s]
    group = f"{case.receiver} is no member of {case.group}"
    if before:
        return f"{group}: it left at {moment(max(before))}"
    return f"{group}: it joins at {moment(min(later))} only" if later else f"{group}: it never joins"


# --- entries that went --------------------------------------------------------------------------------------


def _gone(case: Case, switch: str, line: TableLine) -> Iterator[str]:
    """Say why an entry went, and why it has not come back."""
    config = case.behaviour(switch)
    cause, peer = line.cause, case.scene.peer(switch, line.port)
    place = case.towards(switch, line.port)
    if "fast leave" in cause:
        yield from _cut_off(case, switch, line)
    elif cause.startswith("left") or _left(case, switch, line):
        yield from _left_without_answer(case, switch, line)
    elif (step := _step_at(case, switch, line)) is not None:
        yield f"{place} of {switch} was taken out at {moment(line.at_s)}: {step}"
        yield from _asked_again(case, switch, line.at_s)
    elif config is not None and cause.startswith(("aged out", _UNTOLD)):
        interval_s = config.membership_interval_s
        whose = f"the last report of {peer}" if case.scene.is_host(peer) else "the last report from there"
        after = f", {seconds(interval_s)} after {whose}" if interval_s else ""
        rule = rules.in_brackets(rules.AGEING[case.protocol])
        yield f"{place} of {switch} aged out at {moment(line.at_s)}{after}{rule}"
        yield from _not_renewed(case, switch, line, interval_s)
    else:
        yield f"{place} of {switch} was taken out at {moment(line.at_s)}: {cause}"
        yield from _asked_again(case, switch, line.at_s)


def _step_at(case: Case, switch: str, line: TableLine) -> Step | None:
    """Return the step that took a line out of a genuine switch's table, which never says why itself."""
    if not line.cause.startswith(_UNTOLD):
        return None
    ended = case.last_step(switch, ActionKind.RESTART_SWITCH, ActionKind.CONFIGURE)
    down = case.last_step_at(End(device=switch, port=line.port), ActionKind.LINK_DOWN)
    near_s = max(1.0, case.scene.history.guard_s)
    steps = [step for step in (ended, down) if step is not None and 0 <= line.at_s - step.at_s <= near_s]
    return max(steps, key=lambda step: step.at_s, default=None)


def _left(case: Case, switch: str, line: TableLine) -> bool:
    """Whether a leave was heard so shortly before that it can have ended the entry."""
    config = case.behaviour(switch)
    leaves = case.messages_at(switch, line.port, "leave")
    if config is None or not leaves or line.cause.startswith("aged out"):
        return False
    takes_s = config.last_member_interval_s * max(config.last_member_count, 1) + 1.0
    return leaves[-1].at_s <= line.at_s <= leaves[-1].at_s + takes_s


def _cut_off(case: Case, switch: str, line: TableLine) -> Iterator[str]:
    config = case.behaviour(switch)
    rule = "" if config is None else rules.setting(case.scene.switches[switch], config, "fast_leave")
    who = case.named(line.cause.removeprefix("leave from ").partition(",")[0])
    place = case.towards(switch, line.port)
    yield (
        f"{switch} cut {place} off at once at {moment(line.at_s)}, on a leave of {who}, without asking "
        f"whether others are behind it (fast leave){rules.in_brackets(rule)}"
    )
    if case.scene.device_with(line.cause.removeprefix("leave from ").partition(",")[0]) != case.receiver:
        yield f"{case.receiver} is behind the same port, wants the group still, and reports only when asked"


def _left_without_answer(case: Case, switch: str, line: TableLine) -> Iterator[str]:
    who, left_s = _leaver(case, switch, line)
    of = f" of {who} at {moment(left_s)}" if who else ""
    place = case.towards(switch, line.port)
    rule = rules.in_brackets(rules.LEAVES[case.protocol])
    yield f"{place} of {switch} ended at {moment(line.at_s)}: nobody answered after the leave{of}{rule}"
    if who != case.receiver:
        asker = case.tables(switch).querier
        yield from unanswered(case, asker)


def _leaver(case: Case, switch: str, line: TableLine) -> tuple[str, float]:
    """Who left shortly before an entry ended, by its leave or, where it spoke in records, by its own wish."""
    leaves = [one for one in case.messages_at(switch, line.port, "leave") if one.at_s <= line.at_s]
    if leaves:
        return case.scene.device_with(leaves[-1].source) or leaves[-1].source, leaves[-1].at_s
    history = case.scene.history
    ends = [
        (end, host.name)
        for host in history.plan.nodes
        for _, end in history.members.intervals(case.stream.number, host.name)
        if line.at_s - _LEAVE_TAKES_S <= end <= line.at_s
    ]
    at_s, name = max(ends, default=(0.0, ""))
    return name, at_s


def _asked_again(case: Case, switch: str, since_s: float) -> Iterator[str]:
    """An entry was lost, or could not be made, until a moment: hosts report again when they are asked."""
    queries = [query for query in case.queries(switch) if query.at_s >= since_s]
    if down := _cable_down(case, switch):
        yield down
        return
    if not queries:
        yield f"{case.receiver} reports again only when asked, and {_last_asked(case, switch)}"
        yield from _why_not_asked(case, switch)
        return
    last = queries[-1]
    response_s = response_time_s(case, last.source)
    told = False
    for reason in unanswered(case, last.source):
        told = True
        yield reason
    if not told and case.at_s - last.at_s <= response_s + 1:
        yield (
            f"{case.receiver} was asked again at {moment(last.at_s)}, and has {seconds(response_s)} to answer"
        )


def _cable_down(case: Case, switch: str) -> str:
    for cable in backwards(way(case.scene, switch, case.receiver, case.at_s)):
        if why := case.scene.down(cable, case.at_s):
            return f"the cable {cable} is {why}"
    return ""


def _last_asked(case: Case, switch: str) -> str:
    queries = case.queries(switch)
    if not queries:
        return f"nobody asks: {switch} has never heard a query"
    last = queries[-1]
    who = f"{switch} itself" if last.sent else case.named(last.source)
    when = "the start" if last.at_s <= 0 else moment(last.at_s)
    return f"nobody has asked since {when} (query from {who})"


def _why_not_asked(case: Case, switch: str) -> Iterator[str]:
    queries = case.queries(switch)
    if queries:
        yield from asks_no_more(case, switch, queries[-1])
    else:
        yield from never_asked(case, switch)


def _not_renewed(case: Case, switch: str, line: TableLine, interval_s: float) -> Iterator[str]:
    """Say why no report renewed an entry in the interval before it aged out."""
    renewed_s = line.at_s - interval_s
    since_s = max(renewed_s, 0.0)  # what came before the scenario began has the moment 0
    heard = [query for query in case.queries(switch) if since_s < query.at_s < line.at_s]
    asked = [query for query in heard if forgery_of(case, query) is None]
    if not heard:
        yield f"no report renewed it: {_last_asked(case, switch)}"
        yield from _too_seldom(case, switch, interval_s) or _why_not_asked(case, switch)
        return
    if not asked:
        yield "no report renewed it: all queries since then were forged"
        yield from asks_no_more(case, switch, heard[-1])
        return
    first = asked[0]
    response_s = response_time_s(case, first.source)
    if line.at_s - first.at_s < response_s:
        who = f"{switch} itself" if first.sent else case.named(first.source)
        yield (
            f"{who} asks too seldom: the next query came {seconds(round(first.at_s - renewed_s, 1))} after "
            f"the last report, and answers take up to {seconds(response_s)}"
        )
        return
    yield from _unheard_answers(case, switch, first.source, interval_s)


def _too_seldom(case: Case, switch: str, lives_s: float) -> tuple[str, ...]:
    """A querier that asks less often than entries live, by what it is told to do."""
    queries, config = case.queries(switch), case.behaviour(switch)
    device = (switch if queries[-1].sent else case.scene.device_with(queries[-1].source)) if queries else ""
    querier = case.scene.querier_of(device, case.at_s, case.protocol) if device else None
    if querier is None or config is None or querier.query_interval_s < lives_s:
        return ()
    rule = rules.setting(case.scene.switches[switch], config, "membership_interval", "membership_interval_s")
    asks = f"{device} asks every {seconds(querier.query_interval_s)}"
    return (f"{asks}, and {switch} forgets a member after {seconds(lives_s)} [{rule}]",)


def _unheard_answers(case: Case, switch: str, asker: str, lives_s: float) -> Iterator[str]:
    """Queries came, and no report: the queries got lost on, the host kept silent, or its report was lost.

    Where none of it is known, the query may have gone to another port only, that came up.
    """
    for reasons in (
        lost_queries(case, switch, case.receiver),
        unanswered(case, asker),
        _kept_back(case, switch),
        _lost_reports(case, switch),
        _too_seldom(case, switch, lives_s),
    ):
        told = tuple(reasons)
        if told:
            yield from told
            return


def _kept_back(case: Case, switch: str) -> Iterator[str]:
    """Hosts of older versions that hear another's report keep their own back (RFC 2236 section 3)."""
    cables = backwards(way(case.scene, switch, case.receiver, case.at_s))
    if _speaks_records(case, cables):
        return
    for cable in cables:
        here = cable.far.device
        config = case.behaviour(here)
        if config is not None and config.relay_reports_to is RelayTo.ALL and _snoops(case, here):
            rule = rules.setting(case.scene.switches[here], config, "relay_reports_to")
            yield (
                f"{here} passes reports to every port, so {case.receiver} hears those of others and keeps "
                f"its own back [{rules.LEAVES[case.protocol]}; {rule}]"
            )
            return


# --- entries that never came --------------------------------------------------------------------------------


def _never_entered(case: Case, switch: str, port: str) -> Iterator[str]:
    config = case.behaviour(switch)
    heard = case.messages_at(switch, port, "report")
    if heard and config is not None and (refused := _refused(case, switch, port, config)):
        yield refused
        return
    if not heard:
        told = case.towards(switch, port)
        yield f"no report of {case.receiver} ever came to {switch} at {told}"
    yield from _lost_reports(case, switch)


def _refused(case: Case, switch: str, port: str, config: SnoopingConfig) -> str:
    """Say why a switch heard a report and entered nothing; empty if nobody can say."""
    planned = case.scene.switches[switch]
    if (
        not config.any_source_in_ssm
        and source_specific(case.stream.group)
        and not case.stream.source_specific
    ):
        return (
            f"{switch} ignores joins of any source in the range of source-specific multicast, "
            f"where {case.group} is [{rules.SSM_RANGE}]"
        )
    if config.no_members_on_router_ports and port in case.tables(switch).router_ports:
        return f"{switch} learns no members on {port}, since it is a router port"
    groups = case.tables(switch).groups
    if config.most_groups and len(groups) >= config.most_groups:
        rule = rules.setting(planned, config, "most_groups")
        return f"the table of {switch} is full: it has room for {config.most_groups} groups [{rule}]"
    of_port = sum(port in ports for ports in groups.values())
    if config.most_groups_per_port and of_port >= config.most_groups_per_port:
        rule = rules.setting(planned, config, "most_groups_per_port")
        return f"{port} of {switch} has its {config.most_groups_per_port} groups and gets no more [{rule}]"
    return ""


def _lost_reports(case: Case, switch: str) -> Iterator[str]:
    """Follow the receiver's reports to a switch, and say where they end.

    Where everything passes the kind of report that was heard last, it may have been the other that counted.
    """
    if why := reports_nothing(case):
        yield why
        return
    cables = backwards(way(case.scene, switch, case.receiver, case.at_s))
    for records in (_speaks_records(case, cables), not _speaks_records(case, cables)):
        reasons = tuple(_on_the_way(case, switch, cables, records))
        if reasons:
            yield from reasons
            return
    yield from _not_yet(case, switch, cables)


def _on_the_way(case: Case, switch: str, cables: tuple[Cable, ...], records: bool) -> Iterator[str]:
    for index, cable in enumerate(cables):
        passes, words = trouble(case, cable, case.messages)
        if passes is not True:
            yield f"reports are lost on the way: {words}"
            return
        here = cable.far.device
        if why := fails(case, here):
            yield why
            return
        if here == switch:
            return
        onward = cables[index + 1]
        member = case.last_member_line(here, cable.far.port)
        if _snoops(case, here) and (member is None or not member.present):
            yield from no_member(case, here, cable.far.port)
            return
        if not _relays(case, here, onward.near.port, records):
            yield from _kept(case, here, cable.far.port, onward)
            return


def _speaks_records(case: Case, cables: tuple[Cable, ...]) -> bool:
    """Whether the receiver's reports hold records (IGMP version 3, MLD version 2), as far as it was heard."""
    newest = "report v3" if case.protocol == "igmp" else "report v2"
    edge = cables[0].far
    heard = case.messages_at(edge.device, edge.port, "report")
    if heard:
        return heard[-1].what == newest
    host = case.scene.hosts[case.receiver]
    version = host.igmp_version if case.protocol == "igmp" else host.mld_version
    return version is None or f"report v{version}" == newest


def _snoops(case: Case, switch: str) -> bool:
    mode = case.tables(switch).mode
    return mode is not None and mode.snooping


def _relays(case: Case, switch: str, port: str, records: bool) -> bool:
    """Whether a switch passes reports on at a port, as it stands at the moment."""
    config = case.behaviour(switch)
    if config is None or not _snoops(case, switch):
        return True
    to = config.relay_records_to if records else config.relay_reports_to
    waits = config.flood_until is FloodUntil.QUERIER and not case.tables(switch).querier
    if to is RelayTo.ALL or (config.floods_reports and waits):
        return True
    return port in case.tables(switch).router_ports


def _kept(case: Case, switch: str, inward: str, onward: Cable) -> Iterator[str]:
    """A switch keeps the reports from the next: the port there is no router port, or should not be one."""
    rule = rules.in_brackets(rules.REPORTS_TO_ROUTERS[case.protocol])
    yield (
        f"{switch} knows {case.receiver} at {inward}, but passes reports to router ports only, and "
        f"{case.towards(switch, onward.near.port)} is none{rule}"
    )
    heard = case.queries(switch)
    if heard and heard[-1].port != onward.near.port and not _is_down(case, switch, heard[-1].port):
        who = f"{switch} itself" if heard[-1].sent else case.named(heard[-1].source)
        far = onward.far
        yield f"{who} asks on that side; so {end_words(far)} should be a router port, and is none"
        yield from no_router_port(case, far.device, far.port)
        return
    yield from no_router_port(case, switch, onward.near.port)


def _is_down(case: Case, switch: str, port: str) -> bool:
    """Whether the cable of a port carries nothing now; the switch itself, without a port, is never down."""
    cable = case.scene.cable_of(switch, port)
    return cable is not None and bool(case.scene.down(cable, case.at_s))


def _not_yet(case: Case, switch: str, cables: tuple[Cable, ...]) -> Iterator[str]:
    """Everything lets reports pass now: what came between is over, and nobody has asked again."""
    opened: list[tuple[float, str]] = []
    for index, cable in enumerate(cables):
        for step in case.scene.until(case.at_s):
            ends = {*step.action.ends, *(one.end for one in step.action.impaired)}
            if step.action.kind in _OPENING and ends & {cable.near, cable.far}:
                opened.append((step.at_s, f"the way is open only since {step}"))
        if index:
            near = cable.near
            line = case.last_router_line(near.device, near.port)
            if line is not None and line.present and line.at_s > 0:
                told = f"{near.port} of {near.device} is a router port only since {moment(line.at_s)}"
                opened.append((line.at_s, f"{told} ({line.cause})"))
    joined = case.last_step(case.receiver, ActionKind.JOIN, ActionKind.RESTART_NODE)
    if joined is not None:
        opened.append((joined.at_s, f"it has begun only now: {joined}"))
    since_s, why = max(opened, default=(0.0, ""))
    if why:
        yield why
    yield from _asked_again(case, switch, since_s)


_OPENING = frozenset({ActionKind.LINK_UP, ActionKind.RESTORE, ActionKind.REPAIR})
