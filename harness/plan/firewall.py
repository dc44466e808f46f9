"""A customer's firewall rules as commands of the real tools: arguments and rulesets, never a shell line.

Takes what people paste: single rules with or without the tool's name before them, the output of
``iptables-save``, rulesets of nft. Dashes and quotes that a browser or word processor made typographic become
what was meant, with a note. Only what changes rules is let through: nothing that lists, runs a program
(``--modprobe``) or reads another file. Whether a rule is right is for the tool to say, in the lab.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from harness.plan.model import FirewallCommand
from harness.plan.names import Loc, Mistakes
from harness.scenario.network import Firewall

Note = tuple[Loc, str]
"""Where something was read otherwise than it stands there, and how."""

_CHANGING = frozenset(
    {"--append", "--insert", "--replace", "--delete", "--policy", "--flush", "--new-chain", "--delete-chain"}
    | {"--rename-chain", "--zero", "-A", "-I", "-R", "-D", "-P", "-F", "-N", "-X", "-E", "-Z"}
)
_LOADING = re.compile(r"^-[46fnvx]*M|^--mo(d(p(r(o(be?)?)?)?)?)?(=|$)")
"""``-M``, ``--modprobe`` and what the tools take for it: a program that they would run."""
_TYPED = re.compile(r"^(?:sudo\s+)?(?:/\S*/)?(?P<tool>ip6?tables)(?:-legacy|-nft)?\s+(?P<rule>.*)$")
_TYPED_NFT = re.compile(r"^(?:sudo\s+)?(?:/\S*/)?nft\s+(?P<rest>.*)$")
_SAVED = re.compile(r"^(?:\*\w+|:\S+ \S+(?: \[\d+:\d+\])?|COMMIT|(?:\[\d+:\d+\] *)?-.*)$")
_COUNTERS = re.compile(r"^\[\d+:\d+\]\s*")
_READS_A_FILE = re.compile(r"(?:^|;)\s*include\b", re.MULTILINE)

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_OPTION = re.compile(rf"^[-{_DASHES}]+(?=\w)")
_SIGNS = {
    **dict.fromkeys(_DASHES, "-"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"'),
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'"),
    **dict.fromkeys("\u00a0\u2007\u202f", " "),
    **dict.fromkeys("\u200b\u2060\ufeff", ""),
}
_MEANT = str.maketrans(_SIGNS)


def read_firewall(
    written: Firewall | None, loc: Loc, mistakes: Mistakes
) -> tuple[tuple[FirewallCommand, ...], tuple[Note, ...]]:
    """The commands of a node's firewall in the order of the file, and notes. Mistakes are collected."""
    commands: list[FirewallCommand] = []
    notes: list[Note] = []
    for tool in Firewall.model_fields if written is not None else ():
        texts: tuple[str, ...] | None = getattr(written, tool)
        for index, text in enumerate(texts or ()):
            here = (*loc, tool, index)
            plain, corrected = as_typed(text)
            notes.extend((here, note) for note in corrected)
            try:
                commands.extend(read_rules(tool, plain))
            except ValueError as error:
                mistakes.add(here, str(error))
    return tuple(commands), tuple(notes)


