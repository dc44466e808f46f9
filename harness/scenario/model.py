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

    use: str = Field(description="the name of a topology, or its file")


class Variant(Strict):
    """Changes over the base: mappings are merged, ``timeline`` and ``expect`` are appended."""

    about: str = Field("", description="a sentence for the reader")
    role: Role | None = Field(None, description="fault, fix or control; a marker under pytest")
    speed: float | None = Field(None, ge=1, le=1000, description="instead of the scenario's")
    duration: Length | None = Field(None, description="instead of the scenario's")
    quirk: str | None = Field(None, min_length=3, description="instead of the scenario's")
    network: dict[str, Any] | None = None
    topology: dict[str, Any] | str | None = None
    traffic: dict[str, Any] | None = None
    timeline: tuple[Any, ...] = ()
    expect: tuple[Any, ...] = ()


class Scenario(Strict):
    """One file, or one of its variants merged over the base."""

    scenario: str = Field(min_length=3, description="the title, one line")
    source: Texts = Field(description="where this fault was seen or described")
    about: str = Field("", description="what happens and why, for a reader")
    role: Role | None = Field(None, description="of a file without variants")
    speed: float = Field(1.0, ge=1, le=1000, description="time compression: every protocol timer is divided")
    seed: int = Field(1, description="of all chance that is not the kernel's")
    duration: Length | None = Field(
        None,
        description="left out: until the last moment of the timeline and of every window has passed; a "
        "window that is open lasts for ten datagrams of its stream",
    )
    quirk: str | None = Field(
        None,
        min_length=3,
        description="why a real kernel and the model may part in this scenario, such as a place of "
        "docs/kernel-quirks.md; without it a comparison in which they part fails",
    )
    topology: TopologyUse | str | None = Field(
        None, description="a network from a file, to which network adds"
    )
    network: Network = Field(
        default_factory=Network, description="switches, nodes, and the cables between them"
    )
    traffic: dict[Name, Traffic] = Field(default_factory=dict, description="streams and meshes by name")
    timeline: tuple[Step, ...] = Field((), description="what changes, one action a step")
    expect: tuple[Expectation, ...] = Field((), description="what must be heard by whom, and when")
    variants: dict[Name, Variant] = Field(default_factory=dict, description="by name what each changes")


class Topology(Strict):
    """A network with parameters: ``${nodes}`` in it stands for a parameter's value."""

    topology: str = Field(description="the title, one line")
    about: str = Field("", description="for a reader")
    parameters: dict[Name, Parameter] = Field(default_factory=dict, description="names with their defaults")
    network: dict[str, Any] = Field(description="as in a scenario, with ${name} for a parameter's value")
