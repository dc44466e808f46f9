"""The errors of the harness: one root, one class for each party that can be at fault.

A failed expectation is not an error: it is a verdict. It becomes an exception only at the pytest edge.
Exit codes are those of pytest where pytest has one (0 pass, 1 failed, 2 interrupted, 3 internal, 4 usage,
5 nothing to do); 6 says that this host cannot.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """What the ``mcast`` command tells its caller."""

    PASSED = 0
    FAILED = 1
    INTERRUPTED = 2
    INTERNAL = 3
    BAD_INPUT = 4
    NOTHING = 5
    HOST_CANNOT = 6


class HarnessError(Exception):
    """The root of everything that the harness raises on purpose."""

    exit_code = ExitCode.INTERNAL


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One mistake in one place of a file that the user wrote. Lines and columns count from 1."""

    file: Path
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class ScenarioError(HarnessError):
    """Your file is wrong: carries every mistake that was found, in the order of the file."""

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class HostError(HarnessError):
    """This machine cannot do it: says what is missing, and the command that cures it."""

    exit_code = ExitCode.HOST_CANNOT

    def __init__(self, missing: str, cure: str) -> None:
        self.missing = missing
        self.cure = cure
        super().__init__(f"{missing}; cure: {cure}")


class LabError(HarnessError):
    """Building or running the lab broke: the message names the step and what the kernel answered."""
