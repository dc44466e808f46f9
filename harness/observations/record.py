"""``run.jsonl``: writes records as they come, reads them back.

One JSON object (RFC 8259) a line, ``{"t": kind, field: value ...}``, fields in the order of the class. The
file only grows. A run that was killed leaves at most its last line incomplete, and what stands before it
counts. Nothing here judges.
"""

from __future__ import annotations

import json
import os
import time
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.errors import HostError, Problem, ScenarioError
from harness.observations.model import KINDS, Record

FILE_NAME = "run.jsonl"
FLUSH_EVERY_S = 0.1
"""A record is in the kernel's hands not later than this after the one before it was written."""
_LINES_HELD = 4096

_ENCODE = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_DECODE = json.JSONDecoder().decode


class Recorder:
    """Appends records to a new file. Raises HostError when the file cannot be made or written.

    Writing costs a few microseconds; the file is touched when a tenth of a second has passed, when much has
    gathered, and on ``flush``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[str] = []
        self._flushed_s = time.monotonic()
        try:
            self._file: int | None = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise self._refused(error) from error

    def write(self, record: Record) -> None:
        """Append one record."""
        form = _FORMS_BY_CLASS[type(record)]
        line = {"t": form.kind}
        for name in form.names:
            line[name] = getattr(record, name)
        self._lines.append(_ENCODE(line))
        if len(self._lines) >= _LINES_HELD or time.monotonic() - self._flushed_s >= FLUSH_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Hand to the kernel what was written, so that it outlives this process."""
        self._flushed_s = time.monotonic()
        if self._file is None or not self._lines:
            return
        data = memoryview("".join(f"{line}\n" for line in self._lines).encode("ascii"))
        self._lines.clear()
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            raise self._refused(error) from error

    def close(self) -> None:
        """Flush and close; closing twice is no error."""
        if self._file is None:
            return
        try:
            self.flush()
        finally:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _refused(self, error: OSError) -> HostError:
        return HostError(
            f"{self._path} cannot be written: {error.strerror}", "use another folder: --folder DIR"
        )


def read(path: Path) -> tuple[Record, ...]:
    """Read a run's records from ``run.jsonl``, or from the folder it lies in.

    A last line without its end is left out. Raises ScenarioError, with file and line, for everything else
    that is no record, and when there is no such file.
    """
    file = path / FILE_NAME if path.is_dir() else path
    try:
        *lines, tail = file.read_bytes().split(b"\n")
    except OSError as error:
        raise _damaged(file, 1, f"cannot be read: {error.strerror}") from error
    records = [_record(file, number, line) for number, line in enumerate(lines, start=1)]
    if _is_whole(tail):
        records.append(_record(file, len(lines) + 1, tail))
    return tuple(records)


def _is_whole(line: bytes) -> bool:
    """Return whether a line without its end is JSON; no beginning of a JSON object is."""
    try:
        _DECODE(line.decode("utf-8"))
    except ValueError:
        return False
    return True


# --- the form of each record ------------------------------------------------------------------------------

Convert = Callable[[Any], Any]
"""From JSON data to a field's value; raises TypeError for data of another kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """How one class of records looks in the file."""

    kind: str
    make: type[Record]
    names: tuple[str, ...]
    converts: Mapping[str, Convert]
    required: frozenset[str]


def _exactly(kind: type) -> Convert:
    def convert(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"is not {_WORDS[kind]}: {value!r}")
        return value

    return convert


def _number(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        return float(value)
    raise TypeError(f"is not a number: {value!r}")


def _names(value: Any) -> tuple[str, ...]:
    if type(value) is not list or not all(type(item) is str for item in value):
        raise TypeError(f"is not a list of names: {value!r}")
    return tuple(value)


def _counters(value: Any) -> dict[str, int]:
    if type(value) is not dict or not all(type(item) is int for item in value.values()):
        raise TypeError(f"is not a mapping to whole numbers: {value!r}")
    return value


def _or_none(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)


_WORDS: dict[type, str] = {str: "a text", int: "a whole number", bool: "true or false"}
_CONVERTS: dict[Any, Convert] = {
    **{kind: _exactly(kind) for kind in _WORDS},
    float: _number,
    int | None: _or_none(_exactly(int)),
    float | None: _or_none(_number),
    tuple[str, ...]: _names,
    dict[str, int]: _counters,
}


def _form(kind: str, record: type[Record]) -> _Form:
    hints = typing.get_type_hints(record)
    own = fields(record)
    return _Form(
        kind=kind,
        make=record,
        names=tuple(field.name for field in own),
        converts={field.name: _CONVERTS[hints[field.name]] for field in own},
        required=frozenset(
            field.name for field in own if field.default is MISSING and field.default_factory is MISSING
        ),
    )


_FORMS = {kind: _form(kind, record) for kind, record in KINDS.items()}
_FORMS_BY_CLASS = {form.make: form for form in _FORMS.values()}


def _record(file: Path, number: int, line: bytes) -> Record:
    try:
        data = _DECODE(line.decode("utf-8"))
    except ValueError as error:
        raise _damaged(file, number, f"is no record: {error}") from error
    if type(data) is not dict or type(kind := data.pop("t", None)) is not str:
        raise _damaged(file, number, 'is no record: a JSON object with a "t" is wanted')
    form = _FORMS.get(kind)
    if form is None:
        raise _damaged(file, number, f"unknown kind of record {kind!r}; known: {', '.join(_FORMS)}")
    converts = form.converts
    try:
        for name, value in data.items():
            data[name] = converts[name](value)
    except KeyError as error:
        raise _damaged(file, number, f"a record {kind!r} has no field {error}") from error
    except TypeError as error:
        raise _damaged(file, number, f"{name!r} of a record {kind!r} {error}") from error
    if not form.required <= data.keys():
        missing = ", ".join(name for name in form.names if name in form.required and name not in data)
        raise _damaged(file, number, f"a record {kind!r} lacks {missing}")
    return form.make(**data)


def _damaged(file: Path, line: int, message: str) -> ScenarioError:
    return ScenarioError((Problem(file=file, line=line, column=1, message=message),))
