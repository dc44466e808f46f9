"""Durations as people write and read them; inside, time is seconds.

Written: a number and one of ms, s, m, h without a space between (``250ms``, ``1.5s``, ``2m``), or ``0``.
Read: seconds, or milliseconds under one second (``260 s``, ``250 ms``): 255 s and 260 s compare by eye.
"""

from __future__ import annotations

import re

LONGEST_S = 366 * 86400.0
"""A year: longer is a slip of the pen, and 260 s is the longest timer that any protocol here defaults to."""

_WRITTEN = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<unit>ms|s|m|h)")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse(value: object) -> float:
    """Seconds. Raises ValueError with a sentence for the author of the file."""
    text = str(value).strip()
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(_refusal(value, "write it as 250ms, 4s, 2m or 1h"))
    if text in {"0", "0.0"}:
        return 0.0
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise ValueError(_refusal(text, _advice(text)))
    number, unit = float(match["number"]), match["unit"]
    seconds = number / 1000 if unit == "ms" else number * _SECONDS[unit]
    if seconds > LONGEST_S:
        raise ValueError(_refusal(text, "longer than a year"))
    return seconds


def text(seconds: float) -> str:
    """A duration for people: ``260 s``, ``1.5 s``, ``250 ms``, ``0 s``."""
    if seconds != 0 and abs(seconds) < 0.9995:
        return f"{_plain(seconds * 1000)} ms"
    return f"{_plain(seconds)} s"


def _plain(number: float) -> str:
    """At most three decimals, and no zeros that say nothing."""
    shown = f"{number:.3f}".rstrip("0").rstrip(".")
    return "0" if shown == "-0" else shown


def _refusal(value: object, advice: str) -> str:
    if not isinstance(value, str):
        return f'"{type(value).__name__}" is no duration: {advice}'
    shown = f'"{value}"' if len(value) <= 40 else f"a text of {len(value)} characters"
    return f"{shown} is no duration: {advice}"


def _advice(text: str) -> str:
    if text.startswith("-"):
        return "it cannot be negative"
    if _NUMBER.fullmatch(text):
        return f"it has no unit; write {text[:20]}s for seconds (or ms, m, h)"
    joined = text.replace(" ", "")
    if joined != text and _WRITTEN.fullmatch(joined):
        return f"write {joined[:20]} without the space"
    return "write a number with ms, s, m or h, such as 250ms, 4s, 2m or 1h"
