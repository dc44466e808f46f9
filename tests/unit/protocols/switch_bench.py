"""A snooping switch on a bench: virtual time, frames in, effects out, all kept with their moment."""

from __future__ import annotations

from ipaddress import IPv4Address

from harness.protocols.effects import Effect, ForwardingMode, Heard, Send, Table, TableChange
from harness.protocols.querier import QuerierConfig
from harness.protocols.snooping import SnoopingConfig, SnoopingSwitch
from harness.wire import igmp, membership

GROUP = IPv4Address("239.192.1.1")
OTHER_GROUP = IPv4Address("239.192.1.2")
ROUTER = IPv4Address("10.77.255.1")
ZERO = IPv4Address("0.0.0.0")
SWITCH = IPv4Address("10.77.0.200")
SWITCH_MAC = bytes.fromhex("520000000001")
HOST_MAC = bytes.fromhex("52cccccccc01")
PORTS = ("p1", "p2", "p3", "p4")


def host(port: str) -> IPv4Address:
    """The host at a port: 10.77.0.1 at p1."""
    return IPv4Address(f"10.77.0.{port[1:]}")


def querier(**settings: object) -> QuerierConfig:
    """A querier as switches have it, changed where the test wants it."""
    return QuerierConfig(**{"address": SWITCH, "mac": SWITCH_MAC, **settings})


class Bench:
    """Drives one switch. Every method returns the effects that it caused."""

    def __init__(self, ports: tuple[str, ...] = PORTS, **settings: object) -> None:
        self.now = 0.0
        self.log: list[tuple[float, Effect]] = []
        self.switch = SnoopingSwitch(SnoopingConfig(**settings), ports)
        self.keep(self.switch.start(self.now))

    def keep(self, effects: list[Effect]) -> list[Effect]:
        self.log += [(self.now, effect) for effect in effects]
        return effects

    def hear(self, port: str, message: membership.Message, source: IPv4Address | None = None) -> list[Effect]:
        frame = igmp.igmp_frame(message, source_mac=HOST_MAC, source=host(port) if source is None else source)
        return self.keep(self.switch.receive(port, frame, self.now))

    def join(self, port: str, group: IPv4Address = GROUP) -> list[Effect]:
        return self.hear(port, membership.Report(version=2, group=group))

    def leave(self, port: str, group: IPv4Address = GROUP) -> list[Effect]:
        return self.hear(port, membership.Leave(group=group))

    def query(self, port: str, source: IPv4Address = ROUTER, **settings: object) -> list[Effect]:
        return self.hear(port, membership.Query(**settings), source)

    def wait(self, seconds: float) -> list[Effect]:
        """Let time pass, with a tick at every deadline."""
        end = self.now + seconds
        caused: list[Effect] = []
        while (at := self.switch.next_deadline()) is not None and at <= end:
            assert at >= self.now, "a deadline lies in the past"
            self.now = at
            caused += self.keep(self.switch.tick(at))
            after = self.switch.next_deadline()
            assert after is None or after > at, "a tick left something due"
        self.now = end
        return caused

    def members(self) -> list[tuple[str, str]]:
        return [(str(group), port) for group, port in self.switch.members()]


def sent_to(effects: list[Effect]) -> list[str]:
    """The ports that frames went out of, in order."""
    return [effect.port for effect in effects if isinstance(effect, Send)]


def changes(effects: list[Effect], table: Table | None = None) -> list[TableChange]:
    """The changes of one table, or of all."""
    found = [effect for effect in effects if isinstance(effect, TableChange)]
    return [change for change in found if table in (None, change.table)]


def modes(effects: list[Effect]) -> list[ForwardingMode]:
    """The changes of the forwarding mode."""
    return [effect for effect in effects if isinstance(effect, ForwardingMode)]


def said(effects: list[Effect]) -> list[str]:
    """What the switch itself sent, once for each message."""
    return [effect.what for effect in effects if isinstance(effect, Heard) and effect.sent]
