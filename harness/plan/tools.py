"""Probe tools in a plan: which one runs where, when, and asks whom."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from harness.wire.membership import Address

NUMBERS = 2
"""Of streams that a tool takes: its own is that of its answers to the group, the next that by unicast."""


class Tool(Enum):
    """The tools that an engineer would use."""

    OMPING = "omping"
    SSMPING = "ssmping"
    ASMPING = "asmping"
    MCFIRST = "mcfirst"


class Made(Enum):
    """Who does the asking in a lab: the harness's own machine, or the program that is installed."""

    NATIVE = "native"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTool:
    """One tool at work, from ``start_s`` until it ends by itself or is interrupted at ``stop_s``.

    ``hosts`` run it: all nodes of an omping, the clients of an ssmping or asmping, the listeners of an
    mcfirst. ``server`` runs ssmpingd (empty for the other two). ``source`` of an mcfirst is the only host
    whose datagrams count, or empty. ``group`` and ``port`` are as they are given to the tool; None is its own
    default. ``count`` is how many requests each peer gets, or datagrams an mcfirst waits for; None: until
    ``stop_s``. ``period_s`` is between two requests, ``size`` what ssmping asks the answers to have, ``mode``
    omping's: "asm", "ssm" or "ipbc". ``number`` continues those of the streams. ``version`` is that of IP.
    Times are the customer's seconds.
    """

    name: str
    number: int
    tool: Tool
    made: Made
    version: int
    hosts: tuple[str, ...]
    server: str
    source: str
    group: Address | None
    port: int | None
    count: int | None
    period_s: float
    size: int | None
    hops: int
    mode: str
    start_s: float
    stop_s: float

    @property
    def parties(self) -> tuple[str, ...]:
        """Return who runs any part of it: the server, then the hosts, each once."""
        return tuple(dict.fromkeys((*((self.server,) if self.server else ()), *self.hosts)))

    def peers_of(self, host: str) -> tuple[str, ...]:
        """Return whom a host's figures are about; of an mcfirst whoever sends, so nobody in particular."""
        if self.tool is Tool.OMPING:
            return tuple(name for name in self.hosts if name != host)
        return (self.server,) if self.server else ()
