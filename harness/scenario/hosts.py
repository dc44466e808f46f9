"""Hosts that a Linux stack cannot be, and forged packets, as they are written.

A node with ``host`` speaks IGMP and MLD by machines of the harness's own, with the faults that stand there;
without it the kernel speaks, which is too correct to report wrongly and too lenient to ignore a strange
query. Which of the two protocols a forged packet is of, its addresses say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from harness.protocols.dialect import Dialect
from harness.protocols.host_config import IgnoredQuery
from harness.scenario.fields import (
    AnyAddress,
    AnyAddresses,
    Duration,
    Group,
    Length,
    Mac,
    MomentText,
    Name,
    OnOff,
)
from harness.scenario.strict import Strict
from harness.scenario.values import parse_words
from harness.wire.membership import Address

_IGNORED = [one.value for one in IgnoredQuery]
IgnoredQueries = Annotated[
    tuple[IgnoredQuery, ...],
    BeforeValidator(parse_words),
    WithJsonSchema({"anyOf": [{"enum": _IGNORED}, {"type": "array", "items": {"enum": _IGNORED}}]}),
]


class EmulatedHost(Strict):
    """How a node takes part in IGMP and MLD instead of the kernel. ``host: {}`` is one without a fault."""

    version: Literal[1, 2, 3] | None = Field(
        None, description="the newest of IGMP that it speaks; 3 if left out"
    )
    mld_version: Literal[1, 2] | None = Field(
        None, description="the same of MLD; left out, the one that has the messages of version"
    )
    reports: OnOff = Field(True, description="off: it never says that it is a member")
    answers_queries: OnOff = Field(True, description="off: it reports when it joins, and never again")
    leaves: OnOff = Field(True, description="off: it goes without a leave message")
    reports_to: Group | None = Field(
        None, description="the wrong destination of its reports: of IGMP, or of MLD if it is of IPv6"
    )
    router_alert: OnOff = Field(True, description="off: what it sends has no Router Alert option")
    ttl: int = Field(1, ge=0, le=255, description="of what it sends; 1 is right")
    extra_delay: Duration = Field(0.0, description="on top of the random delay of each answer")
    ignores_queries: IgnoredQueries = Field((), description="queries that it takes for forged")

    @model_validator(mode="after")
    def _has_no_idle_key(self) -> Self:
        """A key that changes nothing beside another is a mistake: its author expects it to."""
        silent = {"version", "mld_version", "answers_queries", "leaves", "reports_to", "router_alert", "ttl"}
        answers = {"extra_delay", "ignores_queries"}
        for off, idle in (("reports", silent | answers), ("answers_queries", answers)):
            if not getattr(self, off) and (found := sorted(idle & self.model_fields_set)):
                message = f"with {off}: off, {' and '.join(found)} would change nothing"
                raise ValueError(message)
        return self


class ForgedPacket(Strict):
    """What all forged packets have. Left out, all is as if the node itself had sent it."""

    source: AnyAddress | None = Field(
        None, description="the IP address that it seems to come from; left out, the node's"
    )
    mac: Mac | None = Field(None, description="the source address of the frame")

    @property
    def dialect(self) -> Dialect:
        """The protocol that it is of, or MLD for what else is of IPv6."""
        return Dialect.MLD if any(address.version == 6 for address in self.addresses()) else Dialect.IGMP

    def addresses(self) -> Iterator[Address]:
        """Every address that stands in it."""
        if self.source is not None:
            yield self.source

    @model_validator(mode="after")
    def _is_of_one_family(self) -> Self:
        named = tuple(self.addresses())
        for address in named[1:]:
            if address.version != named[0].version:
                message = f"a packet is of IPv4 or of IPv6, and here stand {named[0]} and {address}"
                raise ValueError(message)
        return self


class ForgedHello(ForgedPacket):
    """A PIM hello, by which switches take its port for a router's."""

    hold: Duration = Field(105.0, description="how long it holds (RFC 7761 section 4.9.2); 0 is goodbye")


class ForgedFrame(ForgedPacket):
    """What all forged messages of IGMP and MLD have."""

    destination: AnyAddress | None = Field(None, description="left out: that of the RFCs")
    ttl: int = Field(1, ge=0, le=255, description="or hop limit; 1 is right")
    router_alert: OnOff = Field(True, description="off: without the Router Alert option")
    version: Literal[1, 2, 3] | None = Field(
        None, description="of the protocol that the addresses say; left out, 2 of IGMP and 1 of MLD"
    )

    @property
    def spoken_version(self) -> int:
        """The version, as the protocol counts."""
        return self.dialect.leaves_version if self.version is None else self.version

    @property
    def has_records(self) -> bool:
        """Whether it is of the version whose reports hold records with sources."""
        return self.spoken_version == self.dialect.records_version

    def addresses(self) -> Iterator[Address]:
        """Every address that stands in it."""
        yield from super().addresses()
        if self.destination is not None:
            yield self.destination

    @model_validator(mode="after")
    def _version_is_there(self) -> Self:
        if self.spoken_version > self.dialect.records_version:
            message = f"there is no version {self.version} of {self.dialect.name}"
            raise ValueError(message)
        return self


