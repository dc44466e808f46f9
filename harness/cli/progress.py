"""Progress of runs on stderr: one line that is rewritten on a terminal, a plain line now and then elsewhere.

Listens to run events and never decides anything. What takes less than a second shows nothing.
"""

from __future__ import annotations

import os
import shutil
import time
from typing import TextIO, assert_never

from harness.run.events import Entered, Event, Finished, Held, Progress, Queued

_SILENT_S = 1.0
_REDRAW_S = 0.1
_PLAIN_EVERY_S = 5.0


class ProgressLine:
    """Shows how far ``total`` runs are."""

    def __init__(self, stream: TextIO, total: int, *, quiet: bool = False) -> None:
        self._stream = stream
        self._total = total
        self._quiet = quiet
        self._rewrites = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._began_s = time.monotonic()
        self._shown_s = self._began_s
        self._done = 0
        self._doing: dict[str, str] = {}
        self._drawn = False

    def listen(self, event: Event) -> None:
        """Take one event."""
        match event:
            case Queued():
                if event.alone:
                    self._doing.pop(event.key, None)
            case Entered():
                self._doing[event.key] = event.phase
            case Progress():
                self._doing[event.key] = f"{event.at_s:.0f} of {event.of_s:.0f} s"
            case Held():
                self.clear()
            case Finished():
                self._doing.pop(event.key, None)
                self._done += 1
            case _:
                assert_never(event)
        self._show()

    def reach(self, done: int, doing: str) -> None:
        """Take how many are done, where no events tell it, and what comes next."""
        self._done, self._doing = done, {doing: "predict"}
        self._show()

    def clear(self) -> None:
        """Take the line away, so that something else can be printed."""
        if self._drawn:
            self._stream.write("\r\033[K")
            self._stream.flush()
            self._drawn = False

    def _show(self) -> None:
        now_s = time.monotonic()
        every_s = _REDRAW_S if self._rewrites else _PLAIN_EVERY_S
        first = self._shown_s == self._began_s
        due_s = self._began_s + _SILENT_S if first else self._shown_s + every_s
        if self._quiet or now_s < due_s or not self._doing:
            return
        self._shown_s = now_s
        text = self._text(now_s - self._began_s)
        if not self._rewrites:
            self._stream.write(f"{text}\n")
        else:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\033[K{text[:width]}")
            self._drawn = True
        self._stream.flush()

    def _text(self, real_s: float) -> str:
        key, doing = next(iter(self._doing.items()))
        others = len(self._doing) - 1
        more = f" and {others} more" if others else ""
        done = f"{self._done} of {self._total} done, " if self._total > 1 else ""
        return f"{real_s:.0f} s: {done}{key}: {doing}{more}"
