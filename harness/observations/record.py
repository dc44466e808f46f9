"""``run.jsonl``: writes records as they come, reads them back."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from harness.observations.model import Record


class Recorder:
    """Appends records to a file."""

    def __init__(self, path: Path) -> None:
        raise NotImplementedError

    def write(self, record: Record) -> None:
        """Append one record."""
        raise NotImplementedError

    def flush(self) -> None:
        """Hand to the kernel what was written, so that it outlives this process."""

    def close(self) -> None:
        """Flush and close; closing twice is no error."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read(path: Path) -> tuple[Record, ...]:
    """Read a run's records from ``run.jsonl``, or from the folder it lies in."""
    raise NotImplementedError
