"""A scenario as it was written: one file, its variants, and topologies, as pydantic models.

Nothing is resolved here: names are names, counts are counts, moments may refer to a step of the timeline.
The models are strict (unknown keys are mistakes) and frozen. The JSON Schema for editors comes from them.
They do no I/O; ``harness.scenario.loader`` reads files and turns pydantic's errors into file:line:column.
The parts have modules of their own: ``network``, ``traffic``, ``timeline`` and ``expectations``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from harness.scenario.expectations import Expectation
from harness.scenario.fields import Length, Name, Parameter, Texts
from harness.scenario.network import Network
from harness.scenario.strict import Strict
from harness.scenario.timeline import Step
from harness.scenario.traffic import Traffic


class Role(StrEnum):
    """What a variant shows: the fault, a fix of it, or something to compare with."""

    FAULT = "fault"
    FIX = "fix"
    CONTROL = "control"


class TopologyUse(BaseModel):
    """A topology file and its parameters: ``{use: two-switches, nodes: 8}``."""

    model_config = ConfigDict(frozen=True, extra="allow")

    use: str


class Variant(Strict):
    """Changes over the base: mappings are merged, ``timeline`` and ``expect`` are appended."""

    about: str = ""
    role: Role | None = None
    speed: float | None = Field(None, ge=1, le=1000)
    duration: Length | None = None
    network: dict[str, Any] | None = None
    topology: dict[str, Any] | str | None = None
    traffic: dict[str, Any] | None = None
    timeline: tuple[Any, ...] = ()
    expect: tuple[Any, ...] = ()


class Scenario(Strict):
    """One file, or one of its variants merged over the base."""

    scenario: str = Field(min_length=3, description="the title, one line")
    source: Texts = Field(description="where this fault was seen or described")
    about: str = ""
    role: Role | None = None
    speed: float = Field(1.0, ge=1, le=1000, description="time compression: every protocol timer is divided")
    seed: int = 1
    duration: Length | None = Field(
        None,
        description="left out: until the last moment of the timeline and of every window has passed; a "
        "window that is open lasts for ten datagrams of its stream",
    )
    topology: TopologyUse | str | None = None
    network: Network = Network()
    traffic: dict[Name, Traffic] = Field(default_factory=dict)
    timeline: tuple[Step, ...] = ()
    expect: tuple[Expectation, ...] = ()
    variants: dict[Name, Variant] = Field(default_factory=dict)


class Topology(Strict):
    """A network with parameters: ``${nodes}`` in it stands for a parameter's value."""

    topology: str
    about: str = ""
    parameters: dict[Name, Parameter] = Field(default_factory=dict)
    network: dict[str, Any]
