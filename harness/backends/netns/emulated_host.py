"""A host whose IGMP the harness speaks: the membership machine on a packet socket, the kernel muted.

The node stays a real Linux stack with real sockets, which join so that the kernel accepts the data. Its own
IGMP never leaves: a rule on the netdev egress hook drops it, unless it carries the mark of the machine's own
socket (PACKET_QDISC_BYPASS would not pass that hook, measured on Linux 6.18). The machine hears what arrives
on the port, runs on compressed time and wants of a group what the node's streams want together.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable

from harness.backends.netns.clock import Clock
from harness.backends.netns.loop import Loop
from harness.backends.netns.packet import IGMP_FRAMES, Tap
from harness.backends.netns.silence import OWN_MARK, mute_kernel
from harness.errors import LabError
from harness.plan.model import PlanHost, PlanStream
from harness.protocols.effects import EVERY_SOURCE, Effect, FilterMode, Send, SourceFilter
from harness.protocols.host import NO_SOURCE, MembershipHost
from harness.wire.membership import Address

INTERFACE = "eth0"


class EmulatedHost:
    """Drives one host's machine. Must be made inside the host's namespace, before anything joins there."""

    def __init__(self, host: PlanHost, loop: Loop, clock: Clock, seed: int) -> None:
        if host.emulated is None:
            msg = f"{host.name} is not emulated"
            raise LabError(msg)
        self._loop = loop
        chance = random.Random(f"{seed} {host.name}")  # noqa: S311  delays of reports, the same in every run
        self._machine = MembershipHost(host.emulated.scaled(clock.speed), chance, port=INTERFACE)
        self._wants: dict[Address, dict[int, SourceFilter]] = {}
        self._wake_s: float | None = None
        mute_kernel(INTERFACE)
        self._tap = Tap(INTERFACE, IGMP_FRAMES)
        self._tap.socket.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, OWN_MARK)
        loop.watch(self._tap.fileno(), self._read)

    def change_membership(self, stream: PlanStream, sources: tuple[Address, ...], *, joined: bool) -> None:
        """Follow a join or a leave of one of the node's sockets; ``sources`` are those of its streams.

        Of IPv6 the kernel speaks as ever.
        """
        if stream.group.version != 4:
            return
        wants = self._wants.setdefault(stream.group, {})
        if joined:
            wants[stream.number] = (
                SourceFilter(mode=FilterMode.INCLUDE, sources=tuple(sorted(sources, key=int)))
                if stream.source_specific
                else EVERY_SOURCE
            )
        else:
            wants.pop(stream.number, None)
        now = self._loop.now()
        self._obey(self._machine.join(stream.group, now, _together(wants.values())))

    def rejoin(self) -> None:
        """Report everything anew: the interface has gone down and come up."""
        self._obey(self._machine.rejoin(self._loop.now()))

    def _read(self) -> None:
        for frame in self._tap.frames():
            self._obey(self._machine.tick(frame.at_s))
            self._obey(self._machine.receive(frame.data, frame.at_s))

    def _wake(self, due_s: float) -> None:
        if self._wake_s == due_s:
            self._wake_s = None
            self._obey(self._machine.tick(due_s))

    def _obey(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self._tap.send(effect.port, effect.frame)
        due_s = self._machine.next_deadline()
        if due_s is not None and (self._wake_s is None or due_s < self._wake_s):
            self._wake_s = due_s
            self._loop.call_at(due_s, lambda: self._wake(due_s))

    def close(self) -> None:
        """Close the tap."""
        self._loop.unwatch(self._tap.fileno())
        self._tap.close()


def _together(filters: Iterable[SourceFilter]) -> SourceFilter:
    """What sockets that want these together want of an interface (RFC 9776 section 3.2)."""
    found = tuple(filters)
    if any(one.mode is FilterMode.EXCLUDE for one in found):
        return EVERY_SOURCE
    sources = {source for one in found for source in one.sources}
    return (
        SourceFilter(mode=FilterMode.INCLUDE, sources=tuple(sorted(sources, key=int)))
        if sources
        else NO_SOURCE
    )
