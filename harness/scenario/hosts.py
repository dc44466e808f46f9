"""Hosts that a Linux stack cannot be, and forged packets, as they are written.

A node with ``host`` speaks IGMP by a machine of the harness's own, with the faults that stand there; without
it the kernel speaks, which is too correct to report wrongly and too lenient to ignore a strange query.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from harness.protocols.host_config import IgnoredQuery
from harness.scenario.fields import (
    Address,
    Addresses,
    Duration,
    Group4,
    Length,
    Mac,
    MomentText,
    Name,
    OnOff,
)
from harness.scenario.strict import Strict
from harness.scenario.values import parse_words

_IGNORED = [one.value for one in IgnoredQuery]
IgnoredQueries = Annotated[
    tuple[IgnoredQuery, ...],
    BeforeValidator(parse_words),
    WithJsonSchema({"anyOf": [{"enum": _IGNORED}, {"type": "array", "items": {"enum": _IGNORED}}]}),
]


class EmulatedHost(Strict):
    """How a node takes part in IGMP instead of the kernel. ``host: {}`` is one without a fault."""

    version: Literal[1, 2, 3] | None = Field(None, description="the newest that it speaks; 3 if left out")
    reports: OnOff = Field(True, description="off: it never says that it is a member")
    answers_queries: OnOff = Field(True, description="off: it reports when it joins, and never again")
    leaves: OnOff = Field(True, description="off: it goes without a leave message")
    reports_to: Group4 | None = Field(None, description="the wrong destination of its reports")
    router_alert: OnOff = Field(True, description="off: what it sends has no Router Alert option")
    ttl: int = Field(1, ge=0, le=255, description="of what it sends; 1 is right")
    extra_delay: Duration = Field(0.0, description="on top of the random delay of each answer")
    ignores_queries: IgnoredQueries = Field((), description="queries that it takes for forged")

    @model_validator(mode="after")
    def _has_no_idle_key(self) -> Self:
        """A key that changes nothing beside another is a mistake: its author expects it to."""
        silent = {"version", "answers_queries", "leaves", "reports_to", "router_alert", "ttl"}
        answers = {"extra_delay", "ignores_queries"}
        for off, idle in (("reports", silent | answers), ("answers_queries", answers)):
            if not getattr(self, off) and (found := sorted(idle & self.model_fields_set)):
                message = f"with {off}: off, {' and '.join(found)} would change nothing"
                raise ValueError(message)
        return self


class ForgedPacket(Strict):
    """What all forged packets have. Left out, all is as if the node itself had sent it."""

    source: Address | None = Field(
        None, description="the IP address that it seems to come from; left out, the node's"
    )
    mac: Mac | None = Field(None, description="the source address of the frame")


class ForgedHello(ForgedPacket):
    """A PIM hello, by which switches take its port for a router's."""

    hold: Duration = Field(105.0, description="how long it holds (RFC 7761 section 4.9.2); 0 is goodbye")


class ForgedFrame(ForgedPacket):
    """What all forged messages of IGMP have."""

    destination: Address | None = Field(None, description="left out: that of the RFCs")
    ttl: int = Field(1, ge=0, le=255, description="1 is right")
    router_alert: OnOff = Field(True, description="off: without the Router Alert option")


class ForgedQuery(ForgedFrame):
    """A query: general, for a ``group``, or for ``sources`` of it."""

    version: Literal[1, 2, 3] = Field(2, description="of IGMP")
    max_response: Length = Field(10.0, description="hosts answer within this time")
    group: Group4 | None = Field(None, description="left out, the query is general")
    sources: Addresses = Field((), description="of a group, in version 3")

    @model_validator(mode="after")
    def _version_has_it(self) -> Self:
        if self.sources and (self.version != 3 or self.group is None):
            raise ValueError("a query for sources has version 3 and a group")
        if self.group is not None and self.version == 1:
            raise ValueError("a query of version 1 is general: it has no group")
        return self


class ForgedReport(ForgedFrame):
    """A report of a group; in version 3 of ``sources`` of it alone, if there are any."""

    group: Group4 = Field(description="that it reports")
    version: Literal[1, 2, 3] = Field(2, description="of IGMP")
    sources: Addresses = Field((), description="which alone it wants, in version 3")

    @model_validator(mode="after")
    def _version_has_it(self) -> Self:
        if self.sources and self.version != 3:
            raise ValueError("sources stand in reports of version 3")
        return self


class ForgedLeave(ForgedFrame):
    """A leave of a group: version 2's own message, or version 3's record of no sources."""

    group: Group4 = Field(description="that it leaves")
    version: Literal[2, 3] = Field(2, description="of IGMP")


MESSAGES = ("query", "report", "leave", "pim_hello")


class Forge(Strict):
    """A packet that a node sends without its stack: once, or ``every`` so long."""

    node: Name = Field(description="the node (or router) that sends it")
    query: ForgedQuery | None = Field(None, description="as a querier sends it; {} is a general query")
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
