"""Results of runs on stdout: reports for people, or one JSON document; and the exit code of them all."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable

import click

from harness.errors import ExitCode
from harness.report import outcomes
from harness.run.events import Held
from harness.run.outcome import Outcome

_GRAVEST_FIRST = (
    ExitCode.INTERRUPTED,
    ExitCode.INTERNAL,
    ExitCode.BAD_INPUT,
    ExitCode.FAILED,
    ExitCode.HOST_CANNOT,
    ExitCode.PASSED,
)
_WORDS = {
    ExitCode.PASSED: "passed",
    ExitCode.FAILED: "failed",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.INTERNAL: "broken",
    ExitCode.BAD_INPUT: "refused",
    ExitCode.HOST_CANNOT: "impossible on this host",
}


class Results:
    """Prints outcomes as they come (as JSON: at the end) and remembers the gravest.

    What did not pass ends with the command that does it again; so the count of many runs goes to stderr.
    """

    def __init__(self, *, wants_json: bool, quiet: bool) -> None:
        self._wants_json = wants_json
        self.quiet = quiet
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._outcomes: list[Outcome] = []
        self._held: set[str] = set()
        self._began_s = time.monotonic()

    def add(self, outcome: Outcome) -> None:
        """Take the outcome of a run."""
        self._outcomes.append(outcome)
        if self._wants_json or outcome.plan.name in self._held:
            return
        if outcome.exit_code is not ExitCode.PASSED:
            click.echo(outcomes.text(outcome, colour=self._colour))
        elif not self.quiet:
            click.echo(outcomes.line(outcome, colour=self._colour))

    def tell_held(self, event: Held) -> None:
        """Print the verdicts of a lab that is kept, and how to enter it."""
        if not self._wants_json:
            click.echo(outcomes.text(event.outcome, colour=self._colour))
            self._held.add(event.outcome.plan.name)
        click.echo(f"{event.doors.rstrip()}\nThe lab is kept; Ctrl-C ends it.", err=True)

    def finish(self) -> ExitCode:
        """Print what is left, and return the exit code of all."""
        if self._wants_json:
            documents = [outcomes.data(outcome) for outcome in self._outcomes]
            click.echo(json.dumps(documents[0] if len(documents) == 1 else documents, indent=2))
        elif len(self._outcomes) > 1:
            click.echo(f"{_counted(self._outcomes)} in {time.monotonic() - self._began_s:.1f} s", err=True)
        return gravest(outcome.exit_code for outcome in self._outcomes)


def gravest(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the exit code that stands for all of these."""
    found = frozenset(codes)
    return next((code for code in _GRAVEST_FIRST if code in found), ExitCode.NOTHING)


def _counted(found: Iterable[Outcome]) -> str:
    counts = Counter(outcome.exit_code for outcome in found)
    return ", ".join(f"{counts[code]} {_WORDS[code]}" for code in reversed(_GRAVEST_FIRST) if counts[code])
