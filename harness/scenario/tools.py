"""Probe tools as they are written: traffic that an engineer makes by hand to find out what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from harness.scenario.fields import Group, Length, Moment, MomentText, Name, Who
from harness.scenario.strict import Strict

_REPORTS = {"rate": "of a tool it is interval: 1s", "senders": "it stands in the expectation (reports)"}


class ToolUse(Strict):
    """What all tools share."""

    tool: Literal["native", "system"] = Field(
        "native", description="who asks in a lab: the harness itself, or the program that is installed"
    )
    start: MomentText = Field(Moment(), description="when it is started")
    stop: MomentText | None = Field(
        None, description="when it is interrupted; left out: it ends by itself, or with the scenario"
    )


class OmpingUse(ToolUse):
    """omping on every one of these nodes, which ask each other."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        **_REPORTS,
        "rate": "of omping it is interval: 1s",
        "nodes": "they stand under omping",
        "server": "every node of an omping answers the others",
        "size": "omping's messages have one size",
    }

    omping: Who = Field(description="the nodes")
    group: Group | None = Field(None, description="left out: omping's own, 232.43.211.234 or ff3e::4321:1234")
    version: Literal[4, 6] = Field(4, description="of IP, where no group says it")
    port: int = Field(4321, ge=1, le=65535, description="of UDP")
    count: int | None = Field(None, ge=1, le=1_000_000, description="how often each node asks each other one")
    interval: Length = Field(1.0, description="from one query to a node to the next")
    timeout: Length | None = Field(None, description="it ends after that, whatever happens")
    ttl: int = Field(64, ge=1, le=255, description="or hop limit")
    mode: Literal["asm", "ssm", "ipbc"] = Field(
        "asm", description="joins for any source, for each node's own, or answers by broadcast"
    )


class _Asking(ToolUse):
    """ssmping and asmping."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        **_REPORTS,
        "interval": "ssmping and asmping ask once a second",
        "port": "ssmpingd has port 4321",
        "ttl": "ssmping and asmping send with 64 hops",
    }

    server: Name = Field(description="the node that runs ssmpingd")
    count: int | None = Field(None, ge=1, le=1_000_000, description="how often each client asks")
    size: int | None = Field(
        None, ge=1, le=65535, description="bytes that answers are asked to have; 1024 of them are seen"
    )


class SsmpingUse(_Asking):
    """ssmping on these nodes: they ask the server, and hear it alone."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        **_Asking.elsewhere,
        "group": "ssmping's is 232.43.211.234; asmping takes another",
    }

    ssmping: Who = Field(description="the nodes that ask")
    version: Literal[4, 6] = Field(4, description="of IP")


class AsmpingUse(_Asking):
    """asmping on these nodes: they ask the server, and hear a group of any source."""

    asmping: Who = Field(description="the nodes that ask")
    group: Group = Field(description="its last octet becomes 234, of IPv6 the last 32 bits 4321:1234")


class McfirstUse(ToolUse):
    """mcfirst on these nodes: they hear a group, and ask nobody."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        **_REPORTS,
        "server": "mcfirst asks nobody; source: n1 hears that node alone",
        "interval": "mcfirst sends nothing",
    }

    mcfirst: Who = Field(description="the nodes that listen")
    group: Group = Field(description="that they hear")
    port: int = Field(ge=1, le=65535, description="of UDP")
    source: Name | None = Field(None, description="the only node whose datagrams count")
    count: int | None = Field(
        None, ge=1, le=1_000_000, description="datagrams that it waits for; without timeout, 1"
    )
    timeout: Length | None = Field(None, description="it ends after that, whatever came")


TOOLS = ("omping", "ssmping", "asmping", "mcfirst")
_USES: dict[type, str] = {
    OmpingUse: "omping",
    SsmpingUse: "ssmping",
    AsmpingUse: "asmping",
    McfirstUse: "mcfirst",
}


def tool_of(value: Any) -> str | None:
    """Return the tool that a piece of traffic uses, read or not yet; None: it is a stream or a mesh."""
    if isinstance(value, dict):
        return next((tool for tool in TOOLS if tool in value), None)
    return _USES.get(type(value))
