"""What ssmpingd, ssmping, asmping and mcfirst are told to do, as data and apart from the machines.

Defaults are those of ssmping 0.9.1, which has no options for most of them: its port, its period and its hops
are fixed.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.wire.membership import Address
from harness.wire.ssmping import DEFAULT_GROUPS, group_of

DEFAULT_PORT = 4321
DEFAULT_PERIOD_S = 1.0
DEFAULT_HOPS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SsmpingServerConfig:
    """The settings of one ssmpingd, for one ``version`` of IP.

    ``local`` is None for all own addresses. An answer that is longer than its request (``-v``, ``-s``) goes
    to a client once in ``longer_every_s`` on average, and all of these have ``longer_bytes_per_s`` together;
    to more requests the answer is as long as the request. Not ``rationed`` it answers as the original does:
    for labs, where nobody is a stranger.
    """

    version: int
    local: Address | None = None
    port: int = DEFAULT_PORT
    hops: int = DEFAULT_HOPS
    rationed: bool = True
    longer_every_s: float = DEFAULT_PERIOD_S
    longer_bytes_per_s: float = 1_000_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SsmpingConfig:
    """The settings of one ssmping (``group`` None) or asmping.

    ``local`` is the address that ``server`` sees. Of ``group`` the end is replaced by what servers send to.
    ``pid`` tells copies on one host apart and has 32 bits. ``count`` are requests (None: until it is
    interrupted), ``size`` bytes that answers should have.
    """

    server: Address
    local: Address
    pid: int
    group: Address | None = None
    count: int | None = None
    wants_version: bool = False
    size: int | None = None
    period_s: float = DEFAULT_PERIOD_S
    port: int = DEFAULT_PORT
    hops: int = DEFAULT_HOPS

    @property
    def name(self) -> str:
        """The tool's name."""
        return "ssmping" if self.group is None else "asmping"

    @property
    def joined(self) -> Address:
        """The group that is joined and asked for."""
        return DEFAULT_GROUPS[self.server.version] if self.group is None else group_of(self.group)

    @property
    def source(self) -> Address | None:
        """The only source of the group that counts, or None."""
        return self.server if self.group is None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class McFirstConfig:
    """The settings of one mcfirst: it waits for ``count`` datagrams, for ``time_s``, or for what is first.

    With neither it waits for one datagram. ``source`` None is any. ``rates_only`` says nothing of each.
    """

    group: Address
    port: int
    source: Address | None = None
    count: int | None = None
    time_s: float | None = None
    rates_only: bool = False

    @property
    def limit(self) -> int | None:
        """How many datagrams end it; None: only time does."""
        return 1 if self.count is None and self.time_s is None else self.count
