"""What a reader of one form of text is, and what it makes of a block of lines."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.diagnosis.facts import Fact, Place
from harness.readings.text import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Lines that belong together, whose host they are of and after which command, as far as prompts said."""

    lines: tuple[Line, ...]
    source: str
    host: str = ""
    command: str = ""


@dataclass(slots=True, kw_only=True)
class Sheet:
    """What was read of a block, while it is being read: facts, and the numbers of the lines understood."""

    block: Block
    verified: bool = True
    facts: list[Fact] = field(default_factory=list)
    understood: set[int] = field(default_factory=set)

    def at(self, line: Line) -> Place:
        """Note that a line was understood, and return its place."""
        self.understood.add(line.number)
        return Place(source=self.block.source, line=line.number, verified=self.verified)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One form: its name, the lines that begin it, and its reader, which makes one sheet a run of a tool.

    ``verified`` is False where no document shows the form.
    """

    name: str
    begins: re.Pattern[str]
    read: Callable[[Block, bool], tuple[Sheet, ...]]
    verified: bool = True


def shape(name: str, begins: str, read: Callable[[Sheet], None], *, verified: bool = True) -> Shape:
    """Return a form whose blocks are one sheet each."""

    def one(block: Block, known: bool) -> tuple[Sheet, ...]:
        sheet = Sheet(block=block, verified=known)
        read(sheet)
        return (sheet,)

    return Shape(name=name, begins=re.compile(begins), read=one, verified=verified)


def number(text: str | None) -> float | None:
    """Return a number, or None for what is none."""
    try:
        return float(text) if text else None
    except ValueError:
        return None


_SPAN = re.compile(r"(\d{1,9}) ?(d|h|m|s)")
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}


def span_s(text: str) -> float | None:
    """Return the seconds of ``1h 23m 55s``, ``2min 5sec``, ``00:02:05`` or ``125``; None for others."""
    text = text.strip().replace("min", "m").replace("sec", "s")
    if re.fullmatch(r"\d{1,6}(?:\.\d{1,6})?", text):
        return float(text)
    if match := re.fullmatch(r"(\d{1,6}):(\d\d):(\d\d)", text):
        return int(match[1]) * 3600.0 + int(match[2]) * 60.0 + int(match[3])
    parts = _SPAN.findall(text)
    if not parts or _SPAN.sub("", text).strip():
        return None
    return sum(float(count) * _UNITS[unit] for count, unit in parts)
