"""A probe tool's machine (``protocols/probes/program.py``) on real sockets: of this host, or of a lab's node.

The driver opens what the program wants in the network namespace that the thread is in, hands it what arrives
and what is due, and carries out its effects in their order. It decides nothing. The clock is passed in, so
that a program in a lab lives in the customer's seconds.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Protocol, assert_never

from harness.protocols.probes.program import (
    Answered,
    Asked,
    Effect,
    Ended,
    Endpoint,
    Figures,
    Incoming,
    Join,
    Leave,
    Program,
    Say,
    SocketsWanted,
    Transmit,
)
from harness.sockets import bpf
from harness.sockets.groups import (
    Target,
    Via,
    change_membership,
    hear_only_joined,
    send_groups_via,
    sockaddr,
)
from harness.sockets.loop import Alarm, Loop
from harness.wire.membership import Address

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_ANY = {4: "0.0.0.0", 6: "::"}  # noqa: S104  what a server without an address of its own is bound to
_LARGEST = 65536
_READ_AT_ONCE = 64
"""So many datagrams are read before timers get their turn: a flood must not stop the clock."""
_KNOWN_ADDRESSES = 4096
_HOPS = struct.Struct("=i")
_PKTINFO = struct.Struct("=i4s4s")  # interface, own address, destination: ip(7)
_PKTINFO6 = struct.Struct("=16si")  # destination, interface: RFC 3542 section 6.1
_ANCILLARY_BYTES = socket.CMSG_SPACE(_HOPS.size) + socket.CMSG_SPACE(_PKTINFO6.size)
_IP_TTL, _IP_PKTINFO, _IP_RECVTTL = 2, 8, 12  # linux/in.h
_IPV6_RECVPKTINFO, _IPV6_PKTINFO, _IPV6_RECVHOPLIMIT, _IPV6_HOPLIMIT = 49, 50, 51, 52  # linux/in6.h
_HOPS_LEFT = ((socket.IPPROTO_IP, _IP_TTL), (socket.IPPROTO_IPV6, _IPV6_HOPLIMIT))
_SO_MEMINFO = 55

Told = Say | Asked | Answered | Figures | Join | Leave | Ended
"""What whoever runs a program is told; joins and leaves have been carried out by then."""


class Clock(Protocol):
    """The program's seconds and the loop's."""

    def now(self) -> float:
        """Return the present moment in the program's seconds."""
        ...

    def real(self, at_s: float) -> float:
        """Return a moment of the program's in the loop's seconds."""
        ...


class Listener(Protocol):
    """Is told what a program does, as it does it."""

    def __call__(self, effect: Told, at_s: float, /) -> None:
        """``at_s`` is the present moment in the program's seconds."""


class RealTime:
    """A clock whose seconds are the loop's own."""

    @staticmethod
    def now() -> float:
        """Return the present moment."""
        return Loop.now()

    @staticmethod
    def real(at_s: float) -> float:
        """Return the same moment."""
        return at_s


