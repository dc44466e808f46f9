"""A client, a server and a network between them that loses, copies and delays answers; time is virtual."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import count

from harness.protocols.probes.program import Effect, Ended, Endpoint, Incoming, Say, Transmit
from harness.protocols.probes.ssmping import SsmpingServer, SsmpingServerConfig
from harness.wire import ssmping

SERVER = ip_address("10.77.0.1")
ASKER = ip_address("10.77.0.2")
PORT = 40000
MOST_STEPS = 100_000


@dataclass(frozen=True, slots=True)
class Loss:
    """Which answers are lost, by their number."""

    of: Callable[[int], bool] = lambda number: False


def lines(effects: Iterable[Effect]) -> list[str]:
    return [effect.text for effect in effects if isinstance(effect, Say)]


def answer_lines(said: list[str]) -> list[str]:
    return [line for line in said if "icast from" in line]


def statistics(effects: Iterable[Effect]) -> list[str]:
    """The lines behind the heading."""
    said = lines(effects)
    heading = next(at for at, line in enumerate(said) if line.endswith(" statistics ---"))
    return said[heading + 1 :]


class Bench:
    """Drives a client to its end. ``status`` is how it ended."""

    def __init__(
        self,
        program,
        *,
        unicast: Loss = Loss(),
        multicast: Loss = Loss(),
        unicast_s: float = 0.0001,
        multicast_s: float = 0.0001,
        copies: int = 1,
        hops: int | None = 64,
    ) -> None:
        self.status: int | None = None
        self._program = program
        self._server = SsmpingServer(SsmpingServerConfig(version=4))
        self._loss = {False: unicast, True: multicast}
        self._delay_s = {False: unicast_s, True: multicast_s}
        self._copies = copies
        self._hops = hops
        self._under_way: list[tuple[float, int, Incoming]] = []
        self._order = count()
        self._said: list[Effect] = []

    def run(self) -> list[Effect]:
        self._obey(self._program.start(0.0, PORT), 0.0)
        for _ in range(MOST_STEPS):
            due = self._program.next_deadline()
            if self.status is not None:
                return self._said
            if self._under_way and (due is None or self._under_way[0][0] <= due):
                at_s, _, datagram = heapq.heappop(self._under_way)
                self._obey(self._program.receive(datagram, at_s), at_s)
            else:
                assert due is not None, "nothing is due, and it has not ended"
                self._obey(self._program.tick(due), due)
        raise AssertionError(f"it did not end within {MOST_STEPS} steps")

    def _obey(self, effects: Iterable[Effect], now: float) -> None:
        for effect in effects:
            self._said.append(effect)
            if isinstance(effect, Ended):
                self.status = effect.status
            elif isinstance(effect, Transmit):
                self._serve(effect, now)

    def _serve(self, request: Transmit, now: float) -> None:
        sender = Endpoint(address=ASKER, port=PORT)
        arrived = Incoming(payload=request.payload, sender=sender, by_group=False, hops=64, to=SERVER)
        number = ssmping.echo(request.payload).sequence
        for effect in self._server.receive(arrived, now):
            if not isinstance(effect, Transmit):
                continue
            assert effect.to.port == PORT
            by_group = effect.to.address.is_multicast
            if self._loss[by_group].of(number):
                continue
            answer = Incoming(
                payload=effect.payload,
                sender=Endpoint(address=SERVER, port=4321),
                by_group=by_group,
                hops=self._hops,
            )
            for _ in range(self._copies):
                heapq.heappush(self._under_way, (now + self._delay_s[by_group], next(self._order), answer))
