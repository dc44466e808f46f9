"""A pasted text read into sections, facts and what was not understood.

Several pastes may stand in one text, of several hosts, with prompts or headings between them or without. A
section begins where a line has a form's first words, and ends where another begins, or a prompt does. No
text is an error: what nobody knows is kept with its line numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from harness.diagnosis.facts import Fact, PeerSilent, ProbeFigures
from harness.readings import cisco, firewalls, hp, linux, listened, probe_reports, switches
from harness.readings.shape import Block, Shape, Sheet
from harness.readings.text import Line, heading, lines_of, prompt

SHAPES: tuple[Shape, ...] = (
    *probe_reports.SHAPES,
    *linux.SHAPES,
    *listened.SHAPES,
    *firewalls.SHAPES,
    *cisco.SHAPES,
    *hp.SHAPES,
    *switches.SHAPES,
)
_JSON = re.compile(r"^\s*\[\s*(?:\{|$)")
_NOISE = re.compile(r"^\{master(?::\d+)?\}$|^\[edit[\w .-]*\]$|^Flags: [A-Z] --? |^ *[\d.]+ s +(?:IGMP|MLD) ")
"""Lines that say nothing more: Junos' engine and place, legends, what mcast listen says meanwhile."""
_MOST_TRIES = 50
"""Beginnings of JSON that turn out to be none, after which no more are tried."""
_LONGEST = 4000
"""A line that is longer has no form of those known, but JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the text that was recognised: its form, whose it is, its lines, its facts.

    ``verified`` is False if no document was found that shows the form.
    """

    name: str
    host: str
    first: int
    last: int
    verified: bool
    facts: tuple[Fact, ...]
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a text said: sections in its order, and the lines that nobody understood."""

    source: str
    sections: tuple[Section, ...]
    unknown: tuple[Line, ...]

    @property
    def facts(self) -> tuple[Fact, ...]:
        """All facts, in the order of the text."""
        return tuple(fact for section in self.sections for fact in section.facts)


@dataclass(slots=True, kw_only=True)
class _Part:
    """Lines on their way into a block."""

    shape: Shape | None
    host: str
    command: str
    lines: list[Line]


def read(text: str, source: str = "") -> Reading:
    """Read a text; ``source`` is what its lines are called by, a file's name."""
    parts, unknown = _parts(lines_of(text))
    sections: list[Section] = []
    for part in parts:
        block = Block(lines=tuple(part.lines), source=source, host=part.host, command=part.command)
        understood: set[int] = set()
        for name, sheet in _sheets(part, block):
            understood |= sheet.understood
            if sheet.understood:
                sections.append(_section(name, sheet))
        unknown += [line for line in part.lines if line.text and line.number not in understood]
    unknown.sort(key=lambda line: line.number)
    sections.sort(key=lambda section: section.first)
    return together((Reading(source=source, sections=tuple(sections), unknown=tuple(unknown)),))[0]


def together(readings: Sequence[Reading]) -> tuple[Reading, ...]:
    """Say whose each output of omping is, by the names that those of all texts call their peers by.

    omping prints its peers and not itself. Its own name is the one of its prompt or command line, or the one
    that all outputs know and this one does not print.
    """
    runs = [section for reading in readings for section in reading.sections if section.name == "omping"]
    everybody = tuple(dict.fromkeys(peer for run in runs for peer in _peers(run)))
    several = everybody if len(runs) > 1 else ()
    return tuple(
        replace(
            reading,
            sections=tuple(
                _named(section, everybody, several) if section.name == "omping" else section
                for section in reading.sections
            ),
        )
        for reading in readings
    )


def _sheets(part: _Part, block: Block) -> Iterable[tuple[str, Sheet]]:
    if part.shape is not None:
        return [(part.shape.name, sheet) for sheet in part.shape.read(block, part.shape.verified)]
    sheet = Sheet(block=block)
    linux.read_json(sheet)
    return [("JSON of bridge or ip", sheet)]


def _section(name: str, sheet: Sheet) -> Section:
    return Section(
        name=name,
        host=sheet.block.host,
        first=min(sheet.understood),
        last=max(sheet.understood),
        verified=sheet.verified,
        facts=tuple(sheet.facts),
        command=sheet.block.command,
    )


def _parts(lines: Sequence[Line]) -> tuple[list[_Part], list[Line]]:
    """Cut a text where forms begin and prompts stand."""
    parts: list[_Part] = []
    unknown: list[Line] = []
    host = command = ""
    open_part: _Part | None = None
    skip_to = 0
    tries = _MOST_TRIES
    for at, line in enumerate(lines):
        if at < skip_to:
            continue
        asked = prompt(line.text)
        if asked is not None:
            host, command, open_part = asked.host or host, asked.command, None
            continue
        if _NOISE.match(line.text):
            continue
        if tries and _JSON.match(line.text) and (after := _json_end(lines, at)):
            parts.append(_Part(shape=None, host=host, command=command, lines=list(lines[at:after])))
            skip_to, open_part = after, None
            continue
        tries -= tries > 0 and _JSON.match(line.text) is not None
        begun = _begins(line.text)
        if begun is not None and (open_part is None or begun is not open_part.shape):
            open_part = _Part(shape=begun, host=host, command=command, lines=[])
            parts.append(open_part)
        elif begun is None and (named := _heading(lines, at)):
            host, command, open_part = named, "", None
            continue
        if open_part is not None:
            open_part.lines.append(line)
        elif line.text:
            unknown.append(line)
    return parts, unknown


def _begins(text: str) -> Shape | None:
    if not text or len(text) > _LONGEST:
        return None
    return next((shape for shape in SHAPES if shape.begins.search(text)), None)


def _heading(lines: Sequence[Line], at: int) -> str:
    """Return the host that a line alone names, if what follows it has a known form."""
    named = heading(lines[at].text)
    if at and lines[at - 1].text and prompt(lines[at - 1].text) is None:
        return ""
    following = next((line for line in lines[at + 1 : at + 4] if line.text), None)
    if not named or following is None:
        return ""
    known = _begins(following.text) is not None or prompt(following.text) is not None
    return named if known else ""


def _json_end(lines: Sequence[Line], at: int) -> int:
    """Return the index after the list of JSON that begins in a line, 0 if none does."""
    text = "\n".join(line.text for line in lines[at:])
    try:
        _, end = json.JSONDecoder().raw_decode(text.lstrip())
    except (ValueError, RecursionError):
        return 0
    end += len(text) - len(text.lstrip())
    return at + text.count("\n", 0, end) + 1


def _named(section: Section, everybody: Sequence[str], several: Sequence[str]) -> Section:
    peers = _peers(section)
    missing = [name for name in several if name not in peers]
    listed = [name for name in probe_reports.arguments(section.command) if name not in peers]
    # What stands above the first of several outputs is no name of those whose peer it is.
    host = section.host if section.host not in peers else ""
    if host not in everybody:
        host = next((names[0] for names in (listed, missing) if len(names) == 1), host)
    facts = tuple(
        replace(fact, where=host) if isinstance(fact, ProbeFigures | PeerSilent) else fact
        for fact in section.facts
    )
    return replace(section, host=host, facts=facts)


def _peers(section: Section) -> tuple[str, ...]:
    return tuple(fact.peer for fact in section.facts if isinstance(fact, ProbeFigures | PeerSilent))
