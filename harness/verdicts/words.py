"""Phrases that verdicts share: moments, shares, counts, events and tables in words.

Moments are the customer's seconds, with one decimal at least and three at most.
"""

from __future__ import annotations

from typing import assert_never

from harness.observations.model import Acted, Igmp, Mode, TableLine
from harness.observations.switch_log import Event, Tables

_UNREGISTERED = {
    "flood": "unregistered groups flood",
    "router-ports": "unregistered groups go to router ports only",
    "drop": "unregistered groups are dropped",
}


def moment(at_s: float) -> str:
    """Return a moment: ``25.0 s``, ``0.125 s``."""
    whole, _, decimals = f"{at_s:.3f}".partition(".")
    return f"{whole}.{decimals[0]}{decimals[1:].rstrip('0')} s"


def window(from_s: float, until_s: float) -> str:
    """Return a window: ``from 25.0 s to 60.0 s``."""
    return f"from {moment(from_s)} to {moment(until_s)}"


def share(value: float) -> str:
    """Return a share: ``12.5%``."""
    return f"{round(value * 100, 2):g}%"


def bounds(least: float, most: float) -> str:
    """Return what a share may be: ``exactly 0%``, ``at most 5%``, ``10% to 30%``."""
    if least == most:
        return f"exactly {share(least)}"
    if least <= 0:
        return f"at most {share(most)}"
    if most >= 1:
        return f"at least {share(least)}"
    return f"{share(least)} to {share(most)}"


def count(number: int, word: str) -> str:
    """Return a number of things: ``1 pair``, ``3 pairs``."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def names(found: tuple[str, ...], most: int = 8) -> str:
    """Return names, abridged: ``n1 n2 n3 and 4 more``; ``none`` for nothing."""
    if not found:
        return "none"
    rest = len(found) - most
    return " ".join(found) if rest <= 0 else f"{' '.join(found[:most])} and {rest} more"


def event(happened: Event) -> str:
    """Return an event with its moment: ``20.1 s IGMP query from 10.9.0.9 seen on sw1 port p5``."""
    return f"{moment(happened.at_s)} {_what(happened)}"


def _what(happened: Event) -> str:
    match happened:
        case Igmp():
            protocol = happened.protocol.upper()
            about = f" for {happened.group}" if happened.group else ""
            if happened.sent:
                return f"{protocol} {happened.what}{about} sent by {happened.switch}"
            place = f"{happened.switch} port {happened.port}"
            return f"{protocol} {happened.what}{about} from {happened.source} seen on {place}"
        case TableLine():
            because = f" ({happened.cause})" if happened.cause else ""
            return f"{happened.switch}: {_line(happened)}{because}"
        case Mode():
            because = f" ({happened.cause})" if happened.cause else ""
            return f"{happened.switch}: {_mode(happened)}{because}"
        case Acted():
            return f"step: {happened.text}"
        case _:
            assert_never(happened)


def _line(line: TableLine) -> str:
    match line.table:
        case "member":
            of = f" ({line.filter})" if line.filter else ""
            return f"{line.group}{of} {'now' if line.present else 'no longer'} to {line.port}"
        case "router-port":
            of = "an MLD" if line.protocol == "mld" else "a"
            return f"{line.port} {'became' if line.present else 'is no longer'} {of} router port"
        case _:
            of = "MLD querier" if line.protocol == "mld" else "querier"
            return f"{of} {line.address} {'became known' if line.present else 'is gone'}"


def _mode(mode: Mode) -> str:
    snooping = "MLD snooping" if mode.protocol == "mld" else "snooping"
    if not mode.snooping:
        return f"{snooping} is off"
    return f"{snooping} is on, {_UNREGISTERED.get(mode.unregistered, mode.unregistered)}"


def tables(switch: str, group: str, known: Tables) -> str:
    """Return a switch's tables as one line, what concerns one group only."""
    if known.mode is not None and not known.mode.snooping:
        return f"{switch} then: snooping is off, every group floods"
    members = names(
        tuple(
            f"{port} ({text})" if (text := known.filters.get((group, port))) else port
            for port in known.groups.get(group, ())
        )
    )
    return (
        f"{switch} then: {group} -> {members}; router ports: {names(known.router_ports)}; "
        f"querier: {known.querier or 'none'}"
    )
