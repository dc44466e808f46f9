"""What connection tracking of one host knows of UDP by unicast (Linux nf_conntrack_proto_udp.c).

A packet that passed opens a connection; one the other way makes it established. Datagrams to groups and to
all stay new however many were seen, since a reply to them would come from the group. Entries are kept for
the length of a run: probe tools speak more often than the 30 s after which the kernel forgets.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.protocols.firewall.packet import Direction, State
from harness.protocols.probes.program import Endpoint


@dataclass(slots=True)
class _Connection:
    began: Direction
    answered: bool = False


class Connections:
    """Those of one host, by its own endpoint and the other's."""

    def __init__(self) -> None:
        self._known: dict[tuple[Endpoint, Endpoint], _Connection] = {}

    def state(self, direction: Direction, own: Endpoint, other: Endpoint) -> State:
        """What is said of a datagram, before it is known whether it passes."""
        known = self._known.get((own, other))
        if known is None or (known.began is direction and not known.answered):
            return State.NEW
        return State.ESTABLISHED

    def passed(self, direction: Direction, own: Endpoint, other: Endpoint) -> None:
        """A datagram has passed the host's firewall."""
        known = self._known.get((own, other))
        if known is None:
            self._known[own, other] = _Connection(direction)
        elif known.began is not direction:
            known.answered = True
