"""The table of outcomes: a row for each setting, a column for each expectation. Text out, no I/O."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.plan.model import Where
from harness.report.colour import Painter
from harness.source import to_data
from harness.verdicts.model import Status
from harness.what_if.answer import Cell, Row
from harness.what_if.question import Question

_GAP = "  "
_REFUSED = "refused"
_WIDEST = 40
"""Characters of a cell on a terminal; CSV and JSON have all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A question with the rows that there are: all, unless it was interrupted."""

    question: Question
    rows: tuple[Row, ...]

    @property
    def name(self) -> str:
        """The variant as every report names it."""
        variant = self.question.variant
        return f"{variant.file.name.removesuffix('.scenario.yaml')}::{variant.name}"

    @property
    def expectations(self) -> tuple[Where, ...]:
        """The columns. Every row has the same, and a refused one none."""
        return next((row.expectations for row in self.rows if not row.refusal), ())

    @property
    def is_refused(self) -> bool:
        """Whether no setting could be predicted at all."""
        return bool(self.rows) and all(row.refusal for row in self.rows)


def text(answered: Answered, *, colour: bool) -> str:
    """Return the table for a terminal: what is expected by number, then a line for each setting."""
    columns = answered.expectations
    size = f"{len(answered.rows)} setting{'' if len(answered.rows) == 1 else 's'}"
    lines = [f"{answered.name}  {size}"]
    lines += [f"  {number}: {_heading(where)}" for number, where in enumerate(columns, 1)]
    head = [axis.path.text for axis in answered.question.axes] + [str(n) for n in range(1, len(columns) + 1)]
    body = [
        [_short(cell) for cell in ([value.text for value in row.setting] + _words(row, len(columns)))]
        for row in answered.rows
    ]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    lines.append(_line(head, widths))
    painter = Painter(on=colour)
    for row, cells in zip(answered.rows, body, strict=True):
        bad = [False] * len(row.setting) + _bad(row, len(columns))
        lines.append(_line(cells, widths, bad, painter))
    return "\n".join(lines)


def as_csv(tables: Sequence[Answered]) -> str:
    """Return one table (RFC 4180) of all variants: a column for each expectation that any of them has."""
    axes = [axis.path.text for axis in tables[0].question.axes]
    columns = list(dict.fromkeys(_heading(where) for table in tables for where in table.expectations))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["variant", *axes, *columns])
    for table in tables:
        own = [_heading(where) for where in table.expectations]
        for row in table.rows:
            said = dict(zip(own, _words(row, len(own)), strict=True))
            values = [value.text for value in row.setting]
            writer.writerow([table.question.variant.name, *values, *(said.get(name, "") for name in columns)])
    return out.getvalue()


def as_data(tables: Sequence[Answered]) -> dict[str, Any]:
    """Return all tables as JSON-compatible data. Keys may be added, none is redefined."""
    question = tables[0].question
    return {
        "file": str(question.variant.file),
        "vary": [axis.path.text for axis in question.axes],
        "variants": [_table_data(table) for table in tables],
    }


def _table_data(table: Answered) -> dict[str, Any]:
    axes = [axis.path.text for axis in table.question.axes]
    return {
        "variant": table.question.variant.name,
        "expectations": [
            {"file": str(where.file), "line": where.line, "text": where.text} for where in table.expectations
        ],
        "rows": [
            {
                "setting": dict(zip(axes, (to_data(value.node) for value in row.setting), strict=True)),
                "refusal": row.refusal or None,
                "outcomes": [_cell_data(cell) for cell in row.cells],
            }
            for row in table.rows
        ],
    }


def _cell_data(cell: Cell) -> dict[str, Any]:
    first = cell.first_wrong
    return {
        "status": cell.status.value,
        "figure": cell.figure,
        "expected": cell.expected,
        "got": cell.got,
        "first_wrong": None
        if first is None
        else {"sender": first.sender, "receiver": first.receiver, "at_s": first.at_s, "what": first.what},
        "cause": cell.cause,
    }


def _heading(where: Where) -> str:
    return f"{where.file.name}:{where.line}  {' '.join(where.text.split())}"


def _words(row: Row, columns: int) -> list[str]:
    return [_REFUSED] * columns if row.refusal else [cell.text for cell in row.cells]


def _short(cell: str) -> str:
    return cell if len(cell) <= _WIDEST else f"{cell[: _WIDEST - 3].rstrip()}..."


def _bad(row: Row, columns: int) -> list[bool]:
    return [True] * columns if row.refusal else [cell.status is not Status.PASSED for cell in row.cells]


def _line(
    cells: Sequence[str], widths: Sequence[int], bad: Sequence[bool] = (), painter: Painter | None = None
) -> str:
    """One line; what is bad is painted after it has its width."""
    padded = [f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True)]
    padded[-1] = padded[-1].rstrip()
    if painter is not None:
        padded = [painter.wrong(one) if wrong else one for one, wrong in zip(padded, bad, strict=True)]
    return f"  {_GAP.join(padded)}".rstrip()
