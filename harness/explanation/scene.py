"""The network at a moment: which cables are up, what they do to frames, how every device is configured.

Made of the plan, and of the steps of its timeline that the records say were carried out, at the moments when
they really were. Knows nothing of datagrams. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from harness.observations.history import History
from harness.observations.words import moment
from harness.plan.impairment import FrameKind, Impairment
from harness.plan.model import Action, ActionKind, End, PeerKind, Plan, PlanHost, PlanLink, PlanSwitch
from harness.protocols.dialect import Dialect
from harness.protocols.querier_config import QuerierConfig
from harness.protocols.snooping_config import SnoopingConfig

_TREE = "spanning tree: "
_IMPAIRS = frozenset({ActionKind.SILENCE, ActionKind.RESTORE, ActionKind.IMPAIR, ActionKind.REPAIR})
_LINKS = frozenset({ActionKind.LINK_DOWN, ActionKind.LINK_UP})
_QUERIERS = frozenset({ActionKind.START_QUERIER, ActionKind.STOP_QUERIER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of the timeline, and the moment at which it was carried out."""

    at_s: float
    action: Action

    def __str__(self) -> str:
        """``"r1: querier off" at 60.0 s (line 14)``."""
        return f'"{self.action.text}" at {moment(self.at_s)} (line {self.action.line})'


@dataclass(frozen=True, slots=True, kw_only=True)
class Cable:
    """A cable as a frame passes it: from ``near``, whose impairments count, to ``far``."""

    near: End
    far: End

    def __str__(self) -> str:
        """``sw1:p9 - sw2:p9``; a host has one interface, so its name will do."""
        return " - ".join(end_words(end) for end in (self.near, self.far))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """Which frames are meant, as far as a cable tells them apart; ``size`` is that of the IP packet."""

    multicast: bool = True
    protocol: str = ""
    """ "igmp" or "mld" for membership messages, else empty."""
    size: int = 0

    def meant_by(self, impairment: Impairment) -> bool:
        """Whether an impairment does something to them."""
        if impairment.larger_than is not None and self.size <= impairment.larger_than:
            return False
        match impairment.kind:
            case FrameKind.ALL:
                return True
            case FrameKind.MULTICAST:
                return self.multicast
            case FrameKind.UNICAST:
                return not self.multicast
            case FrameKind.IGMP | FrameKind.MLD:
                return self.protocol == str(impairment.kind.value)


def end_words(end: End) -> str:
    """Return one end of a cable: ``n1``, ``sw1:p3``."""
    return end.device if end.port == "eth0" else f"{end.device}:{end.port}"


def cables_of(plan: Plan) -> dict[str, tuple[Cable, ...]]:
    """Return for every switch its cables to other switches, in the order of the file."""
    found: dict[str, list[Cable]] = {switch.name: [] for switch in plan.switches}
    for link in plan.links:
        near, far = (End(device=name, port=port) for name, port in (link.a, link.b))
        found[near.device].append(Cable(near=near, far=far))
        found[far.device].append(Cable(near=far, far=near))
    return {name: tuple(cables) for name, cables in found.items()}


