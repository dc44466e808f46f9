"""Traffic as it is written: streams of datagrams, meshes in which everybody pings everybody, probe tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Discriminator, Field, Tag

from harness.scenario.fields import Group, Length, Moment, MomentText, Rate, Who
from harness.scenario.strict import Strict
from harness.scenario.tools import AsmpingUse, McfirstUse, OmpingUse, SsmpingUse, tool_of


class Stream(Strict):
    """Datagrams to one group, from each sender at its own rate."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "interval": "of a stream it is rate: 1/s",
        "sources": "it is senders",
        "members": "it is receivers",
    }

    group: Group = Field(description="to which it is sent: of IPv4, or of IPv6")
    port: int = Field(5405, ge=1, le=65535, description="of UDP")
    senders: Who = Field(("all",), description="nodes, each with datagrams of its own")
    receivers: Who = Field(("all",), description="those that join the group at the start")
    source_specific: bool = Field(False, description="receivers join (source, group) for every sender")
    rate: Rate = Field(1.0, description="of each sender")
    size: int = Field(64, ge=16, le=65000, description="bytes of UDP payload")
    ttl: int = Field(1, ge=0, le=255, description="or hop limit")
    start: MomentText = Field(Moment(), description="when the first datagram is sent")
    stop: MomentText | None = Field(None, description="left out: the end of the scenario")


class Mesh(Strict):
    """Every node pings all others by multicast and by unicast, as omping does."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "rate": "of a mesh it is interval: 1s",
        "senders": "they stand under mesh, and all of them send",
        "receivers": "they stand under mesh, and all of them receive",
    }

    mesh: Who = Field(description="the nodes")
    group: Group = Field(description="to which they send: of IPv4, or of IPv6")
    port: int = Field(4321, ge=1, le=65534, description="multicast; unicast uses the next one")
    interval: Length = Field(1.0, description="from one datagram of a node to its next")
    size: int = Field(64, ge=16, le=65000, description="bytes of UDP payload")
    ttl: int = Field(64, ge=0, le=255, description="or hop limit")
    start: MomentText = Field(Moment(), description="when the first datagrams are sent")
    stop: MomentText | None = Field(None, description="left out: the end of the scenario")


def _kind(value: Any) -> str:
    if tool := tool_of(value):
        return tool
    return "mesh" if isinstance(value, Mesh) or (isinstance(value, dict) and "mesh" in value) else "stream"


Traffic = Annotated[
    Annotated[Stream, Tag("stream")]
    | Annotated[Mesh, Tag("mesh")]
    | Annotated[OmpingUse, Tag("omping")]
    | Annotated[SsmpingUse, Tag("ssmping")]
    | Annotated[AsmpingUse, Tag("asmping")]
    | Annotated[McfirstUse, Tag("mcfirst")],
    Discriminator(_kind),
]


def version_of(traffic: Traffic) -> int:
    """Return the version of IP that a piece of traffic is of."""
    match traffic:
        case OmpingUse(group=None) | SsmpingUse():
            return traffic.version
        case OmpingUse(group=group) | AsmpingUse(group=group) | McfirstUse(group=group):
            return 4 if group is None else group.version
        case _:
            return traffic.group.version
