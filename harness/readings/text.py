"""Lines of a pasted text, cleaned of what terminals and mail programs leave, and the prompts among them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours and cursor, ECMA-48 5.4
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC: window titles
    r"|\x1b[@-Z\\-_]"
    r"|[\x00-\x08\x0b-\x1f\x7f\ufeff]"
)
_ROUTEROS = re.compile(r"^\[[\w.+-]+@(?P<host>[^\]\s]+)\] ?(?P<command>/?.*)$")
_SHELL = re.compile(r"^\[?[\w.-]+@(?P<host>[\w-]+)[^#$>%]{0,120}[#$>%] ?(?P<command>.*)$")
_SWITCH = re.compile(r"^(?P<host>[A-Za-z][\w.-]*)(?:\([\w/ .-]*\))?[#>] ?(?P<command>.*)$")
_COMWARE = re.compile(r"^[<\[](?P<host>[A-Za-z][\w.~-]*)[>\]] ?(?P<command>(?:display|dis|ping|screen)\b.*)$")
_BARE = re.compile(
    r"^[$#>] ?(?P<command>(?:sudo )?"
    r"(?:omping|mcast|asmping|ssmping|mcfirst|bridge|ip|iptables|nft|ovs-\w+|show)\b.*)$"
)
_HEADING = re.compile(
    r"^[#=*\[<> -]*(?:(?:on|node|host|from|output of) )?(?P<host>[A-Za-z0-9][\w.-]*)[\]:>#=* -]*$",
    re.IGNORECASE,
)
_LONGEST_PROMPT = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line by its number in the text, from 1, without control characters and trailing blanks."""

    number: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt: whose, and what was typed there; either may be empty."""

    host: str
    command: str


def lines_of(text: str) -> tuple[Line, ...]:
    """Return the lines of a text, whatever its line ends are."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return tuple(
        Line(number=number, text=_CONTROL.sub("", line).rstrip())
        for number, line in enumerate(unified.split("\n"), start=1)
    )


def prompt(text: str) -> Prompt | None:
    """Return the prompt that a line begins with: a shell's, a switch's, or None."""
    if len(text) > _LONGEST_PROMPT:
        return None
    for form in (_ROUTEROS, _SHELL, _COMWARE, _SWITCH, _BARE):
        match = form.match(text)
        if match is not None:
            return Prompt(host=match.groupdict().get("host") or "", command=match["command"].strip(" >"))
    return None


def heading(text: str) -> str:
    """Return the host that a line of its own names, as ``n1:`` or ``=== n1 ===``; empty if it does not."""
    match = _HEADING.match(text) if len(text) <= _LONGEST_PROMPT else None
    return match["host"] if match is not None else ""