class ForgedQuery(ForgedFrame):
    """A query: general, for a ``group``, or for ``sources`` of it."""

    protocol: Literal["igmp", "mld"] | None = Field(
        None, description="of a general query without any address; otherwise the addresses say it"
    )
    max_response: Length = Field(10.0, description="hosts answer within this time")
    group: Group | None = Field(None, description="left out, the query is general")
    sources: AnyAddresses = Field((), description="of a group, in IGMPv3 and MLDv2")

    @property
    def dialect(self) -> Dialect:
        """The protocol that it is of."""
        return super().dialect if self.protocol is None else Dialect(self.protocol)

    def addresses(self) -> Iterator[Address]:
        """Every address that stands in it."""
        yield from () if self.group is None else (self.group,)
        yield from self.sources
        yield from super().addresses()

    @model_validator(mode="after")
    def _version_has_it(self) -> Self:
        for address in self.addresses():
            if not self.dialect.speaks(address):
                message = f"{address} is of IPv{address.version}, of which {self.dialect.name} does not speak"
                raise ValueError(message)
        if self.sources and not (self.has_records and self.group is not None):
            message = f"a query for sources has version {self.dialect.records_version} and a group"
            raise ValueError(message)
        if self.group is not None and self.spoken_version < self.dialect.leaves_version:
            raise ValueError("a query of version 1 is general: it has no group")
        return self


class ForgedReport(ForgedFrame):
    """A report of a group; in IGMPv3 and MLDv2 of ``sources`` of it alone, if there are any."""

    group: Group = Field(description="that it reports")
    sources: AnyAddresses = Field((), description="which alone it wants, in IGMPv3 and MLDv2")

    def addresses(self) -> Iterator[Address]:
        """Every address that stands in it."""
        yield self.group
        yield from self.sources
        yield from super().addresses()

    @model_validator(mode="after")
    def _version_has_it(self) -> Self:
        if self.sources and not self.has_records:
            message = f"sources stand in reports of version {self.dialect.records_version}"
            raise ValueError(message)
        return self


class ForgedLeave(ForgedFrame):
    """A leave of a group: a message of its own, or in IGMPv3 and MLDv2 the record of no sources."""

    group: Group = Field(description="that it leaves")

    def addresses(self) -> Iterator[Address]:
        """Every address that stands in it."""
        yield self.group
        yield from super().addresses()

    @model_validator(mode="after")
    def _version_has_it(self) -> Self:
        if self.spoken_version < self.dialect.leaves_version:
            raise ValueError("version 1 of IGMP has no leave")
        return self


MESSAGES = ("query", "report", "leave", "pim_hello")


class Forge(Strict):
    """A packet that a node sends without its stack: once, or ``every`` so long."""

    node: Name = Field(description="the node (or router) that sends it")
    query: ForgedQuery | None = Field(
        None, description="as a querier sends it; {} is a general query of IGMP"
    )
    report: ForgedReport | None = Field(None, description="as a member sends it")
    leave: ForgedLeave | None = Field(None, description="as a member sends it when it goes")
    pim_hello: ForgedHello | None = Field(None, description="as a PIM router sends it")
    every: Length | None = Field(None, description="from one time to the next")
    times: int | None = Field(None, ge=1, le=10_000, description="how often, the first time included")
    until: MomentText | None = Field(None, description="the first moment without it")

    @property
    def message(self) -> str:
        """The key of what is sent."""
        return next(key for key in MESSAGES if getattr(self, key) is not None)

    @property
    def packet(self) -> ForgedPacket:
        """What is sent."""
        packet: ForgedPacket = getattr(self, self.message)
        return packet

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        found = [key for key in MESSAGES if getattr(self, key) is not None]
        if len(found) != 1:
            have = f"one packet a step, not {' and '.join(found)}; " if found else ""
            message = (
                f"{have}write what is sent: query: {{}}, report, leave (with a group) or pim_hello: {{}}"
            )
            raise ValueError(message)
        if (self.every is None) is not (self.times is None and self.until is None):
            raise ValueError("write every together with times or until: how often, or until when")
        if self.times is not None and self.until is not None:
            raise ValueError("times and until both end it: write one of them")
        return self
