"""A host on a bench: virtual time, messages in, messages out, all kept with their moment."""

from __future__ import annotations

import random
from ipaddress import IPv4Address

from harness.protocols.effects import EVERY_SOURCE, Effect, Send
from harness.protocols.host import MembershipHost
from harness.protocols.host_config import HostConfig
from harness.wire import igmp, membership
from harness.wire.membership import ControlFrame, RecordType

GROUP = IPv4Address("239.192.1.1")
OTHER_GROUP = IPv4Address("239.192.1.2")
OWN = IPv4Address("10.77.0.1")
OWN_MAC = bytes.fromhex("020000000001")
OTHER = IPv4Address("10.77.0.2")
OTHER_MAC = bytes.fromhex("020000000002")
ROUTER = IPv4Address("10.77.255.1")
ROUTER_MAC = bytes.fromhex("020a00000001")


class HostBench:
    """Drives one host; ``said`` is everything it sent, with the moment."""

    def __init__(self, seed: int = 1, **settings: object) -> None:
        self.now = 0.0
        self.said: list[tuple[float, ControlFrame]] = []
        config = HostConfig(**{"address": OWN, "mac": OWN_MAC, **settings})
        self.host = MembershipHost(config, random.Random(seed))

    def keep(self, effects: list[Effect]) -> list[membership.Message]:
        frames = [igmp.parse_igmp_frame(effect.frame) for effect in effects if isinstance(effect, Send)]
        self.said += [(self.now, frame) for frame in frames]
        return [frame.message for frame in frames]

    def join(self, group: IPv4Address = GROUP, sources=EVERY_SOURCE) -> list[membership.Message]:
        return self.keep(self.host.join(group, self.now, sources))

    def leave(self, group: IPv4Address = GROUP) -> list[membership.Message]:
        return self.keep(self.host.leave(group, self.now))

    def hear(
        self, message: membership.Message, source: IPv4Address = ROUTER, mac: bytes = ROUTER_MAC, **frame
    ) -> list[membership.Message]:
        data = igmp.igmp_frame(message, source_mac=mac, source=source, **frame)
        return self.keep(self.host.receive(data, self.now))

    def query(self, group: IPv4Address | None = None, **settings) -> list[membership.Message]:
        return self.hear(membership.Query(group=group, **settings))

    def other_reports(self, group: IPv4Address = GROUP, version: int = 2) -> None:
        self.hear(membership.Report(version=version, group=group), OTHER, OTHER_MAC)

    def wait(self, seconds: float) -> list[membership.Message]:
        """Let time pass, with a tick at every deadline."""
        end, said = self.now + seconds, []
        while (at := self.host.next_deadline()) is not None and at <= end:
            assert at >= self.now, "a deadline lies in the past"
            self.now = at
            said += self.keep(self.host.tick(at))
        self.now = end
        return said

    def moments(self) -> list[float]:
        return [at for at, _ in self.said]


def record(report: membership.Message) -> tuple[RecordType, tuple[str, ...]]:
    """The one record of a report: kind and sources."""
    assert isinstance(report, membership.RecordReport), report
    (only,) = report.records
    return only.type, tuple(str(source) for source in only.sources)
