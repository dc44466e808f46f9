"""What is to be explained: sender, receiver, stream and moment; and what the switches' logs say of it.

Answers plain questions of the records: the last line of a table, the last query. Gives no reasons. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from harness.explanation.scene import Cable, Frames, Scene, Step
from harness.explanation.way import way
from harness.observations.model import Igmp, TableLine
from harness.observations.switch_log import Tables, protocol_of
from harness.observations.words import moment
from harness.plan.model import ActionKind, Cast, End, PlanStream
from harness.profiles import DataPlane
from harness.protocols.snooping_config import SnoopingConfig

_HEADERS = {4: 28, 6: 48}
"""IP and UDP, in bytes (RFC 791 section 3.1, RFC 8200 section 3, RFC 768)."""


class Assumed(Enum):
    """What genuine bridges do, which only deliveries show: prune as told, or flood.

    AS_TOLD goes by the queries that they heard; their timers run up to an eighth late.
    """

    AS_TOLD = "as told"
    FLOODS = "floods"
    PRUNES = "prunes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One datagram of ``stream`` on its way; tables and cables count as they were ``at_s``."""

    scene: Scene
    stream: PlanStream
    sender: str
    receiver: str
    at_s: float
    assumed: Assumed = Assumed.AS_TOLD

    @property
    def group(self) -> str:
        """Return the group's address."""
        return str(self.stream.group)

    @property
    def protocol(self) -> str:
        """Return what speaks of the group: "igmp" or "mld"."""
        return protocol_of(self.group)

    @property
    def source(self) -> str:
        """Return the address that the sender sends from."""
        return str(self.scene.hosts[self.sender].address_for(self.stream.group))

    @property
    def packet(self) -> int:
        """Return the bytes of the IP packet, or of its largest fragment."""
        whole = self.stream.size + _HEADERS[self.stream.group.version]
        return min(whole, self.scene.hosts[self.sender].mtu)

    @property
    def frames(self) -> Frames:
        """Return what the datagram is to a cable."""
        return Frames(multicast=self.stream.cast is Cast.MULTICAST, size=self.packet)

    @property
    def messages(self) -> Frames:
        """Return what the reports and queries about the group are to a cable."""
        return Frames(protocol=self.protocol, size=32 if self.protocol == "igmp" else 76)

    def way(self) -> tuple[Cable, ...]:
        """Return the datagram's way from the sender to the receiver."""
        return way(self.scene, self.sender, self.receiver, self.at_s)

    def behaviour(self, switch: str) -> SnoopingConfig | None:
        """Return how a switch treats the group's protocol at the moment."""
        return self.scene.behaviour(switch, self.at_s, self.protocol)

    def tables(self, switch: str) -> Tables:
        """Return what a switch knew at the moment.

        A genuine bridge does not tell that it has forgotten a querier: it has when its time is over.
        """
        known = self.scene.history.switches.tables_at(switch, self.at_s, self.protocol)
        if not self.is_genuine(switch) or self.assumed is Assumed.PRUNES:
            return known
        forgotten = self.assumed is Assumed.FLOODS or self._querier_is_forgotten(switch)
        return replace(known, querier="") if forgotten else known

    def is_genuine(self, switch: str) -> bool:
        """Whether a switch is the kernel's bridge or Open vSwitch, which tell less than a machine of ours."""
        return self.scene.switches[switch].data_plane is not DataPlane.EMULATED

    def _querier_is_forgotten(self, switch: str) -> bool:
        config = self.behaviour(switch)
        if config is None or config.standing_querier() is not None:
            return False
        last_s = max((query.at_s for query in self.queries(switch)), default=0.0)
        return self.at_s - last_s > config.other_querier_interval_s

    # --- the logs -------------------------------------------------------------------------------------------

    def _lines(self, switch: str, table: str) -> Iterator[TableLine]:
        for event in self.scene.history.switches.until(switch, self.at_s):
            if isinstance(event, TableLine) and event.table == table and event.protocol == self.protocol:
                yield event

    def last_member_line(self, switch: str, port: str, group: str = "") -> TableLine | None:
        """Return the last change of a port's membership; None if it never was a member."""
        wanted = group or self.group
        lines = [one for one in self._lines(switch, "member") if (one.port, one.group) == (port, wanted)]
        return lines[-1] if lines else None

    def last_router_line(self, switch: str, port: str) -> TableLine | None:
        """Return the last change of a router port; None if it never was one."""
        lines = [one for one in self._lines(switch, "router-port") if one.port == port]
        return lines[-1] if lines else None

    def querier_lines(self, device: str) -> tuple[TableLine, ...]:
        """Return what a switch or router thought of who the querier is, in the order of time."""
        return tuple(self._lines(device, "querier"))

    def queries(self, switch: str, *, port: str | None = None) -> tuple[Igmp, ...]:
        """Return the general queries that a switch heard (at one port), or sent itself, up to the moment.

        What a genuine bridge passes to its own host looks like sent by it, and is left out.
        """
        return tuple(
            event
            for event in self.scene.history.switches.until(switch, self.at_s)
            if isinstance(event, Igmp)
            and (event.what, event.protocol) == ("query", self.protocol)
            and (port is None or event.port == port)
            and not (event.sent and self.scene.device_with(event.source) not in {"", switch})
        )

    def messages_at(self, switch: str, port: str, start: str) -> tuple[Igmp, ...]:
        """Return the reports ("report") or leaves ("leave") about the group that came in at a port.

        Reports that only refresh what is known may be missing from the records.
        """
        return tuple(
            event
            for event in self.scene.history.switches.until(switch, self.at_s)
            if isinstance(event, Igmp)
            and event.port == port
            and event.what.startswith(start)
            and event.protocol == self.protocol
            and event.group in ("", self.group)
        )

    def last_step(self, device: str, *kinds: ActionKind) -> Step | None:
        """Return the last step of these kinds that was done to a device."""
        found = None
        for step in self.scene.until(self.at_s):
            if step.action.kind in kinds and device in step.action.devices:
                found = step
        return found

    def last_step_at(self, end: End, *kinds: ActionKind) -> Step | None:
        """Return the last step of these kinds that was done to an end of a cable."""
        found = None
        for step in self.scene.until(self.at_s):
            if step.action.kind in kinds and end in step.action.ends:
                found = step
        return found

    def named(self, address: str) -> str:
        """Return an address with the name of its device: ``r1 (10.77.255.1)``."""
        name = self.scene.device_with(address)
        return f"{name} ({address})" if name else address

    def towards(self, switch: str, port: str) -> str:
        """Return a port with what it leads to: ``p9 (to sw2)``."""
        peer = self.scene.peer(switch, port)
        return f"{port} (to {peer})" if peer else port

    def since(self, at_s: float) -> str:
        """Return a moment in words; what was so when the scenario began is so from the start."""
        return "from the start" if at_s <= 0 else f"since {moment(at_s)}"


def trouble(case: Case, cable: Cable, frames: Frames) -> tuple[bool | None, str]:
    """Return whether a cable lets frames pass at the moment (None: some of them), and what it does, in words.

    Empty words: it does nothing to them.
    """
    if why := case.scene.down(cable, case.at_s):
        return False, f"the cable {cable} is {why}"
    impairments, step = case.scene.impairments(cable.near, case.at_s)
    since = f" since {moment(step.at_s)} (line {step.action.line})" if step is not None else ""
    concerned = [one for one in impairments if frames.meant_by(one)]
    for one in concerned:
        if one.loss == 1:
            of = str(one).partition("; of ")[2]
            return False, f"the cable {cable} loses {f'all {of}' if of else 'every frame'}{since}"
    if not concerned:
        return True, ""
    chance = any(one.loss or one.rate_bit_s for one in concerned)
    told = "; ".join(str(one) for one in concerned)
    return (None if chance else True), f"the cable {cable} is impaired{since}: {told}"
