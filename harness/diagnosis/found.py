"""What a rule found, in words, with the facts that show it; and how names and moments are said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.diagnosis.case import Pair
from harness.diagnosis.facts import Fact

MOST_NAMES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A finding: a sentence without its full stop."""

    text: str
    facts: tuple[Fact, ...]


def found(text: str, facts: Iterable[Fact]) -> Found | None:
    """Return the finding, or None where no fact shows it."""
    shown = tuple(facts)
    return Found(text=text, facts=shown) if shown else None


def of_pairs(pairs: Sequence[Pair]) -> tuple[Fact, ...]:
    """Return the facts of pairs."""
    return tuple(fact for pair in pairs for fact in pair.facts)


def names(words: Iterable[str]) -> str:
    """Return names as they are said: each once, the first of many."""
    each = [word for word in dict.fromkeys(words) if word]
    if len(each) > MOST_NAMES:
        return f"{', '.join(each[: MOST_NAMES - 1])} and {len(each) - MOST_NAMES + 1} more"
    return ", ".join(each[:-1]) + (" and " if len(each) > 1 else "") + (each[-1] if each else "")


def heard(pairs: Sequence[Pair]) -> str:
    """Return which peers are concerned, and at whom: "n2 and n3 at n1"."""
    peers = names(pair.peer for pair in pairs)
    nodes = names(pair.node for pair in pairs)
    return f"{peers} at {nodes}" if nodes else peers


def seconds(pairs: Sequence[Pair]) -> str:
    """Return when these turned: "after 262 s", "after 261 to 270 s", or after how many answers."""
    moments = sorted(pair.pattern.turned_s for pair in pairs if pair.pattern.turned_s is not None)
    if moments:
        low, high = f"{moments[0]:.0f}", f"{moments[-1]:.0f}"
        return f"after {low} s" if low == high else f"after {low} to {high} s"
    turned = sorted(pair.pattern.turned for pair in pairs if pair.pattern.turned is not None)
    return f"after answer {turned[0]}" if turned else "at some moment"
