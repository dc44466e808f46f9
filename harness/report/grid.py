"""A matrix of who heard whom as lines of text: ``#`` everything, ``+`` some, ``.`` nothing, blank not judged.

Up to sixteen rows and columns are shown whole; of more, only those with something wrong, sixteen at most.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.verdicts.model import Matrix

MOST = 16
Paint = Callable[[str], str]


def lines(matrix: Matrix, paint_wrong: Paint) -> tuple[str, ...]:
    """Return the matrix with its headings; ``paint_wrong`` colours the cells that are wrong."""
    senders, receivers = matrix.senders, matrix.receivers
    if max(len(senders), len(receivers)) > MOST:
        senders = _chosen(senders, {sender for sender, _ in matrix.wrong})
        receivers = _chosen(receivers, {receiver for _, receiver in matrix.wrong})
    wrong = set(matrix.wrong)
    row_of = dict(zip(matrix.senders, matrix.rows, strict=True))
    column_of = {receiver: index for index, receiver in enumerate(matrix.receivers)}
    first = max(len(name) for name in (*senders, ""))
    found = [" " * first + "".join(f" {name}" for name in receivers)]
    for sender in senders:
        text = sender.rjust(first)
        for receiver in receivers:
            sign = row_of[sender][column_of[receiver]].value
            cell = paint_wrong(sign) if (sender, receiver) in wrong else sign
            text += " " * len(receiver) + cell
        found.append(text)
    found += _left_out(matrix, senders, receivers)
    return tuple(found)


def _chosen(names: tuple[str, ...], wrong: set[str]) -> tuple[str, ...]:
    return (tuple(name for name in names if name in wrong) or names)[:MOST]


def _left_out(matrix: Matrix, senders: tuple[str, ...], receivers: tuple[str, ...]) -> list[str]:
    counts = (
        ("senders", len(matrix.senders) - len(senders)),
        ("receivers", len(matrix.receivers) - len(receivers)),
    )
    parts = [f"{count} more {word}" for word, count in counts if count]
    return [f"and {' and '.join(parts)}"] if parts else []
