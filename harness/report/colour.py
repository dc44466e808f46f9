"""The colours of a report: ANSI X3.64 sequences, or nothing at all. Colour never carries meaning alone."""

from __future__ import annotations

from dataclasses import dataclass

from harness.verdicts.model import Status

_RED, _GREEN, _YELLOW = "31", "32", "33"
_OF_STATUS = {Status.PASSED: _GREEN, Status.FAILED: _RED, Status.INCONCLUSIVE: _YELLOW}


@dataclass(frozen=True, slots=True, kw_only=True)
class Painter:
    """Colours words if ``on``."""

    on: bool

    def status(self, status: Status) -> str:
        """Return the status in capitals, in its colour."""
        return self._paint(status.name, _OF_STATUS[status])

    def wrong(self, text: str) -> str:
        """Return something that is wrong, in its colour."""
        return self._paint(text, _RED)

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.on else text
