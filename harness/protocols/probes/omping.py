"""omping 0.0.5 as a machine: every node asks every other, and hears answers by unicast and to the group.

A client greets each peer (init) until it is given a session, then asks once a period; the peer answers twice,
to the asker and to the group, and ends a session by a response without group. What is accounted and said is
as omping does it. Two things are not: a send that the kernel refuses is told once and ends nothing, since
whoever sends from an address without a route would stop the probe; and rounds keep their pace, where omping's
are a little later each time.

Ids come of the configuration and the ``chance`` given, times of the driver: the same input gives the same
bytes. Everybody hears everybody's answers: their first bytes say whose they are, so that whoever drives this
can keep the others away (``SocketsWanted.group_beginning``).
"""

from __future__ import annotations

import errno
import heapq
import math
import os
import random
from enum import Enum

from harness.protocols.probes.omping_config import Mode, OmpingConfig, Peer, Role
from harness.protocols.probes.omping_remote import Remote, Stage
from harness.protocols.probes.omping_server import Server
from harness.protocols.probes.omping_text import (
    ALL_SENT,
    NUMBERS_EXHAUSTED,
    STOPPED_BY_SERVER,
    VERSION_RECEIVED,
    WAITING,
    Lines,
)
from harness.protocols.probes.program import (
    Answered,
    Asked,
    Cast,
    Effect,
    Ended,
    Incoming,
    Join,
    Say,
    SocketsWanted,
    Transmit,
)
from harness.wire import omping
from harness.wire.malformed import Malformed
from harness.wire.omping import Kind, Message, Option, Prefix

__all__ = ["Mode", "Omping", "OmpingConfig", "Peer", "Role"]

_GREETS_EVERY_S = 1.001
"""omping lets more than 1000 ms pass, and a peer passes over an init within 1000 ms of the last."""
_AT_ONCE_S = 0.001
_LEAST_BETWEEN_S = 0.0001
"""With a period of 0 the next query follows the answer, or comes after 1 ms. On links without delay it must
not be the same moment for ever."""
_LATEST_PERIODS = 3
"""So many queries are made up for when the process did not run in time; omping takes five at once."""
_ROUNDING = 1e-6
_FEW = 16
"""So many peers are asked in one go. More are spread over half a period, so that a mesh of hundreds does not
overflow sockets; the other half is there for the answers of the last round."""
_LONGEST_SESSION_BYTES = 64


class _Phase(Enum):
    RUNNING = "running"
    FINISHING = "finishing"
    OVER = "over"


