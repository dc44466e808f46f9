"""``mcast read``: what was pasted, what it says, which causes fit, and what would tell them apart."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from harness.diagnosis import Cause, Evidence, diagnose, verdict
from harness.diagnosis.diagnose import likeness
from harness.diagnosis.facts import Fact, Members
from harness.diagnosis.words import cause_data, fact_data, in_words, places
from harness.errors import ExitCode
from harness.readings.read import Reading, Section, read, together
from harness.readings.text import Line
from harness.report.colour import Painter

_STDIN = "-"
_WIDTH = 108
_MOST_FACTS = 12
_MOST_CAUSES = 5
_PCAP = tuple(bytes.fromhex(magic) for magic in ("d4c3b2a1", "a1b2c3d4", "4d3cb2a1", "a1b23c4d", "0a0d0d0a"))
"""The first bytes of captures: pcap in both byte orders, in microseconds and nanoseconds, and pcapng."""

_EXAMPLES = """Read what somebody pasted: which causes fit it, best first, and what would tell them apart.

Known are the outputs of omping, asmping, ssmping, mcfirst and mcast listen; of bridge mdb show and ip -d link
(also with -j); of iptables -S, iptables-save and nft list ruleset; the kernel's word of a full table; and the
show commands of Cisco IOS and NX-OS, Junos, FastIron, ProCurve, ArubaOS-Switch, AOS-CX, Comware, Open vSwitch
and RouterOS. Several may stand in one file, of several hosts, with prompts or without; the more of it is
pasted, the more can be told. Lines that nobody knows are listed. "-" is standard input.

Exit code 0: read, and nothing wrong was found; 1: a cause fits; 4: nothing was recognised.

\b
Examples:
  mcast read complaint.txt
  omping -c 600 -i 1 -q n1 n2 n3 | mcast read -
  mcast read n1.txt n2.txt n3.txt switch.txt
  (bridge -d mdb show; ip -d link show; iptables-save) | mcast read --json -
