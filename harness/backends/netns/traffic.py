"""The hosts' sockets: sends what the plan's streams say, and accounts every datagram that arrives.

Sockets are opened inside their host's namespace and served by the lab's one loop; there is no process a
node. A member hears through a UDP socket that joined the group (the kernel's own IGMP host does the rest).
Whatever reaches the interface of a host that did not ask for it is seen by a packet socket, and counts as
flooded. Arrivals are gathered by datagram and handed out ten times a second.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from harness.backends.base import Emit
from harness.backends.netns.clock import Clock
from harness.backends.netns.sockets import (
    INTERFACE_INDEX,
    SOURCES_OF_A_SOCKET,
    allow_sources,
    announce,
    change_membership,
    open_receiver,
    open_sender,
    open_tap,
    payload_at,
)
from harness.errors import LabError
from harness.observations.model import Arrived, Impaired, Membership, Sent
from harness.plan.model import Cast, Plan, PlanHost, PlanStream
from harness.sockets.groups import Target, sockaddr
from harness.sockets.loop import Loop
from harness.sockets.packet import newly_dropped
from harness.wire import probe
from harness.wire.membership import Address

_SO_MEMINFO = 55
_SENDS_BETWEEN_READS = 8

Enter = Callable[[str], AbstractContextManager[None]]
"""Enters a host's network namespace."""


class MembershipChanged(Protocol):
    """Is told of every join and leave of a node's socket."""

    def __call__(self, node: str, stream: PlanStream, *, joined: bool) -> None:
        """``node`` has joined or left the group of ``stream``."""


Key = tuple[int, int, int]
"""stream, number of the sender, sequence"""


@dataclass(slots=True)
class _Arrival:
    at_s: float
    hosts: list[str] = field(default_factory=list)
    flooded: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Out:
    """What one sender sent of one stream since the last report."""

    first: int
    count: int
    at_s: float
    late_s: float
    error: str


