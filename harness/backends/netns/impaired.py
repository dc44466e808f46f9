"""What the cables of a lab do to frames, brought about: losses by rules, all else by the relay."""

from __future__ import annotations

from harness.backends.netns.fabric import Fabric
from harness.backends.netns.losses import Losses
from harness.backends.netns.relay import Relay
from harness.plan.model import End, ImpairedEnd, Plan
from harness.sockets.loop import Loop


class ImpairedCables:
    """All cables of a lab that ever misbehave. Nothing does until ``set``."""

    def __init__(self, plan: Plan, fabric: Fabric, loop: Loop) -> None:
        self._fabric = fabric
        self._switches = frozenset(switch.name for switch in plan.switches)
        self._losses: dict[End, Losses] = {}
        self._relay = Relay(plan.relayed, fabric, loop, speed=plan.speed, seed=plan.seed)

    def set(self, impaired: ImpairedEnd) -> None:
        """Do this, and nothing else, to the frames that leave an end of a cable."""
        end = impaired.end
        if end not in self._losses:
            on_switch = end.device in self._switches
            fd = self._fabric.switch_fd(end.device) if on_switch else self._fabric.host_fd(end.device)
            self._losses[end] = Losses(fd, end.port)
        self._losses[end].set(impaired.impairments)
        self._relay.impair(end, impaired.impairments)

    def last_due_s(self) -> float | None:
        """Return when the last frame that a cable holds will be out; None if there is none."""
        return self._relay.last_due_s()

    def newly_dropped(self) -> int:
        """Return how many frames this machine, not the scenario, lost in the relay since the last call."""
        return self._relay.newly_dropped()

    def close(self) -> None:
        """Close every socket; the namespaces' owner removes the rest."""
        self._relay.close()
        for losses in self._losses.values():
            losses.close()
