"""The timeline as it is written: one change at one moment a step."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from harness.scenario.fields import MomentText, Name, Names, SwitchName
from harness.scenario.hosts import Forge
from harness.scenario.links import Flap, Impair, Silence
from harness.scenario.network import SwitchSettings
from harness.scenario.strict import Strict


class Membership(Strict):
    """A node and the stream (or mesh) whose group it joins or leaves."""

    node: Name
    stream: Name


class SetSwitch(SwitchSettings):
    """Settings of a switch that change while it runs: sw1 with all of its VLANs, or sw1.20 alone."""

    switch: SwitchName


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

    at: MomentText
    name: Name | None = Field(None, description="what expectations call this moment")
    set: SetSwitch | None = None
    start_querier: SwitchName | None = Field(
        None,
        description="of a switch (all its VLANs), of a VLAN (sw1.20), of a router, or of a node with one",
    )
    stop_querier: SwitchName | None = None
    start_mld_querier: SwitchName | None = Field(None, description="of the same, for IPv6")
    stop_mld_querier: SwitchName | None = None
    link_down: Names | None = Field(None, description="a node, a port (sw1:p3) or two switches")
    link_up: Names | None = None
    silence: Silence | None = None
    restore: Silence | None = Field(None, description="ends a silence")
    impair: Impair | None = None
    repair: Names | None = Field(None, description="the cable is as good as new, silences included")
    flap: Flap | None = None
    join: Membership | None = None
    leave: Membership | None = None
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
