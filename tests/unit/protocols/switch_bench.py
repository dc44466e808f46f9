"""A snooping switch on a bench: virtual time, frames in, effects out, all kept with their moment."""

from __future__ import annotations

from ipaddress import IPv4Address

from harness.protocols.dialect import Dialect
from harness.protocols.effects import Effect, ForwardingMode, Heard, Send, Table, TableChange
from harness.protocols.querier_config import QuerierConfig
from harness.protocols.snooping import SnoopingSwitch
from harness.protocols.snooping_config import SnoopingConfig
from harness.wire import membership, pim
from harness.wire.membership import Address, GroupRecord, RecordReport, RecordType

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


def record(kind: RecordType, *sources: str, group: Address = GROUP) -> RecordReport:
    """A report with one record."""
    return RecordReport(
        records=(GroupRecord(type=kind, group=group, sources=tuple(map(IPv4Address, sources))),)
    )


class Bench:
    """Drives one switch. Every method returns the effects that it caused."""

    def __init__(self, ports: tuple[str, ...] = PORTS, **settings: object) -> None:
        self.now = 0.0
        self.log: list[tuple[float, Effect]] = []
        config = SnoopingConfig(**settings)
        self.dialect: Dialect = config.dialect
        self.switch = SnoopingSwitch(config, ports)
        self.keep(self.switch.start(self.now))

    def keep(self, effects: list[Effect]) -> list[Effect]:
        self.log += [(self.now, effect) for effect in effects]
        return effects

    def hear(
        self, port: str, message: membership.Message, source: Address | None = None, **frame: object
    ) -> list[Effect]:
        data = self.dialect.frame(
            message, source_mac=HOST_MAC, source=host(port) if source is None else source, **frame
        )
        return self.keep(self.switch.receive(port, data, self.now))

    def join(self, port: str, group: Address = GROUP) -> list[Effect]:
        return self.hear(port, membership.Report(version=2, group=group))

    def leave(self, port: str, group: Address = GROUP) -> list[Effect]:
        return self.hear(port, membership.Leave(group=group))

    def query(self, port: str, source: Address = ROUTER, **settings: object) -> list[Effect]:
        return self.hear(port, membership.Query(**settings), source)

    def records(self, port: str, kind: RecordType, *sources: str, group: Address = GROUP) -> list[Effect]:
        return self.hear(port, record(kind, *sources, group=group))

    def hello(self, port: str, hold_time_s: float, source: Address = ROUTER) -> list[Effect]:
        """A PIM router is heard."""
        frame = pim.hello_frame(pim.Hello(source=source, hold_time_s=hold_time_s), source_mac=HOST_MAC)
        return self.keep(self.switch.receive(port, frame, self.now))

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

    def filter(self, port: str, group: Address = GROUP) -> str:
        """What a port receives, in short: "include 10.0.0.1", "exclude", or "" for nothing."""
        found = self.switch.filter_of(group, port)
        return "" if found is None else " ".join([found.mode.value, *map(str, found.sources)])


def sent_to(effects: list[Effect]) -> list[str]:
    """The ports that frames went out of, in order."""
    return [effect.port for effect in effects if isinstance(effect, Send)]


def sent(effects: list[Effect], dialect: Dialect = Dialect.IGMP) -> list[tuple[str, membership.Message]]:
    """The messages that went out, with their ports, in order."""
    frames = [(effect.port, dialect.parse(effect.frame)) for effect in effects if isinstance(effect, Send)]
    return [(port, read.message) for port, read in frames if read is not None]


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
