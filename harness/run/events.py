"""What happens while labs run, as typed events. Who shows them (terminal, pytest, report) only listens.

Every event names its run by ``key``, which the submitter chose. ``at_s`` and ``of_s`` are the customer's
seconds; ``real_s`` are seconds of this machine's clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.run.outcome import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A run waits for its turn; ``alone`` if it will have the machine for itself."""

    key: str
    alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """A run entered a phase: "start", then those of ``observations.model.Phase``."""

    key: str
    phase: str
    real_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A run is at ``at_s`` of ``of_s``."""

    key: str
    at_s: float
    of_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The scenario is over and judged, and the lab is kept: ``doors`` says how to enter it."""

    key: str
    doors: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The last event of a run."""

    key: str
    outcome: Outcome


Event = Queued | Entered | Progress | Held | Finished
Listen = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listen to nothing."""
    del event