class Traffic:
    """All sockets of a lab's hosts. Opens nothing until ``open``; ``close`` closes everything."""

    def __init__(
        self, plan: Plan, loop: Loop, clock: Clock, emit: Emit, enter: Enter, changed: MembershipChanged
    ) -> None:
        self._plan = plan
        self._changed = changed
        self._loop = loop
        self._clock = clock
        self._emit = emit
        self._enter = enter
        self._hosts = {host.name: host for host in plan.hosts}
        self._by_number = {_wire_number(index): host.name for index, host in enumerate(plan.hosts)}
        self._numbers = {name: number for number, name in self._by_number.items()}
        self._streams = {stream.number: stream for stream in plan.streams}
        self._senders: dict[tuple[str, int, int], socket.socket] = {}
        """By host, version of IP and hops."""
        self._receivers: dict[tuple[str, Address, int], socket.socket] = {}
        self._taps: dict[tuple[str, int], socket.socket] = {}
        """By host and version of IP."""
        self._joined: dict[str, set[int]] = {host.name: set() for host in plan.hosts}
        self._arrivals: dict[Key, _Arrival] = {}
        self._outgoing: dict[tuple[int, str], _Out] = {}
        self._drops: dict[str, int] = {}
        self._payloads: dict[int, bytearray] = {}
        self._addresses: dict[tuple[int, str], tuple[Target, ...]] = {}
        self._buffer = bytearray(65536)
        self.delivered = 0

    # --- sockets ------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open every socket that the streams need; joins nothing yet."""
        members = {stream.number: _ever_members(self._plan, stream) for stream in self._plan.streams}
        for host in self._plan.hosts:
            with self._enter(host.name):
                for stream in self._plan.streams:
                    if host.name in stream.senders:
                        self._open_sender(host, stream)
                    if host.name in members[stream.number]:
                        self._open_receiver(host, stream)
                    if host.name in stream.watchers:
                        self._open_tap(host, stream.group.version)
                if any(host.name in s.receivers for s in self._plan.streams if s.cast is Cast.UNICAST):
                    announce()

    def _open_sender(self, host: PlanHost, stream: PlanStream) -> None:
        version = stream.group.version
        if (host.name, version, stream.ttl) not in self._senders:
            self._senders[host.name, version, stream.ttl] = open_sender(version, stream.ttl)

    def _open_receiver(self, host: PlanHost, stream: PlanStream) -> None:
        address = stream.group if stream.cast is Cast.MULTICAST else host.unicast_for(stream.group)
        key = (host.name, address, stream.port)
        if key in self._receivers:
            return
        sock = self._receivers[key] = open_receiver(address, stream.port)
        self._loop.watch(sock.fileno(), lambda: self._read_socket(sock, host.name))
        count = len(stream.senders)
        if stream.source_specific and address.version == 4 and count > SOURCES_OF_A_SOCKET[4]:
            allow_sources(count)

    def _open_tap(self, host: PlanHost, version: int) -> None:
        if (host.name, version) in self._taps:
            return
        sock = self._taps[host.name, version] = open_tap(version)
        self._loop.watch(sock.fileno(), lambda: self._read_tap(sock, host.name, version))

    def close(self) -> None:
        """Close every socket."""
        for sock in (*self._senders.values(), *self._receivers.values(), *self._taps.values()):
            self._loop.unwatch(sock.fileno())
            sock.close()
        self._senders.clear()
        self._receivers.clear()
        self._taps.clear()

    # --- membership ---------------------------------------------------------------------------------------

    def join(self, node: str, stream: PlanStream) -> None:
        """Join a stream's group on a node's socket; joining twice is no change."""
        if stream.number not in self._joined[node]:
            self._change_membership(node, stream, joined=True)

    def leave(self, node: str, stream: PlanStream) -> None:
        """Leave a stream's group; leaving what was not joined is no change."""
        if stream.number in self._joined[node]:
            self._change_membership(node, stream, joined=False)

    def _change_membership(self, node: str, stream: PlanStream, *, joined: bool) -> None:
        sock = self._receivers[node, stream.group, stream.port]
        senders = (self._hosts[name].address_for(stream.group) for name in stream.senders)
        sources = senders if stream.source_specific else None
        own = self._hosts[node].address_for(stream.group)
        try:
            change_membership(sock, stream.group, joined=joined, own=own, sources=sources)
        except OSError as error:
            verb = "join" if joined else "leave"
            msg = f"{node} could not {verb} {stream.group}: {error.strerror}"
            raise LabError(msg) from error
        (self._joined[node].add if joined else self._joined[node].discard)(stream.number)
        self._changed(node, stream, joined=joined)
        self._emit(Membership(at_s=self._clock.now(), node=node, stream=stream.number, joined=joined))

    # --- sending ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Put every stream on the loop."""
        for stream in self._plan.streams:
            if stream.senders and stream.stop_s > stream.start_s:
                self._schedule(stream, 0)

    def _schedule(self, stream: PlanStream, sequence: int) -> None:
        at_s = stream.sent_at(sequence)
        if at_s < min(stream.stop_s, self._plan.duration_s):
            self._loop.call_at(self._clock.real(at_s), lambda: self._send(stream, sequence, at_s))

    def _send(self, stream: PlanStream, sequence: int, due_s: float) -> None:
        for index, name in enumerate(stream.senders):
            self.send_one(stream, name, sequence, due_s)
            if index % _SENDS_BETWEEN_READS == _SENDS_BETWEEN_READS - 1:
                self._loop.poll()
        self._schedule(stream, sequence + 1)

    def send_one(self, stream: PlanStream, name: str, sequence: int, due_s: float) -> None:
        """Send one sender's datagram: one to the group, or one to each other receiver."""
        payload = self._payloads.setdefault(stream.number, bytearray(stream.size))
        probe.pack_into(payload, stream.number, self._numbers[name], sequence)
        sock = self._senders[name, stream.group.version, stream.ttl]
        error = ""
        for target in self._targets(stream, name):
            try:
                sock.sendto(payload, target)
            except OSError as failure:
                error = errno.errorcode.get(failure.errno or 0, str(failure))
        late_s = max(0.0, self._clock.now() - due_s)
        out = self._outgoing.get((stream.number, name))
        if out is not None and out.error == error and out.first + out.count == sequence:
            out.count += 1
            out.at_s, out.late_s = due_s, max(out.late_s, late_s)
            return
        if out is not None:
            self._report_sent(stream.number, name, out)
        self._outgoing[stream.number, name] = _Out(sequence, 1, due_s, late_s, error)

    def _targets(self, stream: PlanStream, sender: str) -> tuple[Target, ...]:
        key = (stream.number, sender)
        if key not in self._addresses:
            hosts = (self._hosts[name] for name in stream.receivers if name != sender)
            unicast = (host.unicast_for(stream.group) for host in hosts)
            targets = (stream.group,) if stream.cast is Cast.MULTICAST else unicast
            self._addresses[key] = tuple(
                sockaddr(address, stream.port, INTERFACE_INDEX) for address in targets
            )
        return self._addresses[key]

    # --- receiving ----------------------------------------------------------------------------------------

    def _read_socket(self, sock: socket.socket, host: str) -> None:
        receive, buffer, parse = sock.recv_into, self._buffer, probe.HEADER.unpack_from
        arrivals = self._arrivals
        at_s = self._clock.now()
        while True:
            try:
                size = receive(buffer)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error that an earlier unicast send earned
                continue
            if size < probe.MINIMUM_SIZE:
                continue
            magic, stream, sender, sequence = parse(buffer)
            if magic != probe.MAGIC:
                continue
            self.delivered += 1
            arrival = arrivals.get((stream, sender, sequence))
            if arrival is None:
                arrivals[stream, sender, sequence] = arrival = _Arrival(at_s)
            arrival.hosts.append(host)

    def _read_tap(self, sock: socket.socket, host: str, version: int) -> None:
        buffer, joined = self._buffer, self._joined[host]
        at_s = self._clock.now()
        while True:
            try:
                size = sock.recv_into(buffer)
            except BlockingIOError:
                return
            except OSError:  # told once when the interface goes down
                continue
            start = payload_at(buffer, version)
            if size < start + probe.MINIMUM_SIZE:
                continue
            magic, stream, sender, sequence = probe.HEADER.unpack_from(buffer, start)
            if magic != probe.MAGIC or stream in joined:
                continue
            arrival = self._arrivals.setdefault((stream, sender, sequence), _Arrival(at_s))
            arrival.flooded.append(host)

    # --- reporting ----------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Hand out what was sent and what arrived since the last call."""
        outgoing, self._outgoing = self._outgoing, {}
        for (stream, name), out in outgoing.items():
            self._report_sent(stream, name, out)
        # The readers hold on to the dictionary for the time of one call only, so it can be replaced here.
        arrivals, self._arrivals = self._arrivals, {}
        for (stream, sender, sequence), arrival in arrivals.items():
            self._emit(
                Arrived(
                    at_s=arrival.at_s,
                    stream=stream,
                    sender=self._by_number.get(sender, f"#{sender}"),
                    sequence=sequence,
                    hosts=tuple(arrival.hosts),
                    flooded=tuple(arrival.flooded),
                )
            )

    def _report_sent(self, stream: int, name: str, out: _Out) -> None:
        self._emit(
            Sent(
                at_s=out.at_s,
                stream=stream,
                sender=name,
                first=out.first,
                count=out.count,
                late_s=round(out.late_s, 6),
                error=out.error,
            )
        )

    def report_drops(self) -> None:
        """Hand out how many datagrams the sockets lost since the last call because nobody read in time."""
        for (host, _, _), sock in self._receivers.items():
            drops = struct.unpack_from("9I", sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36))[8]
            self._report_drops(f"{host}/{sock.fileno()}", host, drops)
        for (host, version), sock in self._taps.items():
            key = f"{host}/tap{version}"
            self._report_drops(key, host, self._drops.get(key, 0) + newly_dropped(sock))

    def _report_drops(self, key: str, host: str, total: int) -> None:
        if new := total - self._drops.get(key, 0):
            self._drops[key] = total
            self._emit(Impaired(at_s=self._clock.now(), what="socket", count=new, host=host))


def _wire_number(index: int) -> int:
    return index + 1


def _ever_members(plan: Plan, stream: PlanStream) -> frozenset[str]:
    """Return who receives a stream at any time: at the start, or after a step of the timeline."""
    later = {action.target for action in plan.actions if action.stream == stream.number}
    return frozenset(stream.receivers) | later