class Omping:
    """An omping at work: a ``Program``.

    An interrupt says the summary at once. As the original it then goes on to tell its peers to stop, for
    ``OmpingConfig.longest_wait_s``, before it says Ended; another interrupt ends that.
    """

    def __init__(self, config: OmpingConfig, chance: random.Random) -> None:
        self._config = config
        self._chance = chance
        self._period_s = config.period_s or _AT_ONCE_S
        peers = len(config.peers)
        self._apart_s = self._period_s / 2 / peers if peers > _FEW and config.period_s else 0.0
        self._asks_only = config.role is Role.CLIENT
        self._group = config.answers_to
        self._to_all = Cast.BROADCAST if config.mode is Mode.IPBC else Cast.MULTICAST
        self._id_start = (config.pid & 0xFFFFFFFF).to_bytes(4, "little") + config.local.packed
        self._mine = omping.beginning_of_answers(self._id_start)
        self._remotes = tuple(
            Remote(number, peer, config, casts=(Cast.UNICAST, self._to_all))
            for number, peer in enumerate(config.peers)
        )
        self._by_address = {int(remote.address): remote for remote in self._remotes}
        self._active = len(self._remotes)
        self._lines = Lines(self._remotes)
        self._server = Server(config, chance)
        self._server.finishing = config.role is Role.VERSIONS
        for remote in self._remotes:
            remote.client_id = self._new_id()
        self._phase = _Phase.RUNNING
        self._started_s = 0.0
        self._ends_at_s = math.inf
        self._agenda: list[tuple[float, int]] = []
        self._due_s = math.inf
        self._refusals = set[int]()

    # --- Program ------------------------------------------------------------------------------------------

    @property
    def sockets(self) -> SocketsWanted:
        """What must be open before it starts."""
        config = self._config
        return SocketsWanted(
            version=config.local.version,
            local=config.local,
            port=0 if self._asks_only else config.port,
            group=None if config.role is Role.VERSIONS else self._group,
            group_port=None if self._asks_only else config.port,
            hops=config.hops,
            loop=config.is_alone,
            broadcast=config.mode is Mode.IPBC,
            group_beginning=self._mine,
            buffer=config.buffer,
        )

    def start(self, now: float, port: int) -> list[Effect]:
        """Join, and greet everybody."""
        del port
        config = self._config
        effects: list[Effect] = []
        if config.role is not Role.VERSIONS:
            if config.mode is Mode.ASM:
                effects.append(Join(group=self._group))
            elif config.mode is Mode.SSM:
                effects += [Join(group=self._group, source=remote.address) for remote in self._remotes]
        self._started_s = self._due_s = now
        if config.timeout_s:
            self._ends_at_s = now + config.timeout_s
        for remote in self._remotes:
            self._put_down(remote, now)
        return [*effects, *self.tick(now)]

    def receive(self, datagram: Incoming, now: float) -> list[Effect] | tuple[Effect, ...]:
        """Take a datagram."""
        data = datagram.payload
        if self._phase is _Phase.OVER or (datagram.by_group and not data.startswith(self._mine)):
            return ()
        remote = self._by_address.get(int(datagram.sender.address))
        if datagram.by_group:
            return () if remote is None else self._answered(remote, datagram, self._to_all, now)
        if not data or not datagram.sender.port:
            return ()
        if remote is not None:
            return self._from_peer(remote, datagram, now)
        return () if self._asks_only else self._server.take_from_stranger(datagram, now)

    def _from_peer(self, remote: Remote, datagram: Incoming, now: float) -> list[Effect] | tuple[Effect, ...]:
        data = datagram.payload
        remote.credit_bytes += len(data)
        match data[0]:
            case Kind.ANSWER:
                return self._answered(remote, datagram, Cast.UNICAST, now)
            case Kind.RESPONSE:
                return self._responded(remote, data, now)
            case Kind.QUERY | Kind.INIT if not self._asks_only:
                return self._server.take(remote, datagram, now, self._stamp_us(now))
            case _:
                return ()

    def refused(self, error: int, now: float) -> tuple[Effect, ...]:
        """Say once that the kernel refuses to send, and go on."""
        del now
        if error in self._refusals or self._phase is _Phase.OVER:
            return ()
        self._refusals.add(error)
        hint = " (a firewall rule of this host?)" if error == errno.EPERM else ""
        return (Say(text=f"omping: Send message error: {os.strerror(error)}{hint}", error=True),)

    def tick(self, now: float) -> list[Effect] | tuple[Effect, ...]:
        """Do what is due: the end, a round of queries, greetings."""
        if now < self._due_s:
            return ()
        if self._phase is _Phase.FINISHING:
            return self._end()
        if self._phase is _Phase.OVER:
            return ()
        if now >= self._ends_at_s:
            return self._finish(now)
        effects: list[Effect] = []
        while self._agenda and self._agenda[0][0] <= now:
            due_s, number = heapq.heappop(self._agenda)
            remote = self._remotes[number]
            if remote.due_s != due_s:  # it was put down again for another moment
                continue
            if remote.stage is Stage.INITIAL:
                self._greet(remote, now, effects)
            else:
                self._ask(remote, now, effects)
        self._plan()
        return effects

    def next_deadline(self) -> float | None:
        """When something is due next."""
        return None if self._due_s == math.inf else self._due_s

    def interrupt(self, now: float) -> list[Effect] | tuple[Effect, ...]:
        """Say the summary and tell peers to stop for a while; if it does that already, end."""
        match self._phase:
            case _Phase.RUNNING:
                return self._finish(now)
            case _Phase.FINISHING:
                return self._end()
            case _Phase.OVER:
                return ()

    def report(self, now: float) -> list[Effect]:
        """Say the summary, and an empty line as omping does."""
        del now
        return [] if self._phase is _Phase.OVER else [*self._summary(), Say(text="")]

    # --- what is due --------------------------------------------------------------------------------------

    def _put_down(self, remote: Remote, due_s: float) -> None:
        remote.due_s = due_s
        heapq.heappush(self._agenda, (due_s, remote.number))

    def _plan(self) -> None:
        self._due_s = min(self._agenda[0][0] if self._agenda else math.inf, self._ends_at_s)

    def _round_after(self, remote: Remote, moment: float) -> float:
        """Return the peer's next round: a period after the last one was due, not after it was done."""
        period_s = self._period_s
        first_s = self._started_s + remote.number * self._apart_s
        round_s = first_s + (math.floor((moment - first_s) / period_s) + 1) * period_s
        return round_s if round_s - moment > period_s * _ROUNDING else round_s + period_s

    def _finish(self, now: float) -> list[Effect]:
        effects: list[Effect] = [*self._summary()]
        if self._config.role is not Role.VERSIONS:
            effects += [figures for remote in self._remotes for figures in remote.figures()]
        wait_s = self._config.longest_wait_s
        if wait_s == 0:
            return effects + self._end()
        for remote in self._remotes:
            remote.stage = Stage.STOPPED
        self._agenda.clear()
        self._phase = _Phase.FINISHING
        self._server.finishing = True
        self._due_s = now + wait_s
        if self._config.verbose:
            wait = "until interrupted" if wait_s == math.inf else f"for {wait_s * 1000:.0f} ms"
            effects.append(Say(text=f"Waiting {wait} to inform other nodes about instance exit", error=True))
        return effects

    def _end(self) -> list[Effect]:
        self._phase = _Phase.OVER
        self._due_s = math.inf
        return [Ended(status=0)]

    def _summary(self) -> list[Say]:
        return self._lines.versions() if self._config.role is Role.VERSIONS else self._lines.summary()

    # --- asking -------------------------------------------------------------------------------------------

    def _greet(self, remote: Remote, now: float, effects: list[Effect]) -> None:
        wants = (Option.SERVER_INFO.value,) if self._config.role is Role.VERSIONS else ()
        prefix = Prefix(address=self._group, length=self._group.max_prefixlen)
        init = Message(kind=Kind.INIT, client_id=remote.client_id, requested=wants, prefixes=(prefix,))
        self._tell(remote, WAITING, effects)
        effects.append(Transmit(payload=omping.pack(init), to=remote.to))
        remote.greets_at_s = now + max(_GREETS_EVERY_S, self._period_s)
        self._put_down(remote, remote.greets_at_s)

    def _ask(self, remote: Remote, now: float, effects: list[Effect]) -> None:
        """Send the next query, unless the peer had them all."""
        if self._config.count is not None and remote.sent >= self._config.count:
            self._stop(remote, ALL_SENT, now, effects)
        elif remote.sequence >= omping.MOST_SEQUENCE:
            self._stop(remote, NUMBERS_EXHAUSTED, now, effects)
        else:
            remote.sequence += 1
            remote.sent += 1
            remote.asked_at_s = now
            last_s = max(remote.due_s, now - _LATEST_PERIODS * self._period_s)
            self._put_down(remote, self._round_after(remote, last_s))
            effects.append(Transmit(payload=self._query(remote, now), to=remote.to))
            effects.append(Asked(peer=remote.address, sequence=remote.sequence))

    def _query(self, remote: Remote, now: float) -> bytes:
        assert remote.session is not None, "a peer is asked when it has given a session"
        return omping.query(
            remote.client_id, remote.sequence, self._stamp_us(now), self._group, remote.session
        )

    def _stop(self, remote: Remote, why: str, now: float, effects: list[Effect]) -> None:
        """Ask a peer no more. After the last one the answers have a period to come."""
        remote.stage = Stage.STOPPED
        remote.due_s = math.inf
        self._tell(remote, why, effects)
        self._active -= 1
        if self._active == 0 and self._config.ends_alone:
            self._ends_at_s = min(self._ends_at_s, now + self._period_s)

    def _tell(self, remote: Remote, text: str, effects: list[Effect]) -> None:
        if self._config.quiet < 2:
            effects.append(self._lines.of(remote, text))

    def _new_id(self) -> bytes:
        rest = omping.CLIENT_ID_BYTES - len(self._id_start)
        return self._id_start + self._chance.randbytes(rest)

    def _stamp_us(self, now: float) -> int:
        return round((now - self._started_s) * 1e6)

    # --- what peers say -----------------------------------------------------------------------------------

    def _responded(self, remote: Remote, data: bytes, now: float) -> list[Effect]:
        """Take a peer's session, or that it wants no queries."""
        effects: list[Effect] = []
        if remote.stage is Stage.STOPPED:
            return effects
        try:
            message = omping.parse(data)
        except Malformed:
            return effects
        if message.version != omping.VERSION or message.client_id != remote.client_id:
            return effects
        if self._config.role is Role.VERSIONS:
            if message.server_info is not None:
                remote.info = message.server_info
                self._stop(remote, VERSION_RECEIVED, now, effects)
        elif message.group is None:
            self._turned_away(remote, now, effects)
        elif message.session is not None:
            self._given(remote, message.session, now, effects)
        self._plan()
        return effects

    def _turned_away(self, remote: Remote, now: float, effects: list[Effect]) -> None:
        if remote.stage is Stage.ASKING:
            # the query came and was answered by this, so it is not lost
            remote.stage = Stage.INITIAL
            remote.sent -= 1
            remote.client_id = self._new_id()
            self._put_down(remote, max(now, remote.greets_at_s))
        else:
            self._stop(remote, STOPPED_BY_SERVER, now, effects)

    def _given(self, remote: Remote, session: bytes, now: float, effects: list[Effect]) -> None:
        """Begin to ask in a session; with another one in the middle the last query is asked again."""
        if session == remote.session or len(session) > _LONGEST_SESSION_BYTES:
            return
        remote.session = session
        may_ask = remote.spend(len(query := self._query(remote, now)))
        if remote.stage is Stage.INITIAL:
            remote.stage = Stage.ASKING
            if self._config.quiet < 2:
                effects.append(self._lines.joined(remote, self._config.mode, self._group))
            remote.due_s = now
            if may_ask:
                self._ask(remote, now, effects)
            else:
                self._put_down(remote, self._round_after(remote, now))
        elif may_ask:
            effects.append(Transmit(payload=query, to=remote.to))

    def _answered(
        self, remote: Remote, datagram: Incoming, cast: Cast, now: float
    ) -> list[Effect] | tuple[Effect, ...]:
        """Account an answer, if it is one to a query that was asked."""
        try:
            client_id, sequence, sent_us, ttl = omping.read_answer(datagram.payload)
        except Malformed:
            return ()
        if client_id != remote.client_id or remote.stage is not Stage.ASKING:
            return ()
        if sequence is None or not 0 < sequence <= remote.sequence:
            return ()
        trip_s = None if sent_us is None else abs(self._stamp_us(now) - sent_us) / 1e6
        duplicate = remote.tallies[cast].count(sequence, trip_s)
        distance = (ttl - datagram.hops) & 0xFF if ttl and datagram.hops else None
        size = len(datagram.payload)
        answered = Answered(
            peer=remote.address,
            cast=cast,
            sequence=sequence,
            size=size,
            distance=distance,
            duplicate=duplicate,
        )
        if cast is Cast.UNICAST and sequence == remote.sequence and not self._config.period_s:
            self._put_down(remote, max(now, remote.asked_at_s + _LEAST_BETWEEN_S))
            self._plan()
        if self._config.quiet:
            return (answered,)
        said = self._lines.answer(
            remote,
            cast,
            sequence=sequence,
            size=size,
            distance=distance,
            trip_s=trip_s,
            duplicate=duplicate,
            averages=self._config.averages,
        )
        return (answered, said)
