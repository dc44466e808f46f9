"""A matrix of who heard whom as lines of text: ``#`` everything, ``+`` some, ``.`` nothing, blank not judged.

Up to sixteen rows and columns are shown whole; of more, only those with something wrong, sixteen at most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.verdicts.model import Matrix

MOST = 16
Paint = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of text and how wide it is on the screen: colours take no room.

    A width of 0 is that of a remark which has the line for itself.
    """

    text: str
    width: int


def lines(matrix: Matrix, paint_wrong: Paint) -> tuple[Line, ...]:
    """Return the matrix with its headings; ``paint_wrong`` colours the cells that are wrong."""
    senders, receivers = matrix.senders, matrix.receivers
    if max(len(senders), len(receivers)) > MOST:
        senders = _chosen(senders, {sender for sender, _ in matrix.wrong})
        receivers = _chosen(receivers, {receiver for _, receiver in matrix.wrong})
    wrong = set(matrix.wrong)
    row_of = dict(zip(matrix.senders, matrix.rows, strict=True))
    column_of = {receiver: index for index, receiver in enumerate(matrix.receivers)}
    first = max(len(name) for name in (*senders, ""))
    width = first + sum(len(name) + 1 for name in receivers)
    found = [_plain(" " * first + "".join(f" {name}" for name in receivers))]
    for sender in senders:
        text = sender.rjust(first)
        for receiver in receivers:
            sign = row_of[sender][column_of[receiver]].value
            cell = paint_wrong(sign) if (sender, receiver) in wrong else sign
            text += " " * len(receiver) + cell
        found.append(Line(text=text, width=width))
    found += _left_out(matrix, senders, receivers)
    return tuple(found)


def _chosen(names: tuple[str, ...], wrong: set[str]) -> tuple[str, ...]:
    return (tuple(name for name in names if name in wrong) or names)[:MOST]


def _left_out(matrix: Matrix, senders: tuple[str, ...], receivers: tuple[str, ...]) -> list[Line]:
    counts = (
        ("senders", len(matrix.senders) - len(senders)),
        ("receivers", len(matrix.receivers) - len(receivers)),
    )
    parts = [f"{count} more {word}" for word, count in counts if count]
    return [Line(text=f"and {' and '.join(parts)}", width=0)] if parts else []


def _plain(text: str) -> Line:
    return Line(text=text, width=len(text))
