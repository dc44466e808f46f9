"""How the tools of ssmping begin, say what they say, and end.

Errors are told as the originals do: what failed and why, and ``errno=`` with its number, on standard error.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.protocols.probes.program import Figures, Program, Say
from harness.protocols.probes.refusals import refusal
from harness.sockets.driver import Told
from harness.sockets.groups import Via
from harness.tools.running import run, write
from harness.tools.ssmping_arguments import (
    STATUS_OF_MISTAKES,
    Arguments,
    CommandError,
    Form,
    arguments,
)


def begin(form: Form, words: Sequence[str] | None, do: Callable[[Arguments], int]) -> int:
    """Read the command line (None: the process's own), do what it says, and return the status."""
    gc.enable()  # `mcast` has switched it off for its short commands
    try:
        return do(arguments(form, sys.argv[1:] if words is None else words))
    except CommandError as error:
        for line in str(error).splitlines():
            write(f"{form.tool}: {line}" if error.usage else line, error=True)
        if error.usage:
            write(error.usage, error=True)
        return STATUS_OF_MISTAKES
    except BrokenPipeError:  # the reader of our lines has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return STATUS_OF_MISTAKES


def failed(doing: str, error: OSError) -> int:
    """Say what the kernel refused, and return the status for it."""
    for line in refusal(doing, error.errno or errno.EIO):
        write(line.text, error=True)
    return STATUS_OF_MISTAKES


class Output:
    """Listens to programs: says their lines, and keeps their figures.

    With ``as_json`` the lines go to standard error, and ``tell`` writes to standard output.
    """

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self.figures: list[Figures] = []

    def __call__(self, effect: Told, at_s: float, /) -> None:
        """Take what a program does."""
        del at_s
        if isinstance(effect, Say):
            write(effect.text, error=effect.error or self._as_json)
        elif isinstance(effect, Figures):
            self.figures.append(effect)

    def run(self, program: Program, via: Via, opens: str, joins: str) -> int:
        """Run a program on this host; ``opens`` and ``joins`` is what is said if these fail."""
        doing = opens

        def note_opened() -> None:
            nonlocal doing
            doing = joins

        try:
            return run(program, via, self, opened=note_opened)
        except BrokenPipeError:
            raise
        except OSError as error:
            return failed(doing, error)

    def tell(self, found: Mapping[str, Any]) -> None:
        """Write what was found, if JSON was asked for."""
        if self._as_json:
            write(json.dumps(found))
