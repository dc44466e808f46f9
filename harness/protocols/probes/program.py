"""What a probe tool is to whoever drives it: datagrams and moments go in, effects come out, in order.

A program never opens a socket, waits, prints or looks at a clock, so the same one runs on a real host, in a
lab's namespace and in the model. Times are seconds on the driver's clock, which never runs backwards; in a
lab and in the model they are the customer's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from harness.wire.membership import Address


class Cast(Enum):
    """How an answer was sent to whoever hears it; BROADCAST is omping's mode ``ipbc``."""

    UNICAST = "unicast"
    MULTICAST = "multicast"
    BROADCAST = "broadcast"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address and a port of UDP."""

    address: Address
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketsWanted:
    """The one or two sockets that a program needs, open before it starts.

    The own socket is bound to ``local`` and ``port`` (0: any free one); everything is sent from it. ``local``
    None is every own address of ``version``. With a ``group`` a second one, which only hears, is bound to the
    group and ``group_port`` (None: the port that the own one got). ``shared``: others may bind the group's
    too. Datagrams leave with ``hops``, and come back to the same host if ``loop``. With ``peer`` the own
    socket is connected, so that it is told of refusals (ICMP). What comes to the group and does not begin
    with ``group_beginning`` is nothing to the program, and need not be handed over.
    """

    version: int
    local: Address | None
    port: int = 0
    group: Address | None = None
    group_port: int | None = None
    shared: bool = True
    hops: int = 64
    loop: bool = False
    broadcast: bool = False
    peer: Endpoint | None = None
    group_beginning: bytes = b""
    buffer: int | None = None
    """Bytes of the send and receive buffers; None leaves them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A datagram of a socket: from whom, by which one, and with how many hops left (None: unknown).

    ``to`` is the own address that it was sent to, where the socket has many (``SocketsWanted.local`` None).
    """

    payload: bytes
    sender: Endpoint
    by_group: bool
    hops: int | None = None
    to: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transmit:
    """Send this from the own socket; ``source`` is which of its addresses, None as the kernel chooses."""

    payload: bytes
    to: Endpoint
    source: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Receive a group on the group's socket, of every source (None) or of this one too."""

    group: Address
    source: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """Undo a Join."""

    group: Address
    source: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """A line of the tool's output, without its line feed; ``error``: to standard error."""

    text: str
    error: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request with a number left for ``peer``; numbers begin with 1 at each peer."""

    peer: Address
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer came and was accounted.

    ``distance`` is in hops, None if unknown; ``size`` are bytes of UDP payload. mcfirst, which asks nothing,
    numbers what it hears from 1.
    """

    peer: Address
    cast: Cast
    sequence: int
    size: int
    distance: int | None = None
    duplicate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a tool says at its end of one peer and cast, as numbers.

    ``first`` is the number of the first answer that came (None: none did). ``duplicates`` are not in
    ``received``. Round trips are in seconds, None without answers or where the tool measures none.
    """

    peer: Address
    cast: Cast
    sent: int
    received: int
    duplicates: int = 0
    first: int | None = None
    least_s: float | None = None
    mean_s: float | None = None
    most_s: float | None = None
    deviation_s: float | None = None

    @property
    def loss(self) -> float:
        """The share that did not come, 0 to 1; 0 where nothing was sent."""
        return max(0.0, 1 - self.received / self.sent) if self.sent else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The tool has ended with this status; it does and wants nothing any more."""

    status: int


Effect = Transmit | Join | Leave | Say | Asked | Answered | Figures | Ended


class Program(Protocol):
    """A probe tool at work.

    ``start`` comes first and once, with the port that the own socket got. After every call the driver asks
    ``next_deadline`` and calls ``tick`` at that moment. Input that nobody who speaks the protocol sends is
    passed over. After ``Ended`` all methods return nothing.
    """

    @property
    def sockets(self) -> SocketsWanted:
        """What must be open before it starts."""
        ...

    def start(self, now: float, port: int) -> Iterable[Effect]:
        """Begin."""
        ...

    def receive(self, datagram: Incoming, now: float) -> Iterable[Effect]:
        """Take a datagram."""
        ...

    def refused(self, error: int, now: float) -> Iterable[Effect]:
        """Be told that the kernel answered a send, or a read of the own socket, with this errno."""
        ...

    def tick(self, now: float) -> Iterable[Effect]:
        """Do what is due."""
        ...

    def next_deadline(self) -> float | None:
        """When something is due next; None: only a datagram can change anything."""
        ...

    def interrupt(self, now: float) -> Iterable[Effect]:
        """End as on SIGINT: with what is to be said at the end, and Ended."""
        ...

    def report(self, now: float) -> Iterable[Effect]:
        """Say what would be said at the end, and go on (SIGUSR1 of omping)."""
        ...
