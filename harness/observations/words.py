"""Observations in words: moments, changes of tables, names. Whoever explains or judges says them alike.

Moments are the customer's seconds, with one decimal at least and three at most.
"""

from __future__ import annotations

from harness.observations.model import Mode, TableLine

_UNREGISTERED = {
    "flood": "unregistered groups flood",
    "router-ports": "unregistered groups go to router ports only",
    "drop": "unregistered groups are dropped",
}


def moment(at_s: float) -> str:
    """Return a moment: ``25.0 s``, ``0.125 s``."""
    whole, _, decimals = f"{at_s:.3f}".partition(".")
    return f"{whole}.{decimals[0]}{decimals[1:].rstrip('0')} s"


def count(number: int, word: str) -> str:
    """Return a number of things: ``1 pair``, ``3 pairs``."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def names(found: tuple[str, ...], most: int = 8) -> str:
    """Return names, abridged: ``n1 n2 n3 and 4 more``; ``none`` for nothing."""
    if not found:
        return "none"
    rest = len(found) - most
    return " ".join(found) if rest <= 0 else f"{' '.join(found[:most])} and {rest} more"


def change(line: TableLine | Mode) -> str:
    """Return a change of a switch's tables: ``20.1 s sw1: 239.192.0.1 no longer to p2 (aged out ...)``."""
    because = f" ({line.cause})" if line.cause else ""
    what = _line(line) if isinstance(line, TableLine) else _mode(line)
    return f"{moment(line.at_s)} {line.switch}: {what}{because}"


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