"""


@click.command(name="read", help=_EXAMPLES)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--json", "wants_json", is_flag=True, help="One JSON document.")
@click.option("--all", "wants_all", is_flag=True, help="Every fact and every cause, not the first ones only.")
def command(files: tuple[str, ...], wants_json: bool, wants_all: bool) -> ExitCode:
    """Read files, print facts and causes."""
    readings = together(tuple(_read(name) for name in files))
    facts = tuple(fact for reading in readings for fact in reading.facts)
    causes = diagnose(facts)
    recognised = any(reading.sections for reading in readings)
    if wants_json:
        click.echo(json.dumps(_data(readings, facts, causes), indent=2))
    else:
        for line in _lines(readings, facts, causes, wants_all=wants_all):
            click.echo(line)
    if not recognised:
        click.echo("nothing was recognised: mcast read --help tells what can be", err=True)
        return ExitCode.BAD_INPUT
    return ExitCode.FAILED if any(cause.kind.fault for cause in causes) else ExitCode.PASSED


def _read(name: str) -> Reading:
    """Read one file. Texts that are not UTF-8 are read as far as they are."""
    if name == _STDIN:
        data = sys.stdin.buffer.read()
        called = ""
    else:
        try:
            data = Path(name).read_bytes()
        except OSError as error:
            message = f"{name}: {(error.strerror or str(error)).lower()}"
            raise click.BadParameter(message, param_hint="FILE") from error
        called = name
    if data.startswith(_PCAP):
        message = f"{name} is a capture: mcast listen reads those"
        raise click.BadParameter(message, param_hint="FILE")
    encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8"
    return read(data.decode(encoding, errors="replace"), called)


def _data(readings: Sequence[Reading], facts: Sequence[Fact], causes: tuple[Cause, ...]) -> dict[str, object]:
    return {
        "verdict": verdict(facts, causes),
        "causes": [cause_data(cause) for cause in causes],
        "files": [
            {
                "file": reading.source or _STDIN,
                "sections": [
                    {
                        "what": section.name,
                        "host": section.host,
                        "lines": [section.first, section.last],
                        "verified": section.verified,
                        "facts": [fact_data(fact) for fact in section.facts],
                    }
                    for section in reading.sections
                ],
                "not_understood": [{"line": line.number, "text": line.text} for line in reading.unknown],
            }
            for reading in readings
        ],
    }


def _lines(
    readings: Sequence[Reading], facts: Sequence[Fact], causes: tuple[Cause, ...], *, wants_all: bool
) -> Iterator[str]:
    painter = Painter(on=sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    for reading in readings:
        yield from _reading_lines(reading, wants_all=wants_all)
    yield ""
    said = verdict(facts, causes)
    yield painter.wrong(said) if any(cause.kind.fault for cause in causes) else said
    shown = causes if wants_all else causes[:_MOST_CAUSES]
    for number, cause in enumerate(shown, start=1):
        yield ""
        yield from _cause_lines(number, cause)
    if len(shown) < len(causes):
        yield ""
        yield f"{len(causes) - len(shown)} more that fit less: --all"


def _reading_lines(reading: Reading, *, wants_all: bool) -> Iterator[str]:
    yield reading.source or "standard input"
    for section in reading.sections:
        of = f" of {section.host}" if section.host else ""
        form = "" if section.verified else " (a form that no document was found for: unverified)"
        yield f"  lines {section.first}-{section.last}: {section.name}{of}{form}"
        yield from _fact_lines(section, wants_all=wants_all)
    if reading.unknown:
        yield f"  not understood: {_ranges(reading.unknown)}"


def _fact_lines(section: Section, *, wants_all: bool) -> Iterator[str]:
    """The facts of a section; tables of members are long, and the last to be shown."""
    ordered = sorted(section.facts, key=lambda fact: isinstance(fact, Members))
    shown = ordered if wants_all else ordered[:_MOST_FACTS]
    for fact in shown:
        where = f"{fact.where}: " if fact.where not in {"", section.host} else ""
        yield f"      {where}{in_words(fact)}"
    if len(shown) < len(ordered):
        yield f"      and {len(ordered) - len(shown)} more facts: --all"


def _ranges(lines: Sequence[Line]) -> str:
    """Numbers of lines, with neighbours put together: "line 3, lines 7-9"."""
    runs: list[list[int]] = []
    for line in lines:
        if runs and line.number == runs[-1][1] + 1:
            runs[-1][1] = line.number
        else:
            runs.append([line.number, line.number])
    told = [
        f"line {first}" if first == last else f"lines {first}-{last}" for first, last in runs[:_MOST_FACTS]
    ]
    more = f" and {len(runs) - _MOST_FACTS} more places" if len(runs) > _MOST_FACTS else ""
    return ", ".join(told) + more


def _cause_lines(number: int, cause: Cause) -> Iterator[str]:
    kind = cause.kind
    sure = likeness(cause) if kind.fault else "to remember"
    yield from _wrapped(f"{number}. ", f"{kind.title} ({sure}, {cause.score})")
    for sign, every in (("for", cause.supports), ("against", cause.against)):
        for one in every:
            yield from _labelled(sign, f"{one.text} [{_where(one)}]")
    at = f"  ({kind.at})" if kind.at else ""
    yield from _labelled("test", f"{kind.command}{at}")
    yield from _labelled("", kind.tells)
    yield from _labelled("cure", kind.remedy)
    if kind.catalogue:
        yield from _labelled("lab", f"mcast run scenarios/{kind.catalogue}.scenario.yaml")


def _where(evidence: Evidence) -> str:
    told = places(evidence.facts)
    return ", ".join(told[:4]) + (f" and {len(told) - 4} more" if len(told) > 4 else "")


def _labelled(label: str, text: str) -> Iterable[str]:
    return _wrapped(f"   {label:<8}", text)


def _wrapped(start: str, text: str) -> Iterable[str]:
    return textwrap.wrap(
        text,
        width=_WIDTH,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )
