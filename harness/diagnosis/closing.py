"""The sentences at the end of a probe tool: what was lost, since when, what it looks like, what would tell.

"unicast 0 %, multicast 100 % lost from node3 since 262 s: looks like snooping without a querier; run `mcast
listen eth0 --for 130s` to confirm".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.diagnosis.case import Case, Pair
from harness.diagnosis.causes import Cause
from harness.diagnosis.diagnose import diagnose, likeness
from harness.diagnosis.facts import Fact, NothingHeard, PeerSilent, ProbeFigures
from harness.diagnosis.found import names
from harness.diagnosis.patterns import Shape
from harness.protocols.probes.program import Cast


def closing(
    figures: Sequence[ProbeFigures], silent: Sequence[PeerSilent | NothingHeard] = ()
) -> tuple[str, ...]:
    """Return one line for each way in which peers fared, the failing ones first; empty without facts.

    ``figures`` are those of one run of one node, unicast and multicast of each peer; ``silent`` the peers
    that answered nothing at all. With ``last`` and ``gaps`` (see ``Tally``) a line can say since when.
    """
    facts: tuple[Fact, ...] = (*figures, *silent)
    if not facts:
        return ()
    case = Case(facts)
    causes = diagnose(facts)
    alike: dict[tuple[str, bool, str], list[Pair]] = {}
    for pair in case.pairs:
        alike.setdefault((pair.shape.name, pair.unicast_good, _since(pair)), []).append(pair)
    lines = [_failed(pairs, causes) for pairs in alike.values() if not _well(pairs[0])]
    lines += [_silent(one, causes) for one in silent]
    well = [pair for pair in case.pairs if _well(pair)]
    return (*lines, _good(well, causes)) if well else tuple(lines)


def _well(pair: Pair) -> bool:
    return pair.shape is Shape.COMPLETE and pair.unicast_good


def _failed(pairs: Sequence[Pair], causes: tuple[Cause, ...]) -> str:
    peers = names(pair.peer for pair in pairs)
    text = f"{_losses(pairs)} lost from {peers}{_since(pairs[0])}"
    return f"{text}: {_likely(causes, [fact for pair in pairs for fact in pair.facts])}"


def _losses(pairs: Sequence[Pair]) -> str:
    """The loss of each cast; where a stream stopped or began late, of the part that was lost."""
    unicast = [pair.unicast.loss_percent for pair in pairs if pair.unicast is not None]
    turned = pairs[0].shape in {Shape.DIED, Shape.LATE}
    multicast = [100 if turned else pair.multicast.loss_percent for pair in pairs]
    cast = "broadcast" if pairs[0].multicast.cast is Cast.BROADCAST else "multicast"
    before = f"unicast {_percent(unicast)}, " if unicast else ""
    return f"{before}{cast} {_percent(multicast)}"


def _percent(losses: Sequence[int]) -> str:
    low, high = min(losses), max(losses)
    return f"{low} %" if low == high else f"{low} to {high} %"


def _since(pair: Pair) -> str:
    """Since when, or until when, multicast was lost."""
    at_s = pair.pattern.turned_s
    match pair.shape:
        case Shape.DIED:
            return f" since {at_s:.0f} s" if at_s is not None else f" since number {pair.pattern.turned}"
        case Shape.LATE:
            return f" until {at_s:.0f} s" if at_s is not None else f" until number {pair.pattern.turned}"
        case Shape.NEVER:
            return " from the first packet on"
        case Shape.ON_AND_OFF:
            return ", on and off"
        case _:
            return ""


def _likely(causes: tuple[Cause, ...], facts: Iterable[Fact]) -> str:
    """What these facts look like: the best cause for which one of them speaks, and those as good."""
    concerned = tuple(facts)
    fitting = [
        cause
        for cause in causes
        if cause.kind.fault and any(fact in concerned for one in cause.supports for fact in one.facts)
    ]
    if not fitting:
        return "too little was measured to say why; run `omping -c 600 -i 1 -q NODE...` on all nodes"
    best = fitting[0]
    ties = [cause.title for cause in fitting[1:] if cause.score == best.score]
    title = " or ".join([best.title, *ties[:1]])
    return f"{likeness(best)} {title}; run `{best.kind.command}` to confirm"


def _silent(fact: PeerSilent | NothingHeard, causes: tuple[Cause, ...]) -> str:
    if isinstance(fact, NothingHeard):
        return f"nothing was heard of {fact.group}: {_likely(causes, [fact])}"
    return f"{fact.peer} answered nothing at all: {_likely(causes, [fact])}"


def _good(pairs: Sequence[Pair], causes: tuple[Cause, ...]) -> str:
    peers = names(pair.peer for pair in pairs)
    lasted_s = max((pair.multicast.lasted_s or 0.0 for pair in pairs), default=0.0)
    during = f" in {lasted_s:.0f} s" if lasted_s >= 1 else ""
    text = f"{_losses(pairs)} lost from {peers}{during}"
    short = next((cause for cause in causes if cause.key == "short-test"), None)
    if short is not None:
        reason = short.supports[0].text.partition(" (")[0]
        return f"{text}: too short to tell, {reason}; run `{short.kind.command}`"
    return text