class ProbeSockets:
    """The own socket of a program, and its group's if it wants one. Raises OSError as the kernel does."""

    def __init__(self, wanted: SocketsWanted, via: Via) -> None:
        self._via = via
        self._zone = via.index
        self._dropped = 0
        self.is_filtered = bool(wanted.group_beginning)
        """Whether the kernel keeps from the group's socket what does not begin as the program wants."""
        self.group: socket.socket | None = None
        self.own = self._open(wanted, buffer=wanted.buffer)
        try:
            self._set_up_own(wanted)
            self.port: int = self.own.getsockname()[1]
            if wanted.group is not None:
                self._open_group(wanted, wanted.group)
        except OSError:
            self.close()
            raise

    def _open(self, wanted: SocketsWanted, *, buffer: int | None) -> socket.socket:
        sock = socket.socket(_FAMILIES[wanted.version], socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        if buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        if wanted.version == 4:
            sock.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVHOPLIMIT, 1)
        return sock

    def _set_up_own(self, wanted: SocketsWanted) -> None:
        own = self.own
        if wanted.version == 4:
            own.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, wanted.hops)
        else:
            own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, wanted.hops)
        send_groups_via(own, wanted.version, self._via, hops=wanted.hops, loop=wanted.loop)
        if wanted.broadcast:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if wanted.local is None:
            if wanted.version == 4:
                own.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            else:
                own.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
            own.bind((_ANY[wanted.version], wanted.port))
        else:
            own.bind(sockaddr(wanted.local, wanted.port, self._zone))
        if wanted.peer is not None:
            own.connect(sockaddr(wanted.peer.address, wanted.peer.port, self._zone))

    def _open_group(self, wanted: SocketsWanted, group: Address) -> None:
        sock = self.group = self._open(wanted, buffer=wanted.buffer)
        if wanted.shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if group.is_multicast:
            hear_only_joined(sock, wanted.version)
        if wanted.group_beginning:
            bpf.install(sock, bpf.beginning(wanted.group_beginning))
        port = self.port if wanted.group_port is None else wanted.group_port
        sock.bind(sockaddr(group, port, self._zone))

    def change_membership(self, change: Join | Leave) -> None:
        """Carry out a join or a leave on the group's socket. Raises OSError as the kernel does."""
        if self.group is not None:
            joined = isinstance(change, Join)
            change_membership(self.group, change.group, self._via, joined=joined, source=change.source)

    def dropped(self) -> int:
        """Return how many datagrams were lost since the beginning because nobody read in time.

        Not those of a group's socket with a filter: what that keeps away the kernel counts as lost too.
        """
        group = None if self.is_filtered else self.group
        opened = (sock for sock in (self.own, group) if sock is not None and sock.fileno() >= 0)
        return self._dropped + sum(
            int(struct.unpack("=9I", sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36))[8])
            for sock in opened
        )

    def target(self, to: Endpoint) -> Target:
        """Return an endpoint as sendto takes it."""
        return sockaddr(to.address, to.port, self._zone)

    def close(self) -> None:
        """Close both. Closing twice is no error."""
        self._dropped = self.dropped()
        self.own.close()
        if self.group is not None:
            self.group.close()