class Scene:
    """The plan's network as it was at any moment of a run."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.plan = history.plan
        self.hosts: dict[str, PlanHost] = {host.name: host for host in self.plan.hosts}
        self.switches: dict[str, PlanSwitch] = {switch.name: switch for switch in self.plan.switches}
        self.steps = tuple(_carried_out(history))
        self._far: dict[End, End] = {}
        self._link_of: dict[End, PlanLink] = {}
        for host in self.plan.hosts:
            self._join(End(device=host.name, port="eth0"), End(device=host.switch, port=host.port))
        for link in self.plan.links:
            near, far = (End(device=name, port=port) for name, port in (link.a, link.b))
            self._join(near, far)
            self._link_of[near] = self._link_of[far] = link

    def _join(self, near: End, far: End) -> None:
        self._far[near], self._far[far] = far, near

    # --- devices and their cables ---------------------------------------------------------------------------

    @cached_property
    def exits(self) -> dict[str, tuple[Cable, ...]]:
        """For every switch its cables to other switches, in the order of the file."""
        return cables_of(self.plan)

    def peer(self, device: str, port: str) -> str:
        """Return what a port's cable leads to; empty without a cable."""
        far = self._far.get(End(device=device, port=port))
        return "" if far is None else far.device

    def cable_of(self, device: str, port: str) -> Cable | None:
        """Return the cable of a port, as what leaves there passes it; None without one."""
        near = End(device=device, port=port)
        far = self._far.get(near)
        return None if far is None else Cable(near=near, far=far)

    def is_host(self, name: str) -> bool:
        """Whether it is a node or a router."""
        return name in self.hosts

    def edge(self, host: str) -> End:
        """Return the switch's end of a host's cable."""
        return self._far[End(device=host, port="eth0")]

    def mtu(self, end: End) -> int:
        """Return the MTU of an end of a cable."""
        if end.device in self.hosts:
            return self.hosts[end.device].mtu
        ports = self.switches[end.device].ports
        return next((port.mtu for port in ports if port.name == end.port), self.switches[end.device].mtu)

    def domain(self, switch: str) -> frozenset[str]:
        """Return the switches that cables join with one, up or down, itself included."""
        found, waiting = {switch}, [switch]
        while waiting:
            for cable in self.exits[waiting.pop()]:
                if cable.far.device not in found:
                    found.add(cable.far.device)
                    waiting.append(cable.far.device)
        return frozenset(found)

    def device_with(self, address: str) -> str:
        """Return the device that an address belongs to; empty if it is of none."""
        return self._owners.get(address, "")

    @cached_property
    def _owners(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for switch in self.plan.switches:
            for ready in (switch.querier_ready, switch.mld_querier_ready):
                if ready is not None and not ready.address.is_unspecified:
                    found.setdefault(str(ready.address), switch.name)
        for host in self.plan.hosts:
            for address in (host.address, host.address6, host.link_local):
                if address is not None:
                    found[str(address)] = host.name
            for config in (host.querier, host.mld_querier):
                if config is not None:
                    found.setdefault(str(config.address), host.name)
        return found

    # --- what the timeline has done -------------------------------------------------------------------------

    def until(self, at_s: float) -> Iterator[Step]:
        """Yield the steps that were carried out up to a moment."""
        return (step for step in self.steps if step.at_s <= at_s)

    def down(self, cable: Cable, at_s: float) -> str:
        """Return why a cable carries nothing at a moment, in words; empty if it does."""
        why = self._down_at_start(cable)
        ends = {cable.near, cable.far}
        for step in self.until(at_s):
            if step.action.kind in _LINKS and ends & set(step.action.ends):
                why = ""
                if step.action.kind is ActionKind.LINK_DOWN:
                    tree = step.action.text.startswith(_TREE)
                    why = f"{'blocked since' if tree else 'down since'} {step}"
        return why

    def _down_at_start(self, cable: Cable) -> str:
        link = self._link_of.get(cable.near)
        if link is not None:
            if link.blocked:
                return "blocked by the spanning tree"
            return "" if link.up else "down from the start"
        host = self.hosts.get(cable.near.device) or self.hosts[cable.far.device]
        return "" if host.up else "unplugged from the start"

    def impairments(self, end: End, at_s: float) -> tuple[tuple[Impairment, ...], Step | None]:
        """Return what happens to frames that leave an end, and the step that made it so (None: the file)."""
        found = next((one.impairments for one in self.plan.impaired if one.end == end), ())
        since: Step | None = None
        for step in self.until(at_s):
            if step.action.kind in _IMPAIRS:
                for one in step.action.impaired:
                    if one.end == end:
                        found, since = one.impairments, step
        return found, since

    def behaviour(self, switch: str, at_s: float, protocol: str) -> SnoopingConfig | None:
        """Return how a switch is configured at a moment for "igmp" or "mld"; None: it does not know MLD."""
        planned = self.switches[switch]
        found = planned.mld if protocol == "mld" else planned.behaviour
        for step in self.until(at_s):
            if step.action.target == switch:
                new = step.action.mld if protocol == "mld" else step.action.behaviour
                found = found if new is None else new
        return found

    def querier_of(self, device: str, at_s: float, protocol: str) -> QuerierConfig | None:
        """Return the querier that a device is told to run at a moment; None if it is told to run none."""
        if device in self.switches:
            config = self.behaviour(device, at_s, protocol)
            return None if config is None else config.querier
        host = self.hosts[device]
        own, on = (
            (host.mld_querier, host.mld_querier_on) if protocol == "mld" else (host.querier, host.querier_on)
        )
        last = self.last_querier_step(device, at_s, protocol)
        if last is not None:
            on = last.action.kind is ActionKind.START_QUERIER
        return own if on else None

    def last_querier_step(self, device: str, at_s: float, protocol: str) -> Step | None:
        """Return the last step that started or stopped a device's querier."""
        found = None
        for step in self.until(at_s):
            action = step.action
            mine = action.target == device and action.kind in _QUERIERS
            if mine and action.dialect is (Dialect.MLD if protocol == "mld" else Dialect.IGMP):
                found = step
        return found

    def askers(self) -> Iterator[str]:
        """Yield the hosts and switches that have ever a querier, hosts that are routers first."""
        for kind in (PeerKind.ROUTER, PeerKind.NODE):
            yield from (host.name for host in self.plan.askers if host.kind is kind)
        yield from self.switches


def _carried_out(history: History) -> Iterator[Step]:
    """The steps that the records tell of, in order, each at the moment when it was done."""
    done = {(acted.at_s, acted.text): acted.at_s + acted.late_s for acted in history.steps}
    steps = [
        Step(at_s=done[action.at_s, action.text], action=action)
        for action in history.plan.actions
        if (action.at_s, action.text) in done
    ]
    yield from sorted(steps, key=lambda step: step.at_s)
