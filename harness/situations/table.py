"""Platforms and situations side by side: for a terminal, as Markdown, as data. Text out, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.profiles import Profile
from harness.situations.catalogue import SITUATIONS

HEADINGS = tuple(heading for situation in SITUATIONS for heading in situation.headings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A profile and what was seen, a text for each of HEADINGS; "" where no lab could be run."""

    profile: Profile
    cells: tuple[str, ...]


def text(rows: Sequence[Row]) -> str:
    """A block for each platform, for a terminal: the whole table is wider than most."""
    width = max(map(len, HEADINGS))
    blocks = []
    for row in rows:
        lines = [f"{row.profile.name}: {row.profile.title}; {_as_shipped(row.profile)}"]
        lines += [
            f"  {heading:{width}}  {cell}" for heading, cell in zip(HEADINGS, row.cells, strict=True) if cell
        ]
        if doubts := row.profile.doubts():
            lines.append(f"  {'not verified':{width}}  {_doubtful(doubts)}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def markdown(rows: Sequence[Row]) -> str:
    """One table, a platform a line."""
    head = ("profile", "as shipped", *HEADINGS, "values nobody has looked up")
    lines = [_line(head), _line(["---"] * len(head))]
    for row in rows:
        doubts = _doubtful(row.profile.doubts())
        lines.append(_line((row.profile.name, _as_shipped(row.profile), *row.cells, doubts)))
    return "\n".join(lines)


def data(rows: Sequence[Row]) -> list[dict[str, object]]:
    """For programs: a list of objects."""
    return [
        {
            "profile": row.profile.name,
            "class": row.profile.behaviour_class.value,
            "outcomes": dict(zip(HEADINGS, row.cells, strict=True)),
            "not_verified": list(row.profile.doubts()),
        }
        for row in rows
    ]


def _as_shipped(profile: Profile) -> str:
    snoops = "snoops" if profile.snooping else "does not snoop"
    return f"{snoops}, {'queries' if profile.querier else 'no querier'}"


def _doubtful(doubts: tuple[str, ...]) -> str:
    return ", ".join(name.replace("querier_defaults.", "querier ").replace("_", " ") for name in doubts)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
