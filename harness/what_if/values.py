"""Values: ``on,off``, ``2..64``, ``1s,"a, b"`` become the nodes that a file would have.

Commas stand between values, outside of quotes and brackets. ``a..b`` counts from a to b by one, ``a..b/n`` by
n, ``a..b*n`` times n; the numbers may have a unit, the same at both ends: ``100s..300s/50s``. Everything else
is read as YAML reads it, so ``null`` takes a key away. Exact: steps are decimal, not binary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from harness.errors import ScenarioError
from harness.source import Node, Scalar, parse

MOST_VALUES = 10_000
"""The most values of one option: more is a slip of the pen."""

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_RANGE = re.compile(
    rf"(?P<first>{_NUMBER})(?P<unit1>[a-zA-Z%]*)\.\.(?P<last>{_NUMBER})(?P<unit2>[a-zA-Z%]*)"
    rf"(?:(?P<how>[/*])(?P<step>{_NUMBER})(?P<unit3>[a-zA-Z%]*))?"
)
_LOOKS_LIKE_A_RANGE = re.compile(r"[0-9][^\s:/]*\.\.[^\s:/]*[0-9]")
_CLOSES = {"[": "]", "{": "}"}


class ValuesError(ValueError):
    """Values cannot be read; the message is a sentence for their author."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value: as it is shown, and as the node that a file would have."""

    text: str
    node: Node


def read(text: str, place: Path) -> tuple[Value, ...]:
    """Return the values in the order written, each once. ``place`` stands for a file in what their nodes say.

    Raises ValuesError.
    """
    found: dict[str, Value] = {}
    for part in _split(text):
        for one in _counted(part) or (part,):
            found.setdefault(one, Value(text=one, node=_node(one, place)))
    if len(found) > MOST_VALUES:
        raise ValuesError(f"{len(found)} values are too many: at most {MOST_VALUES}")
    return tuple(found.values())


def _split(text: str) -> Iterator[str]:
    """The parts between the commas that stand outside of quotes and brackets."""
    part, open_ = "", [""]
    for character in text:
        if open_[-1] in {"'", '"'}:
            if character == open_[-1]:
                open_.pop()
        elif character in {"'", '"'} and (open_[-1] or not part.strip()):
            open_.append(character)
        elif character in _CLOSES:
            open_.append(_CLOSES[character])
        elif character == open_[-1]:
            open_.pop()
        elif character == "," and not open_[-1]:
            yield _one(part, text)
            part = ""
            continue
        part += character
    if open_[-1]:
        raise ValuesError(f"{text}: {open_[-1]} is missing")
    yield _one(part, text)


def _one(part: str, text: str) -> str:
    if not part.strip():
        what = "a value is missing" if text.strip() else "values are missing: write some, such as on,off"
        raise ValuesError(f'"{text}": {what}' if text.strip() else what)
    return part.strip()


def _counted(text: str) -> tuple[str, ...]:
    """The values of a range; none if it is not one."""
    match = _RANGE.fullmatch(text)
    if match is None:
        if _LOOKS_LIKE_A_RANGE.fullmatch(text):
            raise ValuesError(f'"{text}" is no range: write 2..64, 2..64/2 (steps of 2) or 2..64*2 (doubled)')
        return ()
    first, last = Decimal(match["first"]), Decimal(match["last"])
    times, step = match["how"] == "*", Decimal(match["step"] or 1)
    unit = match["unit2"]
    if (
        match["unit1"] not in {"", unit}
        or match["unit3"] not in {None, "", unit}
        or (times and match["unit3"])
    ):
        raise ValuesError(f'"{text}" mixes units: write the same at both ends, such as 100s..300s/50s')
    if last < first:
        raise ValuesError(f'"{text}" counts down: write the smaller number first')
    if step <= (1 if times else 0) or (times and first == 0):
        raise ValuesError(f'"{text}" never ends')
    numbers = [first]
    while (number := numbers[-1] * step if times else numbers[-1] + step) <= last:
        numbers.append(number)
        if len(numbers) > MOST_VALUES:
            raise ValuesError(f'"{text}" has too many values: at most {MOST_VALUES}')
    return tuple(f"{_plain(number)}{unit}" for number in numbers)


def _plain(number: Decimal) -> str:
    """A number without an exponent, and without zeros that say nothing."""
    shown = f"{number:f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _node(text: str, place: Path) -> Node:
    """What a file would have: YAML, with its place the option."""
    try:
        node = parse(text, place)
    except ScenarioError as error:
        raise ValuesError(f"{text}: {error.problems[0].message}") from error
    if isinstance(node, Scalar) or text[:1] in _CLOSES:
        return node
    raise ValuesError(f'"{text}" is no single value: put it in quotes')
