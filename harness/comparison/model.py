"""What a comparison is: how far apart two runs may be, and every place where they are further apart.

Data only, and it can be pickled: made by ``harness.comparison.compare``, put into words for people by
``harness.report``. Times are the customer's seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Agreement(Enum):
    """What two runs came to."""

    ALIKE = "alike"
    PARTED = "parted"
    INCONCLUSIVE = "inconclusive"
    """Neither: a run did not come to its end, or this machine disturbed one where they differ."""


class Subject(Enum):
    """What two runs differ in. Earlier ones explain later ones."""

    TABLE = "table"
    SENDING = "sending"
    DELIVERY = "delivery"
    SHARE = "share"
    """How much was lost where losses are chance."""
    REPORT = "report"
    """What a probe tool says at its end."""
    VERDICT = "verdict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How long two runs may differ for no other reason than chance: the sum of ``parts``, each with its
    reason."""

    parts: tuple[tuple[float, str], ...]

    @property
    def seconds(self) -> float:
        """Return the sum."""
        return sum(seconds for seconds, _ in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parting:
    """A place where two runs differ for longer than chance explains, from ``at_s`` to ``until_s``.

    ``hop`` is the switch, the host or the cable ("sw1:p9 - sw2:p9"); ``left`` and ``right`` say what each run
    has there. ``hosts`` are the sender and the receiver where it is about datagrams.
    """

    subject: Subject
    at_s: float
    until_s: float
    hop: str
    left: str
    right: str
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs of one plan, compared.

    ``left`` and ``right`` name them, by their backends. ``partings`` begin with the one that explains most:
    the earliest, and of those the most upstream. ``doubts`` are differences that this machine can have made;
    ``chance`` says what was left out or counted because the plan itself leaves it to chance. ``quirk`` is
    what the scenario names as the reason why the two may part.
    """

    left: str
    right: str
    tolerance: Tolerance
    partings: tuple[Parting, ...] = ()
    doubts: tuple[str, ...] = ()
    chance: tuple[str, ...] = ()
    quirk: str = ""

    @property
    def agreement(self) -> Agreement:
        """Return what the two runs came to, whether or not the scenario has a reason for it."""
        if self.partings:
            return Agreement.PARTED
        return Agreement.INCONCLUSIVE if self.doubts else Agreement.ALIKE

    @property
    def first(self) -> Parting | None:
        """Return the first hop and moment at which they part."""
        return self.partings[0] if self.partings else None

    @property
    def passes(self) -> bool:
        """Return whether nothing is wrong: they are alike, or part where the scenario names a quirk."""
        return self.agreement is Agreement.ALIKE or bool(self.partings and self.quirk)