def as_typed(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with the signs of a keyboard, and a sentence for each word that was written otherwise."""
    notes: dict[str, None] = {}

    def meant(match: re.Match[str]) -> str:
        word = match[0]
        if word.isascii() or not any(sign in _SIGNS for sign in word):
            return word
        option = _OPTION.match(word)
        rest = word if option is None else word[option.end() :]
        typed = _option_dashes(option[0], rest) + rest.translate(_MEANT) if option else rest.translate(_MEANT)
        notes[f'"{word}" has a typographic {_kinds(word)}; it is taken as "{typed}"'] = None
        return typed

    # Python's \s knows the spaces that a browser makes; here they belong to the word that they hide in.
    return re.sub(r"[^ \t\r\n]+", meant, text), tuple(notes)


def _option_dashes(dashes: str, rest: str) -> str:
    """One dash before a letter or a number, two before a long option; what has keyboard dashes only stays."""
    if dashes.isascii():
        return dashes
    name = re.match(r"\w+", rest)
    return "--" if name is not None and len(name[0]) > 1 and not rest[0].isdigit() else "-"


def _kinds(word: str) -> str:
    names = {"-": "dash", '"': "quote", "'": "quote", " ": "space", "": "space"}
    found = dict.fromkeys(f"{names[_SIGNS[sign]]} (U+{ord(sign):04X})" for sign in word if sign in _SIGNS)
    return " and ".join(found)


def read_rules(tool: str, text: str) -> tuple[FirewallCommand, ...]:
    """The commands that one text stands for: a rule, several lines of them, or a whole ruleset.

    Raises ValueError with a sentence for the author, that names the line.
    """
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise ValueError(f"there is no rule for {tool} here")
    if tool == "nft":
        if _READS_A_FILE.search(text):
            raise ValueError("include would read another file: write its rules here")
        return (FirewallCommand(tool="nft", arguments=("-f", "-"), text=_nft_ruleset(text)),)
    if lines[0].startswith("*"):
        _check_saved(tool, lines)
        saved = "\n".join(lines) + "\n"
        return (FirewallCommand(tool=f"{tool}-restore", arguments=(), text=saved),)
    return tuple(_read_rule(tool, line) for line in _joined(lines))


def _nft_ruleset(text: str) -> str:
    """The ruleset; a line that calls nft loses its name, and the quotes that were meant for a shell."""
    lines = text.splitlines()
    if not any(_TYPED_NFT.match(line.strip()) for line in lines):
        return text + "\n"
    typed = ((line, _TYPED_NFT.match(line.strip())) for line in lines)
    return "".join(f"{' '.join(_split(call['rest'])) if call else line}\n" for line, call in typed)


def _joined(lines: list[str]) -> Iterator[str]:
    """Lines that end with a backslash go on in the next one."""
    begun = ""
    for line in lines:
        if line.endswith("\\"):
            begun += line[:-1] + " "
            continue
        yield begun + line
        begun = ""
    if begun:
        yield begun.strip()


def _read_rule(tool: str, line: str) -> FirewallCommand:
    typed = _TYPED.match(line)
    if typed is not None and typed["tool"] != tool:
        raise ValueError(f'"{line}" is a rule for {typed["tool"]}: it belongs under {typed["tool"]}')
    arguments = _split(typed["rule"] if typed else line)
    if not arguments[:1] or not arguments[0].startswith("-"):
        raise ValueError(f'"{line}" is no rule of {tool}: write it as -A INPUT -p igmp -j ACCEPT')
    _check_arguments(tool, line, arguments)
    if not _CHANGING & {argument[:2] if _is_short(argument) else argument for argument in arguments}:
        raise ValueError(
            f'"{line}" changes no rules: it has none of -A, -I, -R, -D, -P, -F, -N, -X, -E and -Z'
        )
    return FirewallCommand(tool=tool, arguments=arguments)


def _is_short(argument: str) -> bool:
    return argument.startswith("-") and not argument.startswith("--")


def _check_saved(tool: str, lines: list[str]) -> None:
    """Refuse what is no line of iptables-save, and tables that are never committed."""
    for line in lines:
        if not _SAVED.match(line):
            raise ValueError(f'"{line}" is no line of {tool}-save')
        rule = _COUNTERS.sub("", line)
        if rule.startswith("-"):
            _check_arguments(tool, line, _split(rule))
    if lines[-1] != "COMMIT":
        raise ValueError(f'the output of {tool}-save ends with COMMIT, this ends with "{lines[-1]}"')


def _check_arguments(tool: str, line: str, arguments: tuple[str, ...]) -> None:
    if any(_LOADING.match(argument) for argument in arguments):
        raise ValueError(f'"{line}" would let {tool} run a program (--modprobe): leave that out')


def _split(rule: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(rule))
    except ValueError as error:
        raise ValueError(f'"{rule}" has a quote that is not closed') from error
