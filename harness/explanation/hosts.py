"""The two ends of the way: whether the sender sends, whether the receiver takes, and what its stack says.

A host that sends, wants and answers by its plan may be kept from it by its own firewall. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.explanation import rules
from harness.explanation.case import Case
from harness.explanation.firewalls import of_datagram, of_queries, of_reports, quoted
from harness.explanation.model import Hop, HopKind
from harness.observations.words import moment, names
from harness.plan.model import Cast
from harness.protocols.firewall.packet import Direction
from harness.protocols.host_config import HostConfig, IgnoredQuery
from harness.protocols.snooping_config import HeaderCheck
from harness.source.duration import text as seconds


def sender_hop(case: Case, number: int) -> Hop:
    """Return whether the sender sent datagram ``number``, the last one due at the moment (-1: none was)."""
    stream, sender = case.stream, case.sender
    hop = Hop(kind=HopKind.SENDER, device=sender, port="eth0", passes=True, why=_sends(case))
    if sender not in stream.senders:
        return _stops(hop, f"does not send {stream.name}; its senders are {names(stream.senders)}")
    if number < 0:
        return _stops(hop, f"sends nothing before {moment(stream.start_s)}")
    flow = case.scene.history.flow(stream.number, sender)
    for first, end, error in flow.refused:
        if first <= number < end:
            ruled = of_datagram(case, sender, Direction.OUT)
            firewall = quoted(case.scene.hosts[sender]) if ruled is None else ruled
            return _stops(hop, f"its kernel refused to send: {error}", firewall)
    if not any(first <= number < end for first, end in flow.sent):
        return _stops(hop, "has not sent this datagram, by the records")
    return hop


def _stops(hop: Hop, why: str, because: str = "") -> Hop:
    told = (because,) if because else ()
    return Hop(kind=hop.kind, device=hop.device, port=hop.port, passes=False, why=why, because=told)


def _sends(case: Case) -> str:
    stream = case.stream
    whole = stream.size + (28 if stream.group.version == 4 else 48)
    mtu = case.scene.hosts[case.sender].mtu
    parts = f", in fragments of at most {mtu} bytes" if whole > mtu else ""
    target = case.group if stream.cast is Cast.MULTICAST else f"{case.receiver}, by unicast"
    return f"sends it to {target}: a packet of {whole} bytes{parts}"


def receiver_hop(case: Case, *, wanted: str, reached: bool, delivered: bool | None) -> Hop:
    """Return whether the receiver takes what reaches it; ``wanted`` says why not, as ``not_wanted`` does.

    Where everything on the way passes and nothing was delivered, its own firewall is what is left.
    """
    host = case.scene.hosts[case.receiver]
    hop = Hop(kind=HopKind.RECEIVER, device=host.name, port="eth0", passes=True, why="")
    if wanted:
        told = wanted.removeprefix(f"{host.name} ")
        told = f"{told}; its card gets it all the same" if delivered else told
        return Hop(kind=hop.kind, device=hop.device, port=hop.port, passes=False, why=told)
    ruled = of_datagram(case, host.name, Direction.IN)
    if ruled:
        return _stops(hop, ruled.replace(f"the firewall of {host.name}", "its own firewall"))
    if ruled is None and reached and delivered is False:
        return _stops(hop, "does not take it, although everything on the way lets it pass", quoted(host))
    intervals = case.scene.history.members.intervals(case.stream.number, case.receiver)
    since_s = max((start for start, end in intervals if start <= case.at_s < end), default=0.0)
    member = f"is a member of {case.group} {case.since(since_s)}"
    why = "listens" if case.stream.cast is Cast.UNICAST else member
    return Hop(kind=hop.kind, device=hop.device, port=hop.port, passes=True, why=why)


# --- what the receiver's stack says -------------------------------------------------------------------------


def _machine(case: Case) -> HostConfig | None:
    host = case.scene.hosts[case.receiver]
    return host.emulated if case.protocol == "igmp" else host.emulated_mld


def reports_nothing(case: Case) -> str:
    """Return why no report of the receiver leaves it; empty if they do, or nobody can say."""
    machine = _machine(case)
    if machine is not None:
        return "" if machine.reports else f"{case.receiver} never reports its groups (host: reports: off)"
    ruled = of_reports(case, case.receiver)
    return f"{case.receiver} reports, and {ruled}" if ruled else ""


def fails(case: Case, switch: str) -> str:
    """Return which check of a switch the receiver's reports fail; empty if they pass."""
    machine, config = _machine(case), case.behaviour(switch)
    if machine is None or config is None or not config.snooping:
        return ""
    for check in config.checks:
        lacks = _lacks(check, machine)
        if lacks:
            rule = rules.setting(case.scene.switches[switch], config, "checks")
            section = rules.HEADERS[case.protocol]
            return f"{switch} drops the reports of {case.receiver} unread: {lacks} [{section}; {rule}]"
    return ""


def _lacks(check: HeaderCheck, machine: HostConfig) -> str:
    match check:
        case HeaderCheck.ROUTER_ALERT:
            return "" if machine.router_alert else "they have no Router Alert option"
        case HeaderCheck.HOPS:
            return "" if machine.hops == 1 else f"their TTL is {machine.hops}, not 1"
        case HeaderCheck.TRAFFIC_CLASS:
            return ""
        case HeaderCheck.DESTINATION:
            wrong = machine.reports_to
            return "" if wrong is None else f"they go to {wrong}, not to the group that they report"


def unanswered(case: Case, asker: str) -> Iterator[str]:
    """Say why the receiver does not answer the queries of an address that reach it; nothing if it should."""
    machine, who = _machine(case), case.receiver
    asked = case.named(asker)
    if why := reports_nothing(case):
        yield why
    elif machine is None:
        ruled = of_queries(case, who, asker) if asker else ""
        if ruled is None:
            yield f"{asked} asks, and {who} does not answer: {quoted(case.scene.hosts[who])}"
        elif ruled:
            yield f"{asked} asks, and {who} does not hear it: {ruled}"
    elif not machine.answers_queries:
        yield f"{who} never answers a query (host: answers_queries: off)"
    elif ignored := _ignores(machine, asker):
        yield f"{who} ignores the queries of {asked}: {ignored}"
    elif machine.extra_delay_s:
        yield f"{who} answers queries {seconds(machine.extra_delay_s)} late, when the answer counts no more"


def _ignores(machine: HostConfig, asker: str) -> str:
    nowhere = asker in {"0.0.0.0", "::"}  # noqa: S104  an address in a record, nothing is bound to it
    for one in machine.ignores:
        if one is IgnoredQuery.FROM_ZERO and nowhere:
            return "it takes none from an unspecified address"
        if one is IgnoredQuery.OFF_SUBNET and not nowhere:
            return "it takes none from another subnet"
    return ""
