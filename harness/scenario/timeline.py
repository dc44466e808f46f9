"""The timeline as it is written: one change at one moment a step."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from harness.scenario.fields import CableName, MomentText, Name, SwitchName
from harness.scenario.hosts import Forge
from harness.scenario.links import Flap, Impair, Silence
from harness.scenario.network import SwitchSettings
from harness.scenario.strict import Strict


class Membership(Strict):
    """A node and the stream (or mesh) whose group it joins or leaves."""

    node: Name = Field(description="who joins or leaves")
    stream: Name = Field(description="the stream or mesh whose group it is")


class SetSwitch(SwitchSettings):
    """Settings of a switch that change while it runs: sw1 with all of its VLANs, or sw1.20 alone."""

    switch: SwitchName = Field(description="sw1 with all of its VLANs, or sw1.20")


ACTIONS = (
    "set",
    "start_querier",
    "stop_querier",
    "start_mld_querier",
    "stop_mld_querier",
    "link_down",
    "link_up",
    "silence",
    "restore",
    "impair",
    "repair",
    "flap",
    "join",
    "leave",
    "restart_switch",
    "restart_node",
    "forge",
)


class Step(Strict):
    """One change at one moment: exactly one action."""

    at: MomentText = Field(description="a moment: 260s, the name of a step, or dies + 10s")
    name: Name | None = Field(None, description="what expectations call this moment")
    set: SetSwitch | None = Field(None, description="settings of a switch that change")
    start_querier: SwitchName | None = Field(
        None,
        description="of a switch (all its VLANs), of a VLAN (sw1.20), of a router, or of a node with one",
    )
    stop_querier: SwitchName | None = Field(None, description="as start_querier")
    start_mld_querier: SwitchName | None = Field(None, description="of the same, for IPv6")
    stop_mld_querier: SwitchName | None = Field(None, description="as start_mld_querier")
    link_down: CableName | None = Field(None, description="a node, a port (sw1:p3) or two switches")
    link_up: CableName | None = Field(None, description="as link_down")
    silence: Silence | None = Field(
        None, description="frames vanish, and both links stay up; restore ends it"
    )
    restore: Silence | None = Field(None, description="ends a silence")
    impair: Impair | None = Field(
        None, description="what a cable does from this moment, beside what it did before"
    )
    repair: CableName | None = Field(None, description="the cable is as good as new, silences included")
    flap: Flap | None = Field(None, description="a link goes down and up again and again")
    join: Membership | None = Field(None, description="a node joins the group of a stream")
    leave: Membership | None = Field(None, description="a node leaves the group of a stream")
    restart_switch: SwitchName | None = Field(None, description="its tables are lost")
    restart_node: Name | None = Field(None, description="its network goes down and up; it joins again")
    forge: Forge | None = Field(
        None, description="a node sends a query, report or leave that its stack never would"
    )

    @property
    def action(self) -> str:
        """The name of the step's one action."""
        return next(action for action in ACTIONS if getattr(self, action) is not None)

    @model_validator(mode="after")
    def _exactly_one_action(self) -> Self:
        found = [action for action in ACTIONS if getattr(self, action) is not None]
        if not found:
            message = f"a step needs an action, one of: {', '.join(ACTIONS)}"
            raise ValueError(message)
        if len(found) > 1:
            message = f"one step, one action: this one has {' and '.join(found)}; write a step for each"
            raise ValueError(message)
        return self
