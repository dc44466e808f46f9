"""Forged packets: what a step says, as messages with all their addresses, once for each time it is sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from harness.plan.addresses import mac_bytes
from harness.plan.model import Forgery, PlanHost, PlanSwitch
from harness.plan.moments import Moments
from harness.plan.names import Loc, Mistakes
from harness.protocols.dialect import Dialect
from harness.scenario.hosts import (
    Forge,
    ForgedFrame,
    ForgedHello,
    ForgedLeave,
    ForgedPacket,
    ForgedQuery,
    ForgedReport,
)
from harness.source.duration import text as seconds
from harness.wire.membership import (
    Address,
    GroupRecord,
    Leave,
    Message,
    Query,
    RecordReport,
    RecordType,
    Report,
)
from harness.wire.mld import ALL_NODES
from harness.wire.pim import Hello, hello_frame

MOST_TIMES = 10_000
"""As often a step can be repeated: each time is an action of the plan, and a line of the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgedStep:
    """A forging step: what, in words too, and at which seconds after its moment."""

    target: str
    text: str
    forgery: Forgery
    after_s: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """Hosts by name, and the MAC of every address in the network."""

    hosts: dict[str, PlanHost]
    macs: dict[Address, str]


def macs(hosts: Iterable[PlanHost], switches: Iterable[PlanSwitch]) -> dict[Address, str]:
    """The MAC of every address that a device of the network has."""
    found: dict[Address, str] = {}
    for host in hosts:
        own = (host.address, host.address6, host.link_local)
        found |= {address: host.mac for address in own if address is not None}
    for switch in switches:
        found[switch.address] = switch.mac
        if switch.mld_querier_ready is not None:
            found[switch.mld_querier_ready.address] = switch.mac
    return found


def read_forge(
    written: Forge, at_s: float, devices: Devices, moments: Moments, loc: Loc, mistakes: Mistakes
) -> ForgedStep | None:
    """What a step forges; None after a mistake."""
    host = devices.hosts.get(written.node)
    if host is None:
        return None
    here = (*loc, written.message)
    packet = written.packet
    after_s = _after_s(written, at_s, moments, loc, mistakes)
    source, source_mac = packet.source or _own(host, packet.dialect), packet.mac or host.mac
    forgery = Forgery(message=_message(packet, source), source=source, source_mac=source_mac)
    try:
        _check(forgery)
    except ValueError as error:
        mistakes.add(here, str(error))
        return None
    if isinstance(packet, ForgedFrame):
        forgery = replace(
            forgery, destination=packet.destination, hops=packet.ttl, router_alert=packet.router_alert
        )
    if forgery.destination is not None and not forgery.destination.is_multicast:
        mac = devices.macs.get(forgery.destination)
        if mac is None:
            text = f"{forgery.destination} is no group, and no device of the network has it"
            mistakes.add((*here, "destination"), text)
            return None
        forgery = replace(forgery, destination_mac=mac)
    return ForgedStep(target=host.name, text=_text(host, forgery), forgery=forgery, after_s=after_s)


def _own(host: PlanHost, dialect: Dialect) -> Address:
    """What a host itself would speak from. A plan with a packet of IPv6 has it on every host."""
    return host.address if dialect is Dialect.IGMP else host.address_for(ALL_NODES)


def _check(forgery: Forgery) -> None:
    """Raise ValueError for what the wire cannot say."""
    if isinstance(forgery.message, Hello):
        hello_frame(forgery.message, source_mac=bytes(6))
    else:
        dialect = Dialect.of(forgery.source)
        dialect.frame(forgery.message, source_mac=mac_bytes(forgery.source_mac), source=forgery.source)


def _after_s(
    written: Forge, at_s: float, moments: Moments, loc: Loc, mistakes: Mistakes
) -> tuple[float, ...]:
    """Seconds after the step's moment at which the packet is sent, 0 first."""
    if written.every is None:
        return (0.0,)
    times = written.times or 0
    if written.until is not None:
        until_s = moments.at_s(written.until, (*loc, "until"))
        if until_s is None:
            return (0.0,)
        times = -int((at_s - until_s) // written.every)  # rounded up: the moment itself is without it
        if times < 1:
            mistakes.add((*loc, "until"), f"{until_s:g} s is not after its first time, {at_s:g} s")
            return (0.0,)
        if times > MOST_TIMES:
            mistakes.add((*loc, "every"), f"that is {times} times; at most {MOST_TIMES} fit into a plan")
            return (0.0,)
    return tuple(round(number * written.every, 9) for number in range(times))


def _message(frame: ForgedPacket, source: Address) -> Message | Hello:
    match frame:
        case ForgedHello():
            return Hello(source=source, hold_time_s=frame.hold)
        case ForgedQuery():
            return Query(
                version=frame.spoken_version,
                group=frame.group,
                sources=frame.sources,
                max_response_s=frame.max_response,
            )
        case ForgedReport(has_records=True):
            kind = RecordType.ALLOW if frame.sources else RecordType.TO_EX
            return RecordReport(records=(_record(kind, frame.group, frame.sources),))
        case ForgedReport():
            return Report(version=frame.spoken_version, group=frame.group)
        case ForgedLeave(has_records=True):
            return RecordReport(records=(_record(RecordType.TO_IN, frame.group),))
        case ForgedLeave():
            return Leave(group=frame.group)
        case _:
            raise AssertionError(frame)


def _record(kind: RecordType, group: Address, sources: tuple[Address, ...] = ()) -> GroupRecord:
    return GroupRecord(type=kind, group=group, sources=sources)


def _text(host: PlanHost, forgery: Forgery) -> str:
    """``n3 forges a query (version 2, 10 s) from 10.77.0.1 without router alert``."""
    dialect = Dialect.of(forgery.source)
    words = [f"{host.name} forges {_what(forgery.message, dialect)}"]
    if forgery.source != _own(host, dialect):
        words.append(f"from {forgery.source}")
    if forgery.source_mac != host.mac:
        words.append(f"by {forgery.source_mac}")
    if forgery.destination is not None:
        words.append(f"to {forgery.destination}")
    if forgery.hops != 1:
        words.append(f"with {'TTL' if dialect is Dialect.IGMP else 'hop limit'} {forgery.hops}")
    if not forgery.router_alert:
        words.append("without router alert")
    return " ".join(words)


def _what(message: Message | Hello, dialect: Dialect) -> str:
    a = "a" if dialect is Dialect.IGMP else "an MLD"
    records = f"(version {dialect.records_version})"
    match message:
        case Hello():
            return f"a PIM hello that holds {seconds(message.hold_time_s)}"
        case Query():
            about = "" if message.group is None else f" for {message.group}"
            sources = _listed(
                message.sources, " and its sources " if message.sources[1:] else " and its source "
            )
            return f"{a} query{about}{sources} (version {message.version}, {seconds(message.max_response_s)})"
        case Report():
            return f"{a} report of {message.group} (version {message.version})"
        case Leave():
            return f"{a} leave of {message.group}"
        case RecordReport(records=(record,)) if record.type is RecordType.TO_IN:
            return f"{a} leave of {record.group} {records}"
        case RecordReport(records=(record,)):
            return f"{a} report of {record.group}{_listed(record.sources, ' from ')} {records}"
        case _:
            raise AssertionError(message)


def _listed(addresses: Iterable[object], before: str) -> str:
    found = ", ".join(str(address) for address in addresses)
    return f"{before}{found}" if found else ""
