"""What every backend offers: take a plan, run it, hand out observations.

A backend knows nothing of expectations and verdicts. It calls ``emit`` for each record as it comes, and it
always tears down what it built, whatever happens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.observations.model import Record
from harness.plan.model import Plan

Emit = Callable[[Record], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a user may ask of a run beside the plan.

    ``captures`` are (switch, port) whose traffic goes to ``folder/<switch>-<port>.pcap``. ``hold`` keeps the
    lab after the last moment until the user interrupts. ``folder`` exists.
    """

    folder: Path
    captures: tuple[tuple[str, str], ...] = ()
    hold: bool = False


class Backend(Protocol):
    """One way to make a plan real."""

    name: str
    virtual: bool
    """Whether its time is its own: nothing of this machine is in what it hands out, so that the same plan
    always gives the same records, and nothing is left in the folder of its options."""

    def refusals(self, plan: Plan) -> tuple[str, ...]:
        """Return why this backend cannot hold the plan (a timer under its floor, named), before any build."""
        ...

    def check_host(self) -> None:
        """Raise HostError, with the cure, if this machine cannot run the backend."""
        ...

    def check_tools(self, plan: Plan) -> None:
        """Raise HostError, with the cure, if this machine lacks a program that this plan needs."""
        ...

    def run(self, plan: Plan, options: Options, emit: Emit) -> None:
        """Build, settle, walk the timeline, record, tear down.

        Raises LabError when the lab breaks and KeyboardInterrupt when interrupted, both after the tear-down.
        """
        ...
