"""The side of an omping that is asked: sessions, answers, and stop messages to whoever has no business here.

Not an amplifier (decision 14): a listed peer gets by unicast no more bytes than it sent and a small constant,
an address that is not listed only the stop of 34 bytes, for a message that was at least as long, and all such
addresses together a few each second. Nothing else is ever remembered of them.
"""

from __future__ import annotations

import random

from harness.protocols.probes.omping_config import OmpingConfig
from harness.protocols.probes.omping_remote import Remote
from harness.protocols.probes.program import Effect, Endpoint, Incoming, Transmit
from harness.wire import omping
from harness.wire.malformed import Malformed
from harness.wire.membership import Address
from harness.wire.omping import Kind, Message, Option, Prefix, Stamp

SERVER_INFO = b"omping 0.0.5"
"""What peers are told that ask for the version: that of the protocol's original, which this one speaks as."""
INIT_EVERY_S = 1.0
"""A second init of a peer within this time is passed over."""
_BURST = 5
_LEAST_BURST_S = 0.25
"""omping goes by the kernel's times of arrival. Here a moment is that of reading, and what piled up while the
process did not run must not look like a burst."""
STRANGERS_EVERY_S = 0.1
_STRANGERS_BURST = 10
LARGEST_QUERY_BYTES = 1472
"""What fits a frame of Ethernet; an answer goes to everybody."""


class Server:
    """Answers inits and queries. ``finishing``: everybody is told to stop."""

    def __init__(self, config: OmpingConfig, chance: random.Random) -> None:
        self.finishing = False
        self._hops = config.hops
        self._group: Address = config.answers_to
        self._to_all = Endpoint(address=self._group, port=config.port)
        self._chance = chance
        self._pid = (config.pid & 0xFFFFFFFF).to_bytes(4, "little")
        self._period_s = config.answer_period_s
        self._burst_s = max(_BURST * self._period_s, _LEAST_BURST_S)
        self._strangers_arrive_s = -float("inf")

    # --- listed peers -------------------------------------------------------------------------------------

    def take(self, remote: Remote, datagram: Incoming, now: float, stamp_us: int) -> tuple[Effect, ...]:
        """Take a message of a peer that is an init or a query; whatever else it is earns nothing."""
        data = datagram.payload
        if data[0] == Kind.QUERY:
            try:
                asked = omping.read_query(data)
            except Malformed:
                return self._stop(remote, datagram)
            if self._is_answered(remote, asked):
                return self._answer(remote, datagram, asked, now, stamp_us)
            return self._stop(remote, datagram)
        return self._init(remote, datagram, now)

    def _is_answered(self, remote: Remote, asked: omping.Asked) -> bool:
        return (
            not self.finishing
            and remote.own_session is not None
            and asked.session == remote.own_session
            and asked.sequence is not None
            and asked.has_group
        )

    def _answer(
        self, remote: Remote, datagram: Incoming, asked: omping.Asked, now: float, stamp_us: int
    ) -> tuple[Effect, ...]:
        data, sender = datagram.payload, datagram.sender
        if len(data) > LARGEST_QUERY_BYTES or not self._conforms(remote, now):
            return ()
        stamp = _stamp(stamp_us) if asked.wants_time else None
        answer = omping.answer(data, self._hops, plain=asked.plain, server_time=stamp)
        to_all = self._to_all
        if sender.port != to_all.port:
            to_all = Endpoint(address=self._group, port=sender.port)
        if not remote.spend(len(answer)):
            return (Transmit(payload=answer, to=to_all),)
        return (Transmit(payload=answer, to=sender), Transmit(payload=answer, to=to_all))

    def _conforms(self, remote: Remote, now: float) -> bool:
        """Apply the generic cell rate algorithm: a period between queries, and bursts that make up for it."""
        if self._period_s <= 0:
            return True
        if now < remote.arrives_s - self._burst_s:
            return False
        remote.arrives_s = max(now, remote.arrives_s) + self._period_s
        return True

    def _init(self, remote: Remote, datagram: Incoming, now: float) -> tuple[Effect, ...]:
        try:
            message = omping.parse(datagram.payload)
        except Malformed:
            return ()
        if self.finishing or message.version != omping.VERSION:
            return self._stop(remote, datagram)
        info = SERVER_INFO if Option.SERVER_INFO in message.requested else None
        if not any(prefix.covers(self._group) for prefix in message.prefixes):
            offered = Prefix(address=self._group, length=self._group.max_prefixlen)
            return self._respond(remote, datagram, message, info=info, prefixes=(offered,))
        if now - remote.last_init_s < INIT_EVERY_S:
            return ()
        session = self._pid + self._chance.randbytes(omping.SESSION_BYTES - len(self._pid))
        effects = self._respond(remote, datagram, message, info=info, group=self._group, session=session)
        if effects:
            remote.last_init_s, remote.own_session = now, session
        return effects

    def _stop(self, remote: Remote, datagram: Incoming) -> tuple[Effect, ...]:
        try:
            message = omping.parse(datagram.payload)
        except Malformed:
            return ()
        info = SERVER_INFO if Option.SERVER_INFO in message.requested else None
        return self._respond(remote, datagram, message, info=info)

    @staticmethod
    def _respond(
        remote: Remote,
        datagram: Incoming,
        message: Message,
        *,
        info: bytes | None,
        group: Address | None = None,
        session: bytes | None = None,
        prefixes: tuple[Prefix, ...] = (),
    ) -> tuple[Effect, ...]:
        """Respond to an init or a query; without group and prefix that is to say: stop."""
        response = omping.pack(
            Message(
                kind=Kind.RESPONSE,
                client_id=message.client_id,
                sequence=message.sequence,
                group=group,
                server_info=info,
                prefixes=prefixes,
                session=session,
            )
        )
        if not remote.spend(len(response)):
            return ()
        return (Transmit(payload=response, to=datagram.sender),)

    # --- everybody else -----------------------------------------------------------------------------------

    def take_from_stranger(self, datagram: Incoming, now: float) -> tuple[Effect, ...]:
        """Tell an address that is not listed to stop, if it asked, and if not too many did."""
        if now < self._strangers_arrive_s - _STRANGERS_BURST * STRANGERS_EVERY_S:
            return ()
        try:
            message = omping.parse(datagram.payload)
        except Malformed:
            return ()
        client_id = message.client_id
        if message.kind not in (Kind.INIT, Kind.QUERY) or client_id is None:
            return ()
        stop = omping.pack(Message(kind=Kind.RESPONSE, client_id=client_id))
        if len(client_id) > omping.CLIENT_ID_BYTES or len(stop) > len(datagram.payload):
            return ()
        self._strangers_arrive_s = max(now, self._strangers_arrive_s) + STRANGERS_EVERY_S
        return (Transmit(payload=stop, to=datagram.sender),)


def _stamp(stamp_us: int) -> Stamp:
    seconds, microseconds = divmod(stamp_us, 10**6)
    return Stamp(seconds=seconds & omping.MOST_SEQUENCE, microseconds=microseconds)
