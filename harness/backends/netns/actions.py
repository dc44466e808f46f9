"""Carries out the steps of a timeline."""

from __future__ import annotations

from typing import assert_never

from harness.backends.base import Emit
from harness.backends.netns.clock import Clock
from harness.backends.netns.devices import Devices
from harness.backends.netns.traffic import Traffic
from harness.observations.model import Acted
from harness.plan.model import Action, ActionKind, Plan


class Actor:
    """Does what an action says, and records it."""

    def __init__(self, plan: Plan, devices: Devices, traffic: Traffic, clock: Clock, emit: Emit) -> None:
        self._askers = {host.name for host in plan.askers}
        self._streams = {stream.number: stream for stream in plan.streams}
        self._devices = devices
        self._traffic = traffic
        self._clock = clock
        self._emit = emit

    def act(self, action: Action) -> None:
        """Carry out one step. It is recorded first, so that what follows from it comes after it."""
        late_s = max(0.0, self._clock.now() - action.at_s)
        self._emit(
            Acted(
                at_s=action.at_s,
                text=action.text,
                name=action.name or "",
                late_s=late_s,
                devices=action.devices,
            )
        )
        match action.kind:
            case ActionKind.CONFIGURE | ActionKind.START_QUERIER | ActionKind.STOP_QUERIER:
                self._configure(action)
            case ActionKind.LINK_DOWN | ActionKind.LINK_UP:
                for end in action.ends:
                    self._devices.set_link(end, up=action.kind is ActionKind.LINK_UP)
                if action.kind is ActionKind.LINK_UP:
                    self._devices.let_forward(action.ends)
            case ActionKind.SILENCE | ActionKind.RESTORE | ActionKind.IMPAIR | ActionKind.REPAIR:
                self._devices.impair(action.impaired)
            case ActionKind.TOPOLOGY_CHANGE:
                self._devices.topology_changed(action.target)
            case ActionKind.JOIN | ActionKind.LEAVE:
                self._change_membership(action)
            case ActionKind.RESTART_SWITCH:
                self._devices.restart_switch(action.target)
            case ActionKind.RESTART_NODE:
                self._devices.restart_host(action.target)
            case ActionKind.FORGE:
                if action.forgery is not None:
                    self._devices.forge(action.target, action.forgery)
            case _:
                assert_never(action.kind)

    def _configure(self, action: Action) -> None:
        if action.target in self._askers:
            on = action.kind is ActionKind.START_QUERIER
            self._devices.set_querier(action.target, action.dialect, on=on)
        else:
            self._devices.configure(action.target, action.behaviour, action.mld)

    def _change_membership(self, action: Action) -> None:
        if action.stream is None:
            return
        stream = self._streams[action.stream]
        if action.kind is ActionKind.JOIN:
            self._traffic.join(action.target, stream)
        else:
            self._traffic.leave(action.target, stream)
