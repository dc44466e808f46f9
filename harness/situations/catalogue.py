"""The situations, and the scenario file that each becomes for a profile.

A situation is a file beside this one, with ``${profile}`` and times in it; filled in, it is an ordinary
scenario file, which ``mcast run`` takes and a person can change. Times follow from the profile, so that
whatever ages on it has aged before the end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from string import Template

from harness.backends.base import Backend
from harness.errors import Problem, ScenarioError
from harness.plan.build import build_all
from harness.plan.model import Plan
from harness.profiles import Profile

FOLDER = Path(__file__).parent
SPEEDS = (100.0, 30.0, 20.0, 10.0, 5.0, 2.0, 1.0)
"""Tried in this order: the first that the backend can hold is taken."""

_SHORTEST_S = 300.0
_BEHIND_S = 40.0
"""How long a lab goes on after everything has aged."""
_LAST_QUERY_BY_S = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One situation; ``headings`` are the columns that its outcome fills."""

    name: str
    headings: tuple[str, ...]


SITUATIONS = (
    Situation(name="one-switch", headings=("one switch, no querier",)),
    Situation(name="two-switches", headings=("two switches, no querier",)),
    Situation(name="querier-dies", headings=("querier dies",)),
    Situation(name="zero-querier", headings=("querier 0.0.0.0",)),
    Situation(
        name="groups",
        headings=("unregistered group", "224.0.0.x", "alias of 224.0.0.x", "alias of a group"),
    ),
)


def write(situation: Situation, profile: Profile, reference: str, folder: Path) -> Path:
    """Write the scenario file of a situation for a profile into a folder, and return its path.

    ``reference`` is what the scenario calls the profile: its name, or the absolute path of the user's file.
    """
    ages_s = max(profile.membership_interval_s, profile.router_port_interval_s, _SHORTEST_S)
    text = Template((FOLDER / f"{situation.name}.yaml").read_text(encoding="utf-8")).substitute(
        profile=reference,
        speed="100",
        long=f"{ages_s + _BEHIND_S:g}s",
        longer=f"{ages_s + _BEHIND_S + _LAST_QUERY_BY_S:g}s",
    )
    path = folder / f"{profile.name}-{situation.name}.scenario.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def plan_of(path: Path, backend: Backend) -> Plan:
    """The plan of a written situation, at the highest speed up to the file's that the backend can hold.

    Raises ScenarioError if it can hold it at none.
    """
    (plan,) = build_all(path)
    refusals: tuple[str, ...] = ()
    for speed in SPEEDS:
        if speed > plan.speed:
            continue
        fitting = replace(plan, speed=speed)
        refusals = backend.refusals(fitting)
        if not refusals:
            return fitting
    raise ScenarioError(tuple(Problem(file=path, line=1, column=1, message=refusal) for refusal in refusals))
