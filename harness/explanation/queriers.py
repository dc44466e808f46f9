"""Why nobody asks, or asks no more, or is not heard asking: reasons behind a query that did not come.

Hosts report when they join and when they are asked; so where no query comes, every table runs empty
(RFC 2236 section 3, RFC 2710 section 4). Each function yields sentences, each the reason of the one before.
Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.explanation import rules
from harness.explanation.case import Case, trouble
from harness.explanation.scene import Step
from harness.explanation.way import way
from harness.observations.model import Igmp
from harness.observations.words import moment
from harness.plan.model import ActionKind, Forgery
from harness.protocols.snooping_config import SnoopingConfig
from harness.source.duration import text as seconds

_USUAL_RESPONSE_S = 10.0
"""RFC 2236 section 8.3, RFC 2710 section 7.3."""


def never_asked(case: Case, switch: str) -> Iterator[str]:
    """Say why a switch has never heard a query, and sent none."""
    domain = case.scene.domain(switch)
    running: list[str] = []
    stopped: list[str] = []
    elsewhere: list[str] = []
    for device in case.scene.askers():
        place = device if device in case.scene.switches else case.scene.hosts[device].switch
        runs = case.scene.querier_of(device, case.at_s, case.protocol) is not None
        if place not in domain:
            if runs:
                elsewhere.append(device)
        elif runs:
            running.append(device)
        elif case.scene.last_querier_step(device, case.at_s, case.protocol) is not None:
            stopped.append(device)
    if running:
        yield from _unheard(case, switch, running[0])
        return
    what = "an MLD querier" if case.protocol == "mld" else "a querier"
    if stopped:
        yield f"{stopped[0]} has {what}, {stopped_by(case, stopped[0])}"
    elif elsewhere:
        yield f"{_place(case, elsewhere[0])} asks, {_other_domain(case, switch, elsewhere[0])}"
    elif _other_protocol(case, domain):
        spoken, lacking = ("MLD", "IGMP") if case.protocol == "igmp" else ("IGMP", "MLD")
        yield f"the only querier of this network asks in {spoken}, nobody asks in {lacking}"
    else:
        yield f"no switch, router or host of this network runs {what}"


def _place(case: Case, device: str) -> str:
    return device if device in case.scene.switches else f"{device} (on {case.scene.hosts[device].switch})"


def _other_domain(case: Case, switch: str, device: str) -> str:
    scene = case.scene
    there = device if device in scene.switches else scene.hosts[device].switch
    here_vlan, there_vlan = scene.switches[switch].vlan, scene.switches[there].vlan
    if here_vlan != there_vlan and there_vlan is not None:
        return f"but in VLAN {there_vlan}, and this is VLAN {here_vlan}: queries stay in their VLAN"
    return f"but no cable joins {there} with {switch}"


def _other_protocol(case: Case, domain: frozenset[str]) -> bool:
    other = "mld" if case.protocol == "igmp" else "igmp"
    return any(
        case.scene.querier_of(device, case.at_s, other) is not None
        for device in case.scene.askers()
        if (device if device in case.scene.switches else case.scene.hosts[device].switch) in domain
    )


def stopped_by(case: Case, device: str) -> str:
    """Say since when a querier is stopped: ``stopped by "r1: querier off" at 60.0 s (line 14)``."""
    step = case.scene.last_querier_step(device, case.at_s, case.protocol)
    if step is None:
        return "switched off from the start"
    return f"stopped by {step}" if step.action.kind is ActionKind.STOP_QUERIER else f"started by {step}"


def _unheard(case: Case, switch: str, device: str) -> Iterator[str]:
    """Say why the queries of a device that is told to ask are not heard."""
    if why := silent(case, device):
        yield why
        return
    yield f"{device} asks, but its queries do not reach {switch}"
    yield from lost_queries(case, device, switch)


def silent(case: Case, device: str) -> str:
    """Say why a device that is told to ask does not; empty if it does, or nobody can say."""
    querier = case.scene.querier_of(device, case.at_s, case.protocol)
    if querier is None:
        return ""
    if device in case.scene.switches:
        config = case.behaviour(device)
        if config is not None and config.standing_querier() is None:
            return _kept_silent(case, device, config)
        if any(query.sent for query in case.queries(device)):
            return ""
    if querier.start_delay_s > case.at_s:
        return f"{device} listens for {seconds(querier.start_delay_s)} before it asks for the first time"
    others = [line for line in case.querier_lines(device) if line.present]
    if others and others[-1].address != str(querier.address):
        known = others[-1]
        rule = rules.in_brackets(rules.ELECTION[case.protocol])
        return (
            f"{device} keeps silent: it takes {case.named(known.address)} for the querier, "
            f"{case.since(known.at_s)}{rule}"
        )
    return ""


def _kept_silent(case: Case, device: str, config: SnoopingConfig) -> str:
    switch = case.scene.switches[device]
    if not config.snooping:
        return f"{device} has a querier that is silent while its snooping is off"
    if config.querier_yields_to_router_port and config.static_router_ports:
        rule = rules.setting(switch, config, "querier_yields_to_router_port")
        port = case.towards(device, config.static_router_ports[0])
        return f"{device} has a querier that keeps silent: its static router port {port} forbids it [{rule}]"
    if config.querier_needs_address and config.querier is not None and config.querier.address.is_unspecified:
        rule = rules.setting(switch, config, "querier_needs_address")
        return f"{device} has a querier that keeps silent: it has no address to ask from [{rule}]"
    return f"{device} has a querier whose address no host would heed, so it keeps silent"


def lost_queries(case: Case, device: str, goal: str) -> Iterator[str]:
    """Say which cable between a querier and a switch or host keeps its queries, if one does."""
    for cable in way(case.scene, device, goal, case.at_s):
        passes, words = trouble(case, cable, case.messages)
        if passes is not True:
            yield words
            return


# --- queries that come no more ------------------------------------------------------------------------------


def asks_no_more(case: Case, switch: str, last: Igmp) -> Iterator[str]:
    """Say why no query followed the last one that a switch heard."""
    if forged := forgery_of(case, last):
        who, line = forged.action.target, forged.action.line
        yield f"the query from {last.source} at {moment(last.at_s)} was forged by {who} (line {line})"
        yield from _real_querier_silent(case, switch)
        return
    device = switch if last.sent else case.scene.device_with(last.source)
    if not device:
        if last.source in {"0.0.0.0", "::"}:  # noqa: S104  an address in a record, nothing is bound to it
            yield from _asked_from_nowhere(case, switch, last)
        return
    yield from _device_asks_no_more(case, switch, device, last)


def _device_asks_no_more(case: Case, switch: str, device: str, last: Igmp) -> Iterator[str]:
    if case.scene.querier_of(device, case.at_s, case.protocol) is None:
        yield f"{device}'s querier was {_ended(case, device)}"
        return
    if why := silent(case, device):
        yield why
        return
    restart = case.last_step(device, ActionKind.RESTART_NODE, ActionKind.RESTART_SWITCH)
    if restart is not None and restart.at_s >= last.at_s:
        yield f"{device} was restarted: {restart}"
        return
    lost = tuple(lost_queries(case, device, switch))
    if lost:
        yield from lost
    elif (querier := case.scene.querier_of(device, case.at_s, case.protocol)) is not None:
        yield f"{device} asks every {seconds(querier.query_interval_s)}"


def _ended(case: Case, device: str) -> str:
    """``stopped by "..."``: by a step of its own, or by one that set the switch."""
    own = case.scene.last_querier_step(device, case.at_s, case.protocol)
    configured = case.last_step(device, ActionKind.CONFIGURE)
    steps = [step for step in (own, configured) if step is not None]
    if not steps:
        return "never switched on"
    return f"stopped by {max(steps, key=lambda step: step.at_s)}"


def _asked_from_nowhere(case: Case, switch: str, last: Igmp) -> Iterator[str]:
    """A query from 0.0.0.0: of a switch without an address, or of one whose tree changed."""
    for device in sorted(case.scene.domain(switch)):
        querier = case.scene.querier_of(device, case.at_s, case.protocol)
        if querier is not None and querier.address.is_unspecified:
            return
    yield f"no device asks from {last.source} by itself: it was a single query, not a querier's"


def _real_querier_silent(case: Case, switch: str) -> Iterator[str]:
    domain = case.scene.domain(switch)
    for device in case.scene.askers():
        place = device if device in case.scene.switches else case.scene.hosts[device].switch
        if place in domain and (why := silent(case, device)):
            yield why
            return


def forgery_of(case: Case, query: Igmp) -> Step | None:
    """Return the step that forged a query, if one did."""
    found = None
    for step in case.scene.until(query.at_s + case.scene.history.guard_s):
        forgery: Forgery | None = step.action.forgery
        if forgery is not None and str(forgery.source) == query.source:
            found = step
    device = case.scene.device_with(query.source)
    honest = bool(device) and case.scene.querier_of(device, query.at_s, case.protocol) is not None
    return None if honest else found


def response_time_s(case: Case, source: str) -> float:
    """Return how long hosts may take to answer an address's queries; the RFCs' default if unknown."""
    device = case.scene.device_with(source)
    querier = case.scene.querier_of(device, case.at_s, case.protocol) if device else None
    return _USUAL_RESPONSE_S if querier is None else querier.max_response_s
