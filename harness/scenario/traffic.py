"""Traffic as it is written: streams of datagrams, and meshes in which everybody pings everybody."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from harness.scenario.fields import Group, Length, Moment, MomentText, Rate, Who
from harness.scenario.strict import Strict


class Stream(Strict):
    """Datagrams to one group, from each sender at its own rate."""

    group: Group
    port: int = Field(5405, ge=1, le=65535)
    senders: Who = ("all",)
    receivers: Who = Field(("all",), description="those that join the group at the start")
    source_specific: bool = Field(False, description="receivers join (source, group) for every sender")
    rate: Rate = 1.0
    size: int = Field(64, ge=16, le=65000, description="bytes of UDP payload")
    ttl: int = Field(1, ge=0, le=255)
    start: MomentText = Moment()
    stop: MomentText | None = None


class Mesh(Strict):
    """Every node pings all others by multicast and by unicast, as omping does."""

    mesh: Who
    group: Group
    port: int = Field(4321, ge=1, le=65534, description="multicast; unicast uses the next one")
    interval: Length = 1.0
    size: int = Field(64, ge=16, le=65000)
    ttl: int = Field(64, ge=0, le=255)
    start: MomentText = Moment()
    stop: MomentText | None = None


def _stream_or_mesh(value: Any) -> str:
    return "mesh" if isinstance(value, Mesh) or (isinstance(value, dict) and "mesh" in value) else "stream"


Traffic = Annotated[
    Annotated[Stream, Tag("stream")] | Annotated[Mesh, Tag("mesh")], Discriminator(_stream_or_mesh)
]
