"""A comparison of two runs in words and as data: where they part first, what each has there, what follows.

Takes data and returns text: no I/O.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_never

from harness.comparison.model import Agreement, Comparison, Parting
from harness.verdicts import words

_MORE_SHOWN = 3


def phrase(comparison: Comparison) -> str:
    """Return what the comparison came to, as the end of a line: ``the same on model``."""
    match comparison.agreement:
        case Agreement.ALIKE:
            return f"the same on {comparison.right}"
        case Agreement.PARTED:
            how = "by the quirk that it names" if comparison.quirk else "and should not"
            return f"parts from {comparison.right}, {how}"
        case Agreement.INCONCLUSIVE:
            return f"not comparable with {comparison.right}"
        case _:
            assert_never(comparison.agreement)


def lines(comparison: Comparison) -> tuple[str, ...]:
    """Return what a reader must know, a line each; nothing if the two are alike, as they should be."""
    return tuple(_lines(comparison))


def _lines(comparison: Comparison) -> Iterator[str]:
    left, right, first = comparison.left, comparison.right, comparison.first
    if first is not None:
        yield f"{left} and {right} part at {words.moment(first.at_s)}: {first.hop}"
        yield from (f"    {line}" for line in _sides(comparison, first))
        for one in comparison.partings[1 : 1 + _MORE_SHOWN]:
            yield f"    then at {words.moment(one.at_s)}: {one.hop}: {'; '.join(_sides(comparison, one))}"
        if (more := len(comparison.partings) - 1 - _MORE_SHOWN) > 0:
            yield f"    and {words.count(more, 'difference')} more"
        yield f"    chance explains {_tolerance(comparison)}"
        yield from (f"    {note}" for note in comparison.chance)
    yield from (f"{left} and {right} cannot be compared: {doubt}" for doubt in comparison.doubts)
    if comparison.quirk and first is not None:
        yield f"the quirk that explains it: {comparison.quirk}"
    elif comparison.quirk and not comparison.doubts:
        yield f"{left} and {right} do not part, although a quirk is named: {comparison.quirk}"


def _sides(comparison: Comparison, parting: Parting) -> tuple[str, str]:
    return f"{comparison.left} {parting.left}", f"{comparison.right} {parting.right}"


def _tolerance(comparison: Comparison) -> str:
    tolerance = comparison.tolerance
    parts = ", ".join(f"{words.moment(seconds)} {why}" for seconds, why in tolerance.parts)
    return f"{words.moment(tolerance.seconds)}: {parts}"


def as_data(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as JSON-compatible data. Times are the customer's seconds."""
    return {
        "left": comparison.left,
        "right": comparison.right,
        "agreement": comparison.agreement.value,
        "quirk": comparison.quirk,
        "tolerance_s": round(comparison.tolerance.seconds, 3),
        "tolerance": [{"seconds": seconds, "why": why} for seconds, why in comparison.tolerance.parts],
        "partings": [_parting(one) for one in comparison.partings],
        "doubts": list(comparison.doubts),
        "chance": list(comparison.chance),
    }


def _parting(one: Parting) -> dict[str, Any]:
    return {
        "subject": one.subject.value,
        "at_s": one.at_s,
        "until_s": one.until_s,
        "hop": one.hop,
        "hosts": list(one.hosts),
        "left": one.left,
        "right": one.right,
    }
