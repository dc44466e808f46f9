"""What probe tools wrote, as files beside the records: ``<tool>-<host>.txt``, a line as it comes.

So a run shows what an engineer would have seen on that node, and ``mcast read`` takes it.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from harness.errors import HostError
from harness.observations.model import Record, ToolSaid
from harness.observations.record import Recorder
from harness.plan.model import Plan


class Transcripts:
    """Keeps records by a recorder, and lines of tools in files of a folder as well."""

    def __init__(self, recorder: Recorder, folder: Path, plan: Plan) -> None:
        self._recorder = recorder
        self._folder = folder
        self._names = {tool.number: tool.name for tool in plan.tools}
        self._files: dict[tuple[int, str], TextIO] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def write(self, record: Record) -> None:
        """Keep one record. Raises HostError when a file cannot be written."""
        self._recorder.write(record)
        if isinstance(record, ToolSaid):
            try:
                self._file(record).write(f"{record.text}\n")
            except OSError as error:
                cure = "make room, and run it again"
                raise HostError(f"a transcript cannot be written: {error.strerror}", cure=cure) from error

    def flush(self) -> None:
        """Hand everything to the kernel."""
        self._recorder.flush()
        for file in self._files.values():
            file.flush()

    def _file(self, record: ToolSaid) -> TextIO:
        key = (record.tool, record.host)
        if key not in self._files:
            path = self._folder / f"{self._names[record.tool]}-{record.host}.txt"
            file = path.open("w", encoding="utf-8", buffering=1)
            self._files[key] = self._stack.enter_context(file)
        return self._files[key]
