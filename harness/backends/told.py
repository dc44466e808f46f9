"""What a machine of ``protocols`` decided or heard, as records: the same in every backend. Pure."""

from __future__ import annotations

from harness.observations.model import Igmp, Mode, TableLine
from harness.protocols.dialect import Dialect
from harness.protocols.effects import ForwardingMode, Heard, TableChange


def table_line(at_s: float, device: str, dialect: Dialect, change: TableChange) -> TableLine:
    """A line of a device's table came or went."""
    return TableLine(
        at_s=at_s,
        switch=device,
        table=change.table.value,
        present=change.present,
        port=change.port,
        group=str(change.group or ""),
        address=str(change.address or ""),
        cause=change.cause,
        filter=str(change.filter) if change.present else "",
        protocol=dialect.value,
    )


def mode_of(at_s: float, device: str, dialect: Dialect, mode: ForwardingMode) -> Mode:
    """A switch forwards otherwise from now on."""
    return Mode(
        at_s=at_s,
        switch=device,
        snooping=mode.snooping,
        unregistered=mode.unregistered.value,
        cause=mode.cause,
        protocol=dialect.value,
    )


def message(at_s: float, device: str, dialect: Dialect, heard: Heard) -> Igmp:
    """A message that a device heard, or sent itself."""
    return Igmp(
        at_s=at_s,
        switch=device,
        port=heard.port,
        what=heard.what,
        source=str(heard.source),
        group=str(heard.group or ""),
        sent=heard.sent,
        protocol=dialect.value,
    )
