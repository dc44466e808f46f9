"""Reading YAML with positions, by the core rules of YAML 1.2.2 (section 10.3).

PyYAML's event stream is used (libyaml where it is built in) and not its constructors: those follow YAML 1.1,
where ``on`` is a boolean, ``010`` is eight, a MAC address is a number in base 60 and a second key of the same
name silently wins. Being a loop over events, it cannot exhaust the stack, however deep the file nests.
Refused: several documents in one file, tags, merge keys, keys that are not text, and files beyond the limits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from harness.errors import Problem, ScenarioError
from harness.source.node import Mapping, Node, Scalar, ScalarValue, Sequence, Where

MAX_BYTES = 1_000_000
"""The largest file: a thousand nodes written one by one need a tenth of it."""
MAX_DEPTH = 40
"""The deepest nesting: the language itself needs nine levels."""
MAX_VALUES = 100_000
"""The most values in one tree, aliases counted each time: ten short lines can stand for millions."""
MAX_DIGITS = 100
"""The longest number; Python itself refuses to read integers of more than 4300 digits."""

_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NUMBERS: tuple[tuple[re.Pattern[str], Callable[[str], int | float]], ...] = (
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+"), lambda text: int(text[2:], 8)),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text[2:], 16)),
    (re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(?:inf|Inf|INF)"), lambda text: float(text.replace(".", ""))),
    (re.compile(r"\.(?:nan|NaN|NAN)"), lambda text: float(text.replace(".", ""))),
)

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_PLAIN_WORDS = {
    "mapping values are not allowed in this context": (
        'a ":" too many on this line, or a wrong indentation; text with ": " in it needs quotes'
    ),
    "did not find expected key": "this line does not fit those above it: look at its indentation and quotes",
    "could not find expected ':'": 'a key without ":"',
    "did not find expected ',' or ']'": 'a list begun with "[" in line {line} lacks a "," or its "]"',
    "did not find expected ',' or '}'": 'a mapping begun with "{{" in line {line} lacks a "," or its "}}"',
    "did not find expected '-' indicator": 'every item of this list begins with "- " in the same column',
    "found unexpected end of stream": "the quoted text that began in line {line} is never closed",
    "did not find expected node content": "a value is missing here",
    "block sequence entries are not allowed in this context": 'a list item ("- ") cannot stand here',
    "block mapping entries are not allowed in this context": "a mapping cannot begin here",
    "did not find expected <document start>": "something stands before the beginning of the document",
}


def read(path: Path) -> Node:
    """The tree of one file. Raises ScenarioError with every mistake that was found."""
    start = Where(file=path, line=1, column=1)
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ScenarioError((start.problem(f"cannot be read: {reason}"),)) from error
    try:
        return parse(raw.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        if len(raw) > MAX_BYTES:
            raise ScenarioError((_too_large(start),)) from error
        before = raw[: error.start].decode("utf-8", errors="replace")
        problem = _at_end_of(before, path).problem("not UTF-8; save the file in that encoding")
        raise ScenarioError((problem,)) from error


def parse(text: str, file: Path) -> Node:
    """The tree of a text; ``file`` is only named in positions. Raises ScenarioError as :func:`read` does."""
    start = Where(file=file, line=1, column=1)
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_BYTES or len(text.encode("utf-8", errors="replace")) > MAX_BYTES:
        raise ScenarioError((_too_large(start),))
    unprintable = _UNPRINTABLE.search(text)
    if unprintable is not None:
        place = _at_end_of(text[: unprintable.start()], file)
        message = f"a control character (U+{ord(unprintable[0]):04X}) cannot stand in YAML"
        raise ScenarioError((place.problem(message),))
    builder = _Builder(file=file)
    try:
        for event in _events(text):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        builder.problems.append(_syntax(error, text, start))
    except _TooMuchError:
        pass
    if builder.root is None and not builder.problems:
        builder.problems.append(start.problem("the file is empty"))
    if builder.problems or builder.root is None:
        raise ScenarioError(tuple(builder.problems))
    return builder.root


def _events(text: str) -> Iterator[yaml.Event]:
    loader = _LOADER(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


def _too_large(start: Where) -> Problem:
    return start.problem(f"larger than {MAX_BYTES // 1_000_000} MB: this is no scenario")


def _at_end_of(before: str, file: Path) -> Where:
    """The place of the character that follows ``before``."""
    return Where(file=file, line=before.count("\n") + 1, column=len(before) - (before.rfind("\n") + 1) + 1)


def _syntax(error: yaml.MarkedYAMLError, text: str, start: Where) -> Problem:
    """libyaml's complaint, in words that name the cure where there is one."""
    mark, began = error.problem_mark, error.context_mark
    if began is not None and (mark is None or not text[mark.index :].strip()):
        mark = began  # what is never closed is shown where it began, not at the end of the file
    where = start if mark is None else Where(file=start.file, line=mark.line + 1, column=mark.column + 1)
    line = text[: mark.index].rpartition("\n")[2] if mark is not None else ""
    character = text[mark.index : mark.index + 1] if mark is not None else ""
    problem = error.problem or "it cannot be read"
    if character == "\t" or "\t" in line[: len(line) - len(line.lstrip())]:
        return where.problem("a tab: YAML is indented with spaces only")
    if problem == "found character that cannot start any token":
        return where.problem(f'a value cannot begin with "{character}": put it in quotes')
    known = _PLAIN_WORDS.get(problem)
    if known is not None:
        return where.problem(known.format(line=where.line if began is None else began.line + 1))
    return where.problem(f"not YAML: {problem}" + (f" ({error.context})" if error.context else ""))


