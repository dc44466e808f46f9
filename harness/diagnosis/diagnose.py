"""Weighs every cause by every rule, and says in a sentence what came of it."""

from __future__ import annotations

from collections.abc import Iterable

from harness.diagnosis.case import Case
from harness.diagnosis.causes import KINDS, Cause, Evidence, Kind
from harness.diagnosis.facts import Fact, ProbeFigures
from harness.diagnosis.rules import RULES, Weight


def diagnose(facts: Iterable[Fact]) -> tuple[Cause, ...]:
    """Return the causes for which more speaks than against, best first; equal ones in the order of KINDS."""
    case = Case(facts)
    causes = [cause for kind in KINDS if (cause := _weighed(kind, case)) is not None]
    return tuple(sorted(causes, key=lambda cause: -cause.score))


def _weighed(kind: Kind, case: Case) -> Cause | None:
    evidence = [
        Evidence(text=f"{finding.text} ({rule.reason})", facts=finding.facts, weight=rule.weight)
        for rule in RULES
        if rule.cause == kind.key and (finding := rule.find(case)) is not None
    ]
    score = sum(one.weight for one in evidence)
    supports = tuple(one for one in evidence if one.weight > 0)
    if score <= 0 or not supports:
        return None
    # What no more than fits explains a loss, so there must be one.
    if kind.fault and not case.troubled and all(one.weight == Weight.FITS for one in supports):
        return None
    against = tuple(one for one in evidence if one.weight < 0)
    return Cause(kind=kind, score=score, supports=supports, against=against)


def likeness(cause: Cause) -> str:
    """Return how sure one may be of a cause, as it is said before its title."""
    return "looks like" if cause.score >= Weight.SUGGESTS else "perhaps"


def verdict(facts: Iterable[Fact], causes: tuple[Cause, ...]) -> str:
    """Return the sentence that stands above the causes, or in their place."""
    known = tuple(facts)
    faults = [cause for cause in causes if cause.kind.fault]
    if faults:
        best = faults[0]
        ties = [cause.title for cause in faults[1:] if cause.score == best.score]
        return f"{likeness(best)} {best.title}" + (f"; or {'; or '.join(ties)}" if ties else "")
    short = next((cause for cause in causes if cause.key == "short-test"), None)
    if short is not None:
        reason = short.supports[0].text.partition(" (")[0]
        return f"nothing is wrong with what was pasted, and it is too short to tell: {reason}"
    if not known:
        return "nothing was recognised"
    case = Case(known)
    if case.failing:
        return "multicast was lost, and what was pasted is too little to say why"
    if not case.all(ProbeFigures):
        return "nothing is wrong with what was pasted; no probe's figures are among it"
    return "nothing is wrong with what was pasted"
