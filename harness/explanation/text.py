"""An explanation as lines of text: what a tired engineer reads first at the top, the root under its hop.

Signs: ``ok`` passes, ``STOP`` does not, ``luck`` by chance, ``--`` was never reached. Hops in the middle of a
long way that merely pass are left out. The same lines stand in every report.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.explanation.model import Explanation, Hop, HopKind
from harness.explanation.rules import in_brackets
from harness.observations.words import moment

_SIGNS = {True: "ok", False: "STOP", None: "luck"}
_NOT_REACHED = "--"
_MOST_PASSING = 3
"""Of more switches that merely pass it on, only the first and the last are shown."""
_INDENT = " " * 6


def lines(found: Explanation) -> tuple[str, ...]:
    """Return the explanation as lines without colour: a heading, then the hops with what is behind them."""
    return (heading(found), *(f"  {line}" for line in hop_lines(found)))


def heading(found: Explanation) -> str:
    """``n1 -> n3  239.192.1.1 at 300.0 s: it did not come``."""
    fate = {True: "came", False: "did not come", None: "nobody watched whether it came"}[found.delivered]
    return f"{found.sender} -> {found.receiver}  {found.group} at {moment(found.at_s)}: {fate}"


def hop_lines(found: Explanation) -> tuple[str, ...]:
    """Return the hops only: one line each, and under the one that decides a line for each reason."""
    stop = found.stopped_at
    shown = _shown(found.hops, stop)
    width = max(len(_place(hop)) for hop in shown if isinstance(hop, Hop))
    told: list[str] = []
    reached = True
    for hop in shown:
        if isinstance(hop, int):
            told.append(f"...   {hop} more switches")
            continue
        sign = _sign(hop, found) if reached else _NOT_REACHED
        told.append(f"{sign:4}  {_place(hop):{width}}  {hop.why}{in_brackets(hop.rule) if reached else ''}")
        if reached and (hop is stop or (stop in (None, found.hops[-1]) and hop.kind is HopKind.SWITCH)):
            told.extend(_reasons(hop))
        reached = reached and hop is not stop
    return (*told, *_surprise(found))


def _sign(hop: Hop, found: Explanation) -> str:
    """A receiver that does not want what came has it on its card all the same."""
    return "ok" if hop.kind is HopKind.RECEIVER and found.delivered else _SIGNS[hop.passes]


def _reasons(hop: Hop) -> Iterator[str]:
    if hop.knew and not hop.passes:
        yield f"{_INDENT}it knew: {hop.knew}"
    yield from (f"{_INDENT}because {reason}" for reason in hop.because)


def _surprise(found: Explanation) -> Iterator[str]:
    """Say so where what was seen is not what the hops make of it."""
    stop = found.stopped_at
    if found.delivered and stop is not None and stop.kind is not HopKind.RECEIVER:
        yield f"it came all the same: the records do not say how it passed {_place(stop)}"
    elif found.delivered is False and all(hop.passes for hop in found.hops):
        yield found.summary


def _place(hop: Hop) -> str:
    if hop.kind is HopKind.SWITCH:
        return f"{hop.device}:{hop.port}"
    if hop.kind is HopKind.CABLE:
        return "cable"
    return hop.device


def _shown(hops: Sequence[Hop], stop: Hop | None) -> list[Hop | int]:
    """The hops worth a line, cables only if they do something; where others are left out, how many."""
    kept = [hop for hop in hops if hop.kind is not HopKind.CABLE or hop.why]
    passing = [hop for hop in kept if hop.kind is HopKind.SWITCH and hop is not stop]
    hidden = passing[1:-1] if len(passing) > _MOST_PASSING else []
    found: list[Hop | int] = []
    for hop in kept:
        if not any(hop is one for one in hidden):
            found.append(hop)
        elif hop is hidden[0]:
            found.append(len(hidden))
    return found
