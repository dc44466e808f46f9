"""A fact in a few words, and facts and causes as data for JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from enum import Enum
from typing import assert_never

from harness.diagnosis.causes import Cause, Evidence
from harness.diagnosis.facts import (
    Fact,
    GroupFlooded,
    HostFilter,
    InterfaceMtu,
    Members,
    NoQuerier,
    NothingHeard,
    PeerSilent,
    Place,
    ProbeFigures,
    QuerierSeen,
    RouterPorts,
    Snooping,
    TableOverflow,
)
from harness.diagnosis.patterns import Shape, pattern


def in_words(fact: Fact) -> str:  # noqa: C901, PLR0911, PLR0912  one case a kind of fact
    """Return a fact in a few words, without who it is about: that is ``fact.where``."""
    match fact:
        case ProbeFigures():
            return _figures(fact)
        case PeerSilent(peer=peer, refused=refused):
            return f"{peer or 'the server'} answered nothing" + (": no server there" if refused else "")
        case NothingHeard(group=group):
            return f"nothing heard of {group}"
        case QuerierSeen():
            return _querier(fact)
        case NoQuerier(heard_for_s=heard_for_s):
            heard = f" heard for {heard_for_s:.0f} s" if heard_for_s is not None else ""
            return f"{fact.family.value}: no querier{heard}{_in_vlan(fact.vlan)}"
        case Snooping():
            return _snooping(fact)
        case Members(group=group, ports=ports, source=source):
            of = f"({source}, {group})" if source else group
            return f"{of} on {', '.join(ports) or 'some port'}{_in_vlan(fact.vlan)}"
        case RouterPorts(ports=ports):
            return f"router ports: {', '.join(ports) or 'none'}{_in_vlan(fact.vlan)}"
        case InterfaceMtu(interface=interface, mtu=mtu):
            return f"{interface} has an MTU of {mtu}"
        case HostFilter(drops=drops, words=words):
            return f"drops {drops.value}: {words}"
        case GroupFlooded(group=group, datagrams=datagrams):
            return f"{group} came without a join, {datagrams} datagrams"
        case TableOverflow(limit=limit, interface=interface):
            return f"the table of {interface or 'groups'} was full" + (f", at {limit}" if limit else "")
        case _:
            assert_never(fact)


def _in_vlan(vlan: str) -> str:
    return f" in VLAN {vlan}" if vlan else ""


def _figures(fact: ProbeFigures) -> str:
    seen = pattern(fact)
    came = f"{fact.peer}: {fact.received} of {fact.sent} by {fact.cast.value}, {fact.loss_percent} % lost"
    twice = f", {fact.duplicates} twice" if fact.duplicates else ""
    at_s = f"{seen.turned_s:.0f} s" if seen.turned_s is not None else f"number {seen.turned}"
    match seen.shape:
        case Shape.DIED:
            return f"{came}, all since {at_s}{twice}"
        case Shape.LATE:
            return f"{came}, all until {at_s}{twice}"
        case Shape.ON_AND_OFF:
            return f"{came}, on and off{twice}"
        case Shape.SCATTERED:
            return f"{came}, here and there{twice}"
        case Shape.COMPLETE | Shape.NEVER | Shape.PART:
            return f"{came}{twice}"
        case _:
            assert_never(seen.shape)


def _querier(fact: QuerierSeen) -> str:
    parts = [f"{fact.family.value}: {fact.address} queries{_in_vlan(fact.vlan)}"]
    if fact.own:
        parts.append("it is this switch" if not fact.port or fact.port == "Switch" else "its own")
    elif fact.port:
        parts.append(f"behind {fact.port}")
    if fact.version is not None:
        parts.append(f"version {fact.version}")
    if fact.interval_s is not None:
        parts.append(f"every {fact.interval_s:g} s")
    return ", ".join(parts)


def _snooping(fact: Snooping) -> str:
    parts = [f"{fact.family.value} snooping {'on' if fact.on else 'off'}{_in_vlan(fact.vlan)}"]
    if fact.querier is not None:
        parts.append(f"own querier {'on' if fact.querier else 'off'}")
    if fact.membership_s is not None:
        parts.append(f"forgets after {fact.membership_s:g} s")
    if fact.query_interval_s is not None:
        parts.append(f"asks every {fact.query_interval_s:g} s")
    if fact.drops_unregistered:
        parts.append("drops groups without members")
    return ", ".join(parts)


def fact_data(fact: Fact) -> dict[str, object]:
    """Return a fact as data: its kind, and what is known of it."""
    data: dict[str, object] = {"fact": type(fact).__name__}
    for one in fields(fact):
        value = getattr(fact, one.name)
        if value is not None and value != "":
            data[one.name] = _plain(value)
    return data


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Place):
        return {"file": value.source, "line": value.line, "verified": value.verified}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value


def cause_data(cause: Cause) -> dict[str, object]:
    """Return a cause as data, with its evidence by the lines it rests on."""
    kind = cause.kind
    return {
        "cause": kind.key,
        "title": kind.title,
        "fault": kind.fault,
        "score": cause.score,
        "supports": [_evidence_data(one) for one in cause.supports],
        "against": [_evidence_data(one) for one in cause.against],
        "test": {"command": kind.command, "at": kind.at, "tells": kind.tells},
        "remedy": kind.remedy,
        "catalogue": kind.catalogue or None,
    }


def _evidence_data(evidence: Evidence) -> dict[str, object]:
    return {"text": evidence.text, "weight": int(evidence.weight), "lines": list(places(evidence.facts))}


def places(facts: Iterable[Fact]) -> tuple[str, ...]:
    """Return where facts were read, each place once, neighbouring lines together: "n1.txt:11-14"."""
    runs: list[tuple[Place, Place]] = []
    for at in sorted({fact.at for fact in facts if fact.at is not None}, key=lambda at: (at.source, at.line)):
        if runs and runs[-1][1].source == at.source and at.line <= runs[-1][1].line + 1:
            runs[-1] = (runs[-1][0], at)
        else:
            runs.append((at, at))
    return tuple(
        str(first) if first == last else f"{str(first).replace('line ', 'lines ')}-{last.line}"
        for first, last in runs
    )