class Driver:
    """Runs one program from ``start`` to its end, or to ``close``.

    ``ended`` is its status once it has ended. Opening and joining raise OSError as the kernel does.
    """

    def __init__(
        self, program: Program, loop: Loop, listener: Listener, *, via: Via, clock: Clock | None = None
    ) -> None:
        self.ended: int | None = None
        self.sockets = ProbeSockets(program.sockets, via)
        self._program = program
        self._connected = program.sockets.peer is not None
        self._loop = loop
        self._listener = listener
        self._clock: Clock = RealTime() if clock is None else clock
        self._alarm = Alarm(loop, self._ring)
        self._due_s: float | None = None
        """What the alarm was last set to."""
        self._targets: dict[int, tuple[Endpoint, Target]] = {}
        """By the endpoint's identity: programs keep theirs, and to hash one costs as much as to send."""
        self._senders: dict[tuple[str, int], Endpoint] = {}
        self._is_open = True
        loop.watch(self.sockets.own.fileno(), lambda: self._read(self.sockets.own, by_group=False))
        if (group := self.sockets.group) is not None:
            loop.watch(group.fileno(), lambda: self._read(group, by_group=True))

    # --- from outside -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Let the program begin."""
        now = self._clock.now()
        self._obey(self._program.start(now, self.sockets.port), now)

    def interrupt(self) -> None:
        """Let the program end, as the user's SIGINT does."""
        now = self._clock.now()
        self._obey(self._program.interrupt(now), now)

    def report(self) -> None:
        """Let the program say how it stands."""
        now = self._clock.now()
        self._obey(self._program.report(now), now)

    def close(self) -> None:
        """Close the sockets; a program that has not ended is left as it is. Closing twice is no error."""
        if self._is_open:
            self._is_open = False
            for sock in (self.sockets.own, self.sockets.group):
                if sock is not None:
                    self._loop.unwatch(sock.fileno())
            self.sockets.close()

    # --- from the loop ------------------------------------------------------------------------------------

    def _ring(self, due_s: float) -> None:
        del due_s
        self._due_s = None
        if self._is_open:
            now = self._clock.now()
            self._obey(self._program.tick(now), now)

    def _read(self, sock: socket.socket, *, by_group: bool) -> None:
        for _ in range(_READ_AT_ONCE):
            if not self._is_open:
                return
            try:
                payload, ancillary, _, address = sock.recvmsg(_LARGEST, _ANCILLARY_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError as error:  # what an earlier send earned, told by ICMP
                now = self._clock.now()
                self._obey(self._program.refused(error.errno or errno.EIO, now), now)
                continue
            hops, to = _read_ancillary(ancillary)
            sender = self._senders.get(address[:2]) or self._new_sender(address)
            datagram = Incoming(payload=payload, sender=sender, by_group=by_group, hops=hops, to=to)
            now = self._clock.now()
            self._obey(self._program.receive(datagram, now), now)

    def _new_sender(self, address: tuple[str, int]) -> Endpoint:
        """Read an address once: a program hears the same few again and again."""
        if len(self._senders) >= _KNOWN_ADDRESSES:
            self._senders.clear()
        host, port = address[:2]
        sender = Endpoint(address=ip_address(host.partition("%")[0]), port=port)
        self._senders[host, port] = sender
        return sender

    # --- effects ------------------------------------------------------------------------------------------

    def _obey(self, effects: Iterable[Effect], now: float) -> None:
        """Carry out what followed from a call at this moment."""
        for effect in effects:
            match effect:
                case Transmit():
                    self._transmit(effect, now)
                case Asked() | Answered() | Say() | Figures():
                    self._listener(effect, now)
                case Join() | Leave():
                    self.sockets.change_membership(effect)
                    self._listener(effect, now)
                case Ended():
                    self.ended = effect.status
                    self.close()
                    self._listener(effect, now)
                case _:
                    assert_never(effect)
        if self._is_open and (due_s := self._program.next_deadline()) is not None and due_s != self._due_s:
            self._due_s = due_s
            # What is due at once has a moment in the past, and nobody was late for it.
            self._alarm.set(max(self._clock.real(due_s), self._loop.now()))

    def _transmit(self, effect: Transmit, now: float) -> None:
        try:
            if self._connected and not effect.to.address.is_multicast:
                self.sockets.own.send(effect.payload)
            elif effect.source is not None:
                control = _leaving_from(effect.source)
                self.sockets.own.sendmsg([effect.payload], [control], 0, self._target(effect.to))
            else:
                self.sockets.own.sendto(effect.payload, self._target(effect.to))
        except OSError as error:
            self._obey(self._program.refused(error.errno or errno.EIO, now), now)

    def _target(self, to: Endpoint) -> Target:
        known = self._targets.get(id(to))
        if known is None:
            if len(self._targets) >= _KNOWN_ADDRESSES:
                self._targets.clear()
            known = self._targets[id(to)] = (to, self.sockets.target(to))
        return known[1]


def _read_ancillary(ancillary: list[tuple[int, int, bytes]]) -> tuple[int | None, Address | None]:
    """Return the hops left, and the own address that a datagram was sent to."""
    hops: int | None = None
    to: Address | None = None
    for level, kind, data in ancillary:
        what = (level, kind)
        if what in _HOPS_LEFT:
            hops = _HOPS.unpack(data)[0]
        elif what == (socket.IPPROTO_IP, _IP_PKTINFO):
            to = IPv4Address(_PKTINFO.unpack(data)[1])
        elif what == (socket.IPPROTO_IPV6, _IPV6_PKTINFO):
            to = IPv6Address(_PKTINFO6.unpack(data)[0])
    return hops, None if to is None or to.is_multicast else to


def _leaving_from(source: Address) -> tuple[int, int, bytes]:
    """Return what makes the kernel send from this address; to a group, by the interface that has it."""
    if isinstance(source, IPv4Address):
        return socket.IPPROTO_IP, _IP_PKTINFO, _PKTINFO.pack(0, source.packed, bytes(4))
    return socket.IPPROTO_IPV6, _IPV6_PKTINFO, _PKTINFO6.pack(source.packed, 0)
