"""The texts of nft as statements: what is added, flushed or deleted, where, and with which words.

Follows nft(8) 1.0.6: comments, quoted strings, ``define``, blocks and single commands alike. A block of a
table becomes what it stands for: the table, its chains and sets, then the rules. What the words of a rule
mean is for ``nft_rules``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.protocols.firewall.rules import UnsupportedRuleError

_WORD = re.compile(
    r'(?P<skip>[ \t\r]+|\\\n|#[^\n]*)|"[^"\n]*"|\n|[!=<>]=|[{};,()=<>!]|[@$]?[^\s{};,()=<>!"#]+'
)
FAMILIES = ("ip", "ip6", "inet", "arp", "bridge", "netdev")
_VERBS = ("add", "create", "insert", "replace", "delete", "destroy", "flush", "rename", "list", "reset")
_ENDS = frozenset({"\n", ";"})
_KINDS = frozenset({"table", "chain", "rule", "set", "map", "element", "ruleset"})
_OBJECTS = frozenset({"counter", "quota", "limit", "ct", "flowtable", "secmark", "synproxy"})
"""Things with a name in a table; they matter where a rule calls one, which is refused there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One thing to do. ``words`` are what stands in its braces, or, of a rule, all that is left."""

    verb: str
    kind: str
    family: str = "ip"
    table: str = ""
    name: str = ""
    words: tuple[str, ...] = ()
    text: str = ""


def unquoted(word: str) -> str:
    """A word without its quotes."""
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] == '"' else word


def statements(text: str) -> tuple[Statement, ...]:
    """Everything that a text says, in order. Raises UnsupportedRuleError where it cannot be read."""
    return tuple(_Reader(_words(text)).read())


def _words(text: str) -> list[str]:
    words, at = [], 0
    while at < len(text):
        match = _WORD.match(text, at)
        if match is None:
            raise UnsupportedRuleError(f"cannot read {text[at : at + 20]!r} of nft's ruleset")
        if match["skip"] is None:
            words.append(match[0])
        at = match.end()
    return words


class _Reader:
    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._at = 0
        self._defined: dict[str, list[str]] = {}

    def read(self) -> Iterator[Statement]:
        while self._at < len(self._words):
            word = self._next()
            if word in _ENDS:
                continue
            if word in ("define", "redefine"):
                self._define()
            elif word in _VERBS:
                yield from self._command(word)
            elif word in _KINDS:
                self._at -= 1
                yield from self._command("add")
            else:
                raise self._refused(word)

    # --- words --------------------------------------------------------------------------------------------

    def _refused(self, word: str) -> UnsupportedRuleError:
        line = self._line()
        return UnsupportedRuleError(f'cannot evaluate "{word}" in "nft {line}"')

    def _line(self) -> str:
        """The line around the word that was read last."""
        start = end = max(0, self._at - 1)
        while start > 0 and self._words[start - 1] not in _ENDS:
            start -= 1
        while end < len(self._words) and self._words[end] not in _ENDS:
            end += 1
        return shown(self._words[start:end])

    def _next(self) -> str:
        if self._at >= len(self._words):
            raise UnsupportedRuleError("finds no end to nft's ruleset: a brace is not closed")
        word = self._words[self._at]
        self._at += 1
        if word.startswith("$"):
            if word[1:] not in self._defined:
                raise UnsupportedRuleError(f'finds no definition of "{word}"')
            self._words[self._at - 1 : self._at] = self._defined[word[1:]]
            self._at -= 1
            return self._next()
        return word

    def _peek(self) -> str:
        return self._words[self._at] if self._at < len(self._words) else "\n"

    def _skip_blank(self) -> None:
        while self._peek() in _ENDS and self._at < len(self._words):
            self._at += 1

    def _until_end(self) -> list[str]:
        """The words up to the end of the statement; braces may go over several lines."""
        found: list[str] = []
        depth = 0
        while self._at < len(self._words) and (depth or self._peek() not in (*_ENDS, "}")):
            word = self._next()
            depth += (word == "{") - (word == "}")
            if word != "\n":
                found.append(word)
        return found

    def _block(self) -> list[str]:
        """The words of a block whose brace has been read, without the brace that ends it."""
        found: list[str] = []
        depth = 1
        while True:
            word = self._next()
            depth += (word == "{") - (word == "}")
            if not depth:
                return found
            found.append(word)

    def _define(self) -> None:
        name = self._next()
        if self._next() != "=":
            raise self._refused("define")
        self._defined[name] = self._until_end()

    # --- commands -----------------------------------------------------------------------------------------

    def _command(self, verb: str) -> Iterator[Statement]:
        kind = self._next()
        if verb in ("list", "reset"):
            self._until_end()
            return
        if kind in _OBJECTS and verb in ("add", "create"):
            self._until_end()
            return
        if kind not in _KINDS or verb in ("replace", "rename", "destroy"):
            raise self._refused(f"{verb} {kind}")
        if kind == "ruleset":
            family = self._next() if self._peek() in FAMILIES else ""
            yield Statement(verb=verb, kind=kind, family=family)
            return
        family = self._next() if self._peek() in FAMILIES else "ip"
        table = unquoted(self._next())
        if kind == "table":
            yield from self._table(verb, family, table)
            return
        name = unquoted(self._next())
        words = self._until_end()
        if kind != "rule" and words:
            if words[0] != "{" or words[-1] != "}":
                raise self._refused(words[0])
            words = words[1:-1]
        yield self._statement(verb, kind, (family, table, name), words)

    def _statement(self, verb: str, kind: str, place: tuple[str, str, str], words: list[str]) -> Statement:
        family, table, name = place
        text = f"nft {verb} {kind} {family} {table} {name} {shown(words)}".rstrip()
        return Statement(
            verb=verb, kind=kind, family=family, table=table, name=name, words=tuple(words), text=text
        )

    def _table(self, verb: str, family: str, table: str) -> Iterator[Statement]:
        yield self._statement(verb, "table", (family, table, ""), [])
        if self._peek() != "{":
            return
        self._next()
        rules: list[Statement] = []
        while True:
            self._skip_blank()
            word = self._next()
            if word == "}":
                break
            if word == "chain":
                name = unquoted(self._next())
                yield from self._chain((family, table, name), rules)
            elif word in ("set", "map"):
                name = unquoted(self._next())
                self._skip_blank()
                if self._next() != "{":
                    raise self._refused(word)
                yield self._statement("add", word, (family, table, name), self._block())
            elif word == "comment" or word in _OBJECTS:
                self._until_end()
            else:
                raise self._refused(word)
        yield from rules

    def _chain(self, place: tuple[str, str, str], rules: list[Statement]) -> Iterator[Statement]:
        """A chain's own block: what it is at once, its rules when all chains are there."""
        self._skip_blank()
        if self._next() != "{":
            raise self._refused("chain")
        base: list[str] = []
        while True:
            self._skip_blank()
            if self._peek() == "}":
                self._next()
                break
            words = self._until_end() or [self._next()]
            if words[0] in ("type", "policy", "comment", "flags", "device"):
                base += [*words, ";"]
            else:
                rules.append(self._statement("add", "rule", place, words))
        yield self._statement("add", "chain", place, base)


def shown(words: list[str]) -> str:
    """Words as one would write them."""
    return re.sub(r" ([,;])", r"\1", " ".join(words))
