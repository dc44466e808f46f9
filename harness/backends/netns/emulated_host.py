"""A host whose IGMP and MLD the harness speaks: membership machines on a packet socket, the kernel muted.

The node stays a real Linux stack with real sockets, which join so that the kernel accepts the data. What it
would say of that never leaves: a rule on the netdev egress hook drops it, unless it carries the mark of the
machines' own socket (PACKET_QDISC_BYPASS would not pass that hook, measured on Linux 6.18). A machine hears
what arrives on the port, runs on compressed time and wants of a group what the node's streams want together.
"""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Iterable
from functools import partial

from harness.backends.netns.clock import Clock
from harness.backends.netns.silence import OWN_MARK, mute_kernel
from harness.backends.netns.sockets import INTERFACE
from harness.errors import LabError
from harness.plan.model import PlanHost
from harness.protocols.dialect import Dialect
from harness.protocols.effects import Effect, Send, SourceFilter
from harness.protocols.host import MembershipHost
from harness.protocols.wants import Wants
from harness.sockets.bpf import CONTROL_FRAMES
from harness.sockets.loop import Alarm, Loop
from harness.sockets.packet import Tap
from harness.wire.membership import Address

_LINK_LIMIT_S, _LINK_POLL_S = 0.5, 0.001
"""How long a link may take to come up, and how often it is tried. On Linux 6.18 it is some milliseconds."""


class EmulatedHost:
    """Drives one host's machines. Must be made inside the host's namespace, before anything joins there."""

    def __init__(self, host: PlanHost, loop: Loop, clock: Clock, seed: int) -> None:
        if not host.machines:
            msg = f"{host.name} is not emulated"
            raise LabError(msg)
        self._loop = loop
        chance = random.Random(f"{seed} {host.name}")  # noqa: S311  delays of reports, the same in every run
        self._machines = {
            config.dialect: MembershipHost(config.scaled(clock.speed), chance, port=INTERFACE)
            for config in host.machines
        }
        self._wants = Wants()
        self._alarm = Alarm(loop, self._tick)
        self._patient_until_s = 0.0
        mute_kernel(INTERFACE, tuple(self._machines))
        self._tap = Tap(INTERFACE, CONTROL_FRAMES)
        self._tap.socket.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, OWN_MARK)
        loop.watch(self._tap.fileno(), self._read)

    def want(self, number: int, group: Address, wanted: SourceFilter | None) -> None:
        """Follow what the sockets of a stream or tool with this number want of a group; None: nothing."""
        together = self._wants.change(group, number, wanted)
        self._obey(self._machines[Dialect.of(group)].join(group, self._loop.now(), together))

    def rejoin(self) -> None:
        """Report everything anew: the interface has gone down and come up.

        The kernel tells of the carrier before the link can send, so what it does not take is sent again.
        """
        self._patient_until_s = self._loop.now() + _LINK_LIMIT_S
        for machine in self._machines.values():
            self._obey(machine.rejoin(self._loop.now()))

    def _read(self) -> None:
        for frame in self._tap.frames():
            for machine in self._machines.values():
                self._obey(machine.tick(frame.at_s))
                self._obey(machine.receive(frame.data, frame.at_s))

    def _tick(self, due_s: float) -> None:
        for machine in self._machines.values():
            self._obey(machine.tick(due_s))

    def _obey(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self._send(effect.frame)
        for machine in self._machines.values():
            self._alarm.set(machine.next_deadline())

    def _send(self, frame: bytes) -> None:
        """Send; a port that is down, or silent, takes it without a word, unless it is about to come up."""
        try:
            self._tap.socket.sendto(frame, (INTERFACE, 0))
        except OSError as error:
            now = self._loop.now()
            if error.errno == errno.ENETDOWN and now < self._patient_until_s:
                self._loop.call_at(now + _LINK_POLL_S, partial(self._send, frame))

    def close(self) -> None:
        """Close the tap."""
        self._loop.unwatch(self._tap.fileno())
        self._tap.close()
