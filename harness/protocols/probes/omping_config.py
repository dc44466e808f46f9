"""What an omping is told to do: the settings of omping 0.0.5, as data and apart from the machine.

Defaults are omping's own. What its command line refuses without ``-F`` is allowed here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address

from harness.wire.membership import Address

DEFAULT_GROUPS: dict[int, Address] = {
    4: IPv4Address("232.43.211.234"),
    6: IPv6Address("ff3e::4321:1234"),
}
"""By version of IP. The one of IPv4 is in the range for single sources (RFC 4607), in every mode."""
DEFAULT_PORT = 4321
DEFAULT_PERIOD_S = 1.0
DEFAULT_HOPS = 64
_LEAST_WAIT_S = 1.0
_WAIT_PERIODS = 3
_LEAST_REMEMBERED = 1024
_REMEMBERED_S = 120.0


class Mode(Enum):
    """How answers to everybody are sent: to a group of any source, of one source each, or by broadcast."""

    ASM = "asm"
    SSM = "ssm"
    IPBC = "ipbc"


class Role(Enum):
    """Ask and answer, only ask, or only ask for the peers' versions."""

    NORMAL = "normal"
    CLIENT = "client"
    VERSIONS = "versions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Somebody to ask: the name as it was given, and the address."""

    name: str
    address: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class OmpingConfig:
    """The settings of one omping.

    ``peers`` do not have ``local``, but for a test of oneself: then it is all of them. ``group`` is the
    broadcast address in mode IPBC, where there is no default. ``count`` are queries a peer (None: no end),
    ``timeout_s`` the time to end after. ``wait_s`` is how long peers are told to stop after the end (None:
    three periods, at least 1 s; inf: until interrupted). ``rate_s`` is the least time between two answered
    queries of a peer, on average (None: the period; 0: no limit). ``quiet`` 1 says no answers, 2 only the
    summary. ``averages`` adds mean and loss to each line. ``ends_alone``: it ends when no peer is left to
    ask. ``buffer`` are bytes of the sockets' buffers. ``pid`` begins its ids, so that copies on one host
    differ.
    """

    local: Address
    peers: tuple[Peer, ...]
    group: Address | None = None
    port: int = DEFAULT_PORT
    period_s: float = DEFAULT_PERIOD_S
    count: int | None = None
    timeout_s: float | None = None
    hops: int = DEFAULT_HOPS
    mode: Mode = Mode.ASM
    role: Role = Role.NORMAL
    wait_s: float | None = None
    rate_s: float | None = None
    quiet: int = 0
    averages: bool = False
    finds_duplicates: bool = True
    ends_alone: bool = True
    verbose: bool = False
    buffer: int | None = None
    pid: int = 1

    @property
    def answers_to(self) -> Address:
        """The group, or the broadcast address, that answers to everybody are sent to."""
        return DEFAULT_GROUPS[self.local.version] if self.group is None else self.group

    @property
    def is_alone(self) -> bool:
        """Whether it asks itself."""
        return tuple(peer.address for peer in self.peers) == (self.local,)

    @property
    def longest_wait_s(self) -> float:
        """How long it stays after its end to tell peers to stop; 0 if nobody asks it."""
        if self.is_alone or self.role is Role.CLIENT:
            return 0.0
        if self.wait_s is None:
            return max(_LEAST_WAIT_S, _WAIT_PERIODS * self.period_s)
        return self.wait_s

    @property
    def answer_period_s(self) -> float:
        """The least time between two answered queries of a peer, on average; 0: no limit."""
        return self.period_s if self.rate_s is None else self.rate_s

    @property
    def remembered(self) -> int:
        """How many numbers of answers it remembers to know duplicates by; 0: it does not look for any."""
        if not self.finds_duplicates or self.period_s <= 0:
            return 0
        return max(_LEAST_REMEMBERED, math.floor(_REMEMBERED_S / self.period_s) + 1)
