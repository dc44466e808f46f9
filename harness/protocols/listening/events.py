"""What a listener tells as it happens: typed, each with its moment, the protocol and the VLAN.

Data only. ``at_s`` are seconds since the listening began. ``here``: the frame left by the interface that is
listened to, so it is this host's own, or that of a guest behind it.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.protocols.dialect import Dialect
from harness.protocols.listening.frames import Vlans
from harness.wire.membership import Address, Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """What every event has."""

    at_s: float
    dialect: Dialect
    vlans: Vlans = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryHeard(Happened):
    """Somebody asked. ``silence_s``: how long nobody had asked in general before, if that was too long."""

    source: Address
    mac: bytes
    query: Query
    here: bool = False
    heeded: bool = True
    faults: tuple[str, ...] = ()
    silence_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerierChanged(Happened):
    """Another address wins the election now; None: nobody does."""

    before: Address | None
    after: Address | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NobodyAsks(Happened):
    """No general query came for the other querier present interval, ``for_s``."""

    for_s: float
    last_s: float | None
    """When the last one came; None if none did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported(Happened):
    """A host said that it is a member. ``sources``: only of these, None of all. ``again``: as it had said."""

    group: Address
    host: Address
    version: int
    sources: tuple[Address, ...] | None = None
    here: bool = False
    again: bool = False
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Left(Happened):
    """A host said that it is a member no longer."""

    group: Address
    host: Address
    here: bool = False
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RanOut(Happened):
    """Nobody renewed a group for the membership interval ``for_s``. ``asked``: somebody asked meanwhile."""

    group: Address
    host: Address
    last_s: float
    for_s: float
    asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterHeard(Happened):
    """A router said hello by PIM for the first time, or goodbye (``hold_time_s`` 0)."""

    router: Address
    hold_time_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DataBegan(Happened):
    """The first packet of a source to a group. ``asked``: whether this host is a member; None: not known."""

    group: Address
    source: Address
    port: int | None
    asked: bool | None
    here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedHeard(Happened):
    """The first message that was damaged in this way."""

    why: str
    mac: bytes


Event = (
    QueryHeard
    | QuerierChanged
    | NobodyAsks
    | Reported
    | Left
    | RanOut
    | RouterHeard
    | DataBegan
    | DamagedHeard
)
