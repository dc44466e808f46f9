"""Forged packets: what a step says, as messages with all their addresses, once for each time it is sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from harness.plan.model import Forgery, PlanHost
from harness.plan.moments import Moments
from harness.plan.names import Loc, Mistakes
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
from harness.wire import igmp
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


def read_forge(
    written: Forge, at_s: float, devices: Devices, moments: Moments, loc: Loc, mistakes: Mistakes
) -> ForgedStep | None:
    """What a step forges; None after a mistake."""
    host = devices.hosts.get(written.node)
    if host is None:
        return None
    here = (*loc, written.message)
    packet: ForgedPacket = getattr(written, written.message)
    after_s = _after_s(written, at_s, moments, loc, mistakes)
    source, source_mac = packet.source or host.address, packet.mac or host.mac
    try:
        message = _message(packet, source)
        _check(message)
    except ValueError as error:
        mistakes.add(here, str(error))
        return None
    forgery = Forgery(message=message, source=source, source_mac=source_mac)
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


def _check(message: Message | Hello) -> None:
    """Raise ValueError for what the wire cannot say."""
    if isinstance(message, Hello):
        hello_frame(message, source_mac=bytes(6))
    else:
        igmp.encode(message)


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
                version=frame.version,
                group=frame.group,
                sources=frame.sources,
                max_response_s=frame.max_response,
            )
        case ForgedReport(version=3):
            kind = RecordType.ALLOW if frame.sources else RecordType.TO_EX
            return RecordReport(records=(_record(kind, frame.group, frame.sources),))
        case ForgedReport():
            return Report(version=frame.version, group=frame.group)
        case ForgedLeave(version=3):
            return RecordReport(records=(_record(RecordType.TO_IN, frame.group),))
        case ForgedLeave():
            return Leave(group=frame.group)
        case _:
            raise AssertionError(frame)


def _record(kind: RecordType, group: IPv4Address, sources: tuple[IPv4Address, ...] = ()) -> GroupRecord:
    return GroupRecord(type=kind, group=group, sources=sources)


def _text(host: PlanHost, forgery: Forgery) -> str:
    """``n3 forges a query (version 2, 10 s) from 10.77.0.1 without router alert``."""
    words = [f"{host.name} forges {_what(forgery.message)}"]
    if forgery.source != host.address:
        words.append(f"from {forgery.source}")
    if forgery.source_mac != host.mac:
        words.append(f"by {forgery.source_mac}")
    if forgery.destination is not None:
        words.append(f"to {forgery.destination}")
    if forgery.hops != 1:
        words.append(f"with TTL {forgery.hops}")
    if not forgery.router_alert:
        words.append("without router alert")
    return " ".join(words)


def _what(message: Message | Hello) -> str:
    match message:
        case Hello():
            return f"a PIM hello that holds {seconds(message.hold_time_s)}"
        case Query():
            about = "" if message.group is None else f" for {message.group}"
            sources = _listed(
                message.sources, " and its sources " if message.sources[1:] else " and its source "
            )
            return f"a query{about}{sources} (version {message.version}, {seconds(message.max_response_s)})"
        case Report():
            return f"a report of {message.group} (version {message.version})"
        case Leave():
            return f"a leave of {message.group}"
        case RecordReport(records=(record,)) if record.type is RecordType.TO_IN:
            return f"a leave of {record.group} (version 3)"
        case RecordReport(records=(record,)):
            return f"a report of {record.group}{_listed(record.sources, ' from ')} (version 3)"
        case _:
            raise AssertionError(message)


def _listed(addresses: Iterable[object], before: str) -> str:
    found = ", ".join(str(address) for address in addresses)
    return f"{before}{found}" if found else ""
