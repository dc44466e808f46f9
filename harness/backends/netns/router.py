"""A multicast router as its network sees it: a host whose querier machine asks on its one interface.

A node may have one too, as a host on which a PIM daemon was started. Its own stack hears what it asks, since
such a daemon sends through the stack, and answers like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from harness.backends.base import Emit
from harness.backends.netns.clock import Clock
from harness.backends.netns.journal import Journal
from harness.backends.netns.sockets import INTERFACE, INTERFACE_INDEX, open_raw_sender
from harness.errors import LabError
from harness.plan.model import PeerKind, PlanHost
from harness.protocols.dialect import Dialect
from harness.protocols.effects import Effect, Send, TableChange
from harness.protocols.querier import Querier
from harness.protocols.querier_config import QuerierConfig
from harness.sockets.bpf import CONTROL_FRAMES
from harness.sockets.groups import sockaddr
from harness.sockets.loop import Alarm, Loop
from harness.sockets.packet import Tap
from harness.wire import ethernet, ipv4, ipv6
from harness.wire.membership import Address

WIRE_RESPONSE_S = {Dialect.IGMP: 0.1, Dialect.MLD: 0.02}
"""The shortest time that the wire leaves hosts to answer (MLD: their kernels), in this machine's seconds."""


def held(config: QuerierConfig) -> QuerierConfig:
    """A querier that waits after a leave for as long as its questions let hosts answer.

    A host's querier has no setting for that time (1 s), so it cannot be refused at a speed that makes it too
    short, as that of a switch is.
    """
    least_s = WIRE_RESPONSE_S[config.dialect]
    return replace(config, last_member_interval_s=max(config.last_member_interval_s, least_s))


class RouterQuerier:
    """Drives one querier machine, of IGMP or of MLD. Must be made inside the router's namespace."""

    def __init__(
        self, router: PlanHost, loop: Loop, clock: Clock, emit: Emit, *, dialect: Dialect = Dialect.IGMP
    ) -> None:
        config = router.querier if dialect is Dialect.IGMP else router.mld_querier
        if config is None:
            msg = f"{router.name} has no querier of {dialect.name}"
            raise LabError(msg)
        self._dialect = dialect
        self._loop = loop
        self._journal = Journal(router.name, clock, emit)
        self._machine = Querier(held(config.scaled(clock.speed)), ports=(INTERFACE,))
        self._tap = Tap(INTERFACE, CONTROL_FRAMES)
        self._stack = _StackSender(dialect) if router.kind is PeerKind.NODE else None
        self._alarm = Alarm(loop, lambda due_s: self._obey(self._machine.tick(due_s)))
        self.has_queried = False
        loop.watch(self._tap.fileno(), self._read)

    @property
    def is_settled(self) -> bool:
        """Whether it has asked, or knows of another who does: one that listens first may never ask."""
        return self.has_queried or self._machine.is_silent

    def start(self) -> None:
        """Begin to query."""
        self._obey(self._machine.start(self._loop.now()))

    def stop(self) -> None:
        """Fall silent."""
        self._obey(self._machine.stop(self._loop.now()))

    def _read(self) -> None:
        for frame in self._tap.frames():
            self._obey(self._machine.tick(frame.at_s))
            self._obey(self._machine.receive(INTERFACE, frame.data, frame.at_s))

    def _obey(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send():
                    self.has_queried = self._send(effect) or self.has_queried
                case TableChange():
                    self._journal.changed(self._dialect, effect)
                case _:
                    pass
        self._alarm.set(self._machine.next_deadline())

    def _send(self, effect: Send) -> bool:
        if self._stack is None:
            return self._tap.send(effect.port, effect.frame)
        return self._stack.send(effect.frame)

    def close(self) -> None:
        """Close the sockets."""
        if self._stack is not None:
            self._stack.close()
        self._loop.unwatch(self._tap.fileno())
        self._tap.close()


class _StackSender:
    """Sends a frame's packet through the host's own stack, which hears it itself and obeys its firewall."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._socket = open_raw_sender(4 if dialect is Dialect.IGMP else 6)

    def send(self, frame: bytes) -> bool:
        """Send the packet in a frame; False if the stack refuses it."""
        packet = ethernet.decode(frame).payload
        try:
            self._socket.sendto(packet, sockaddr(self._destination(packet), 0, INTERFACE_INDEX))
        except OSError:
            return False
        return True

    def _destination(self, packet: bytes) -> Address:
        read = ipv4.decode if self._dialect is Dialect.IGMP else ipv6.decode
        return read(packet).destination

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