class _TooMuchError(Exception):
    """Reading on makes no sense; the problem is already noted."""


@dataclass(slots=True, kw_only=True)
class _Open:
    """A collection whose end has not been read yet."""

    where: Where
    mapping: bool
    anchor: str | None
    items: list[Node] = field(default_factory=list)
    entries: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)
    key: Node | None = None
    size: int = 1


@dataclass(slots=True, kw_only=True)
class _Builder:
    """Makes the tree from events, and notes what is wrong without stopping at it."""

    file: Path
    problems: list[Problem] = field(default_factory=list)
    root: Node | None = None
    _open: list[_Open] = field(default_factory=list)
    _anchors: dict[str, tuple[Node, int]] = field(default_factory=dict)
    _documents: int = 0

    def take(self, event: yaml.Event) -> None:
        """The next event of the stream."""
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self._complain(self._where(event), 'a second document ("---"): one file holds one')
                    raise _TooMuchError
            case yaml.ScalarEvent():
                self._refuse_tag(event)
                self._place(self._scalar(event), 1, event.anchor)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._begin(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._end()

    def _where(self, event: yaml.Event) -> Where:
        mark = event.start_mark
        if mark is None:
            raise AssertionError("PyYAML marks every event that it reads from a text")
        return Where(file=self.file, line=mark.line + 1, column=mark.column + 1)

    def _complain(self, where: Where, message: str) -> None:
        self.problems.append(where.problem(message))

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            shown = event.tag.replace("tag:yaml.org,2002:", "!!")[:40]
            self._complain(
                self._where(event), f'the tag "{shown}": tags are not used here; quotes make text of a value'
            )

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        where, text = self._where(event), event.value
        if event.style:
            return Scalar(value=text, text=text, where=where)
        if len(text) > MAX_DIGITS and any(pattern.fullmatch(text) for pattern, _ in _NUMBERS):
            self._complain(where, f"a number of more than {MAX_DIGITS} digits")
            return Scalar(value=text, text=text, where=where)
        return Scalar(value=resolve(text), text=text, where=where)

    def _alias(self, event: yaml.AliasEvent) -> None:
        where, name = self._where(event), event.anchor
        if name in self._anchors:
            self._place(*self._anchors[name], None)
            return
        inside = any(collection.anchor == name for collection in self._open)
        reason = "stands inside of what it repeats" if inside else f'has no "&{name}" before it'
        self._complain(where, f'"*{name}" {reason}')
        self._place(Scalar(value=None, text="", where=where), 1, None)

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        self._refuse_tag(event)
        where = self._where(event)
        if len(self._open) >= MAX_DEPTH:
            self._complain(where, f"nested deeper than {MAX_DEPTH} levels")
            raise _TooMuchError
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        self._open.append(_Open(where=where, mapping=is_mapping, anchor=event.anchor))

    def _end(self) -> None:
        done = self._open.pop()
        if done.mapping:
            node: Node = Mapping(entries=tuple(done.entries.values()), where=done.where)
        else:
            node = Sequence(items=tuple(done.items), where=done.where)
        self._place(node, done.size, done.anchor)

    def _place(self, node: Node, size: int, anchor: str | None) -> None:
        """Put a finished node into what is open around it."""
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if not parent.mapping:
            parent.items.append(node)
        elif parent.key is None:
            parent.key = node
            self._check_key(node, parent)
        else:
            if isinstance(parent.key, Scalar):
                parent.entries.setdefault(parent.key.text, (parent.key, node))
            parent.key = None
        parent.size += size
        if parent.size > MAX_VALUES:
            self._complain(parent.where, f"more than {MAX_VALUES} values, repeated ones counted each time")
            raise _TooMuchError

    def _check_key(self, key: Node, parent: _Open) -> None:
        if not isinstance(key, Scalar):
            self._complain(key.where, "a key must be a word, not a list or a mapping")
        elif key.text == "<<":
            self._complain(key.where, 'the merge key "<<" is not part of YAML 1.2: write the keys out')
        elif not _is_word(key):
            cure = f'put "{key.text[:40]}" in quotes' if key.text else "nothing stands before the colon"
            self._complain(key.where, f"a key must be text: {cure}")
        elif key.text in parent.entries:
            line = parent.entries[key.text][0].where.line
            self._complain(key.where, f'"{key.text}" is here a second time, first in line {line}')


def _is_word(key: Scalar) -> bool:
    """Whether a key is text, or a whole number that has only one spelling: a VLAN's."""
    is_number = isinstance(key.value, int) and not isinstance(key.value, bool)
    return isinstance(key.value, str) or (is_number and str(key.value) == key.text)


def resolve(text: str) -> ScalarValue:
    """The value of a plain (unquoted) scalar by the core schema, YAML 1.2.2 section 10.3.2."""
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text[0] in "+-.0123456789":
        for pattern, value_of in _NUMBERS:
            if pattern.fullmatch(text):
                return value_of(text)
    return text
