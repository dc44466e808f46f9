"""What probe tools did and said: an account for each host, peer and cast, from their records. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.observations.model import (
    ToolAnswered,
    ToolAsked,
    ToolEnded,
    ToolFigures,
    ToolRecord,
    ToolSaid,
)
from harness.observations.spans import Spans, normal, size

Key = tuple[int, str, str]
"""Tool, host, peer."""


@dataclass(slots=True)
class Heard:
    """What a host heard of a peer by one cast. ``answers`` are numbers of answers, half-open, from 1.

    ``distances`` and ``sizes`` are those that occurred; ``last_s`` is when the last answer came.
    """

    figures: ToolFigures | None = None
    answers: Spans = ()
    duplicates: int = 0
    last_s: float | None = None
    distances: set[int] = field(default_factory=set)
    sizes: set[int] = field(default_factory=set)
    _runs: list[tuple[int, int]] = field(default_factory=list)

    def add(self, record: ToolAnswered) -> None:
        """Account a record."""
        if record.duplicate:
            self.duplicates += record.count
        else:
            self._runs.append((record.sequence, record.sequence + record.count))
        self.last_s = record.last_s if self.last_s is None else max(self.last_s, record.last_s)
        self.sizes.add(record.size)
        if record.distance is not None:
            self.distances.add(record.distance)

    def close(self) -> None:
        """Put the runs of answers in order, once all are there."""
        self.answers = normal(self._runs)

    @property
    def received(self) -> int:
        """How many answers came, each once: as the tool says, or (without its figures) as the records do."""
        return size(self.answers) if self.figures is None else self.figures.received

    def sent(self, asked: Spans) -> int:
        """Return how many answers there should be: as the tool says, or as many as it asked for."""
        return size(asked) if self.figures is None else self.figures.sent

    def loss(self, asked: Spans) -> float:
        """Return the share that did not come; who never let himself be asked lost everything."""
        sent = self.sent(asked)
        return max(0.0, 1 - self.received / sent) if sent else 1.0

    @property
    def first(self) -> int | None:
        """The number of the first answer that the tool counted; None without any."""
        if self.figures is not None and self.figures.first is not None:
            return self.figures.first
        return self.answers[0][0] if self.answers else None


class ToolLog:
    """All tools of a run."""

    def __init__(self, records: Iterable[ToolRecord]) -> None:
        self._heard: dict[tuple[int, str, str], dict[str, Heard]] = {}
        self._asked: dict[Key, list[tuple[int, int]]] = {}
        self._ended: dict[tuple[int, str], ToolEnded] = {}
        for record in records:
            self._take(record)
        for peers in self._heard.values():
            for heard in peers.values():
                heard.close()

    def _take(self, record: ToolRecord) -> None:
        match record:
            case ToolAnswered():
                self._of(record.tool, record.host, record.cast, record.peer).add(record)
            case ToolFigures():
                self._of(record.tool, record.host, record.cast, record.peer).figures = record
            case ToolAsked():
                key = (record.tool, record.host, record.peer)
                self._asked.setdefault(key, []).append((record.first, record.first + record.count))
            case ToolEnded():
                self._ended[record.tool, record.host] = record
            case ToolSaid():
                return

    def _of(self, tool: int, host: str, cast: str, peer: str) -> Heard:
        return self._heard.setdefault((tool, host, cast), {}).setdefault(peer, Heard())

    def heard(self, tool: int, host: str, cast: str) -> dict[str, Heard]:
        """Return what a host heard by one cast, by peer."""
        return self._heard.get((tool, host, cast), {})

    def asked(self, tool: int, host: str, peer: str) -> Spans:
        """Return the numbers of the requests that left a host for a peer, half-open, from 1."""
        return normal(self._asked.get((tool, host, peer), ()))

    def asks(self) -> Iterable[tuple[Key, Spans]]:
        """Yield all requests, by tool, host and peer."""
        for key, runs in self._asked.items():
            yield key, normal(runs)

    def answered(self) -> Iterable[tuple[tuple[int, str, str, str], Heard]]:
        """Yield what was heard, by tool, host, cast and peer."""
        for (tool, host, cast), peers in self._heard.items():
            for peer, heard in peers.items():
                yield (tool, host, cast, peer), heard

    def ended(self, tool: int, host: str) -> ToolEnded | None:
        """Return the end of a tool on a host; None if it has not ended."""
        return self._ended.get((tool, host))
