"""The control plane of an IGMP snooping switch.

Frames that the data plane trapped come in with their port and the time; what to send, what to permit and what
to write into the record comes out as effects, in order. It forwards no data itself: ``TableChange`` and
``ForwardingMode`` tell the data plane what to do. Neither a socket nor a clock in here.

Follows RFC 4541 section 2.1, with the choices that vendors made in ``SnoopingConfig``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

from harness.protocols.effects import Effect, ForwardingMode, Send, Unregistered
from harness.protocols.election import Election
from harness.protocols.intents import Intent, heard, intents
from harness.protocols.querier import Querier
from harness.protocols.snooping_config import FloodUntil, RelayTo, SnoopingConfig
from harness.protocols.tables import Entry, MembershipTable, RouterPortTable, member_change, moment
from harness.wire import membership
from harness.wire.malformed import Malformed, UnknownType
from harness.wire.membership import Address

__all__ = ["FloodUntil", "RelayTo", "SnoopingConfig", "SnoopingSwitch"]


class SnoopingSwitch:
    """One switch, or one VLAN of one. Call ``start`` once, then ``tick`` no later than ``next_deadline``.

    Raises ValueError for a configuration that names a port which the switch does not have, and KeyError for
    a frame or a link change on such a port.
    """

    def __init__(self, config: SnoopingConfig, ports: Sequence[str]) -> None:
        self._ports = tuple(ports)
        self._port_names = frozenset(ports)
        self._up = self._ports
        self._down: set[str] = set()
        self._config = self._checked(config)
        self._members = MembershipTable()
        self._routers = RouterPortTable(self._ports)
        self._election = Election(interval_s=config.other_querier_interval_s, zero_address_wins=False)
        self._querier: Querier | None = None
        self._querier_was_known = False
        self._grace_until_s: float | None = None
        self._mode: tuple[bool, Unregistered] | None = None
        self._damaged = 0

    @property
    def config(self) -> SnoopingConfig:
        """The configuration as it stands."""
        return self._config

    @property
    def damaged(self) -> int:
        """How many damaged IGMP frames were dropped (RFC 4541 section 2.1.1 (5) asks to count them)."""
        return self._damaged

    def members(self) -> tuple[Entry, ...]:
        """The member table: (group, port), sorted."""
        return self._members.entries()

    def router_ports(self) -> tuple[str, ...]:
        """The multicast router ports, in the order of the switch's ports."""
        return self._routers.ports

    def querier_address(self) -> Address | None:
        """The querier that the switch believes in; its own address while it is the querier itself."""
        believed = self._election.believed
        return None if believed is None else believed.address

    def start(self, now: float) -> list[Effect]:
        """Power on: the forwarding mode, the static router ports, then the querier's first query."""
        return self._open(now, "switch started")

    def restart(self, now: float) -> list[Effect]:
        """Power off and on: every table is lost, and the querier begins with startup queries again."""
        return self._flush("switch restarted") + self._open(now, "switch restarted")

    def reconfigure(self, config: SnoopingConfig, now: float) -> list[Effect]:
        """Change the configuration of the running switch.

        Entries keep their deadlines until they are refreshed. Switching snooping off loses every table.
        """
        before, self._config = self._config, self._checked(config)
        if config.snooping and not before.snooping:
            return self._open(now, "snooping switched on")
        if not config.snooping:
            effects = self._flush("snooping switched off") if before.snooping else []
            return effects + self._set_mode(now)
        effects = [*self._routers.configure(config.static_router_ports, "configured")]
        return effects + self._set_querier(now, "querier configured") + self._settle(now)

    def port_down(self, port: str, now: float) -> list[Effect]:
        """A link went away, and what was learnt on it with it.

        The querier behind it is believed in until it has been silent for its interval (measured on Linux
        6.18).
        """
        self._set_up(port, False)
        effects: list[Effect] = [*self._members.drop_port(port, f"port {port} down")]
        effects += self._routers.port_down(port, f"port {port} down")
        return effects + self._settle(now)

    def port_up(self, port: str, now: float) -> list[Effect]:
        """A link came up: the querier asks there at once (RFC 4541 section 2.1.1 (4))."""
        self._set_up(port, True)
        effects: list[Effect] = [*self._routers.port_up(port, f"port {port} up")]
        if self._querier is not None:
            effects += self._querier.query_port(port)
        return effects + self._settle(now)

    def receive(self, port: str, frame: bytes, now: float) -> list[Effect]:
        """An IGMP frame that the data plane trapped; its relaying is part of the answer.

        Damaged frames are counted and dropped; IGMP of unknown type goes to all ports (RFC 4541 section 2.1.1
        (3) and (5)). While snooping is off everything goes to all ports, unread.
        """
        self._known(port)
        if port in self._down:
            return []
        if not self._config.snooping:
            return self._relay(frame, self._up, port)
        try:
            read = self._config.dialect.parse(frame)
        except UnknownType:
            return self._relay(frame, self._up, port)
        except Malformed:
            self._damaged += 1
            return []
        return [] if read is None else self._snoop(port, frame, read, now)

    def tick(self, now: float) -> list[Effect]:
        """Do what has fallen due."""
        effects: list[Effect] = [*self._members.expire(now), *self._routers.expire(now)]
        effects += self._election.expire(now) if self._querier is None else self._querier.tick(now)
        return effects + self._settle(now)

    def next_deadline(self) -> float | None:
        """When ``tick`` must be called next; None while there is nothing to wait for."""
        asking = self._election if self._querier is None else self._querier
        moments = (
            self._members.next_deadline(),
            self._routers.next_deadline(),
            asking.next_deadline(),
            self._grace_until_s,
        )
        return min((at for at in moments if at is not None), default=None)

    def _snoop(self, port: str, frame: bytes, read: membership.ControlFrame, now: float) -> list[Effect]:
        effects: list[Effect] = [heard(port, read)]
        if isinstance(read.message, membership.Query):
            effects += self._learn_from_query(port, read.source, read.message, now)
            return effects + self._relay(frame, self._up, port)
        for intent, group in intents(read.message):
            effects += self._learn(intent, (group, port), read.source, now)
        return effects + self._relay(frame, self._report_ports(), port)

    def _learn_from_query(
        self, port: str, source: Address, query: membership.Query, now: float
    ) -> list[Effect]:
        effects: list[Effect] = []
        if self._config.learn_router_from_zero or not source.is_unspecified:
            until_s = moment(now, self._config.router_port_interval_s)
            effects += self._routers.learn(port, until_s, f"query from {source}")
        if self._querier is None:
            effects += self._election.hear(source, port, now)
        else:
            effects += self._querier.receive_query(source, now, port)
        self._shorten_after(query, now)
        return effects + self._settle(now, query.max_response_s)

    def _shorten_after(self, query: membership.Query, now: float) -> None:
        """The querier follows up a leave: every port of the group must answer it (RFC 2236 section 3).

        Not with the S flag, nor for single sources (RFC 9776 section 6.6.1), nor where this switch is the
        querier and leads the follow-up itself.
        """
        count = self._config.last_member_count
        acting = self._querier is not None and self._querier.acting
        if query.group is None or query.sources or query.suppress or acting or not count:
            return
        for port in self._members.ports_of(query.group):
            self._members.shorten((query.group, port), now + count * query.max_response_s)

    def _learn(self, intent: Intent, entry: Entry, source: Address, now: float) -> list[Effect]:
        match intent:
            case Intent.JOIN:
                if self._querier is not None:
                    self._querier.confirm(*entry)
                if self._members.join(entry, moment(now, self._config.membership_interval_s)):
                    return [member_change(entry, True, f"report from {source}")]
                return []
            case Intent.LEAVE | Intent.DOUBT:
                return self._leave(intent, entry, source, now)
            case _:
                assert_never(intent)

    def _leave(self, intent: Intent, entry: Entry, source: Address, now: float) -> list[Effect]:
        """Fast leave cuts the port off; a querier asks it; else the leave is for the querier to follow up.

        Without any querier nobody asks, and the entry stays until it ages out: only the querier may conclude
        from a leave that a group is over (RFC 2236 section 3, RFC 4541 section 2.1.1 (6)).
        """
        if entry not in self._members:
            return []
        if intent is Intent.LEAVE and self._config.leaves_fast(entry[1]):
            self._members.remove(entry)
            return [member_change(entry, False, f"leave from {source}, fast leave")]
        if self._querier is None:
            return []
        asked = self._querier.query_group(*entry, now)
        if asked:
            self._members.shorten(entry, now + self._querier.config.last_member_time_s)
        return asked

    def _report_ports(self) -> tuple[str, ...]:
        match self._config.relay_reports_to:
            case RelayTo.ROUTER_PORTS:
                return self._routers.ports
            case RelayTo.ALL:
                return self._up
            case _:
                assert_never(self._config.relay_reports_to)

    def _relay(self, frame: bytes, ports: Iterable[str], ingress: str) -> list[Effect]:
        return [Send(port=port, frame=frame) for port in ports if port != ingress]

    def _open(self, now: float, cause: str) -> list[Effect]:
        """Begin with empty tables."""
        self._mode = None
        effects = self._set_mode(now)
        if not self._config.snooping:
            return effects
        effects += self._routers.configure(self._config.static_router_ports, "configured")
        return effects + self._set_querier(now, cause) + self._settle(now)

    def _flush(self, cause: str) -> list[Effect]:
        """Lose every table. The querier goes without a word."""
        self._querier = None
        self._querier_was_known = False
        self._grace_until_s = None
        effects: list[Effect] = [*self._members.clear(cause), *self._routers.clear(cause)]
        return effects + self._election.forget_all(cause)

    def _set_querier(self, now: float, cause: str) -> list[Effect]:
        """Bring the own querier and the election's rules in line with the configuration."""
        wanted = self._config.standing_querier()
        if wanted is None:
            self._election.interval_s = self._config.other_querier_interval_s
            self._election.zero_address_wins = self._config.learn_router_from_zero
        else:
            self._election.interval_s = wanted.other_querier_present_interval_s
            self._election.zero_address_wins = wanted.zero_address_wins
        if self._querier is not None and self._querier.config == wanted:
            return []
        effects: list[Effect] = []
        if self._querier is not None:
            effects += self._querier.stop(now, cause)
            self._querier = None
        if wanted is not None:
            self._querier = Querier(wanted, ports=self._up, election=self._election)
            effects += self._querier.start(now, cause)
        return effects

    def _settle(self, now: float, response_s: float | None = None) -> list[Effect]:
        """Follow a change of querier or router ports with the forwarding mode.

        ``response_s`` is the max response time of the query that was just heard; the own querier's otherwise.
        """
        known = self._election.believed is not None
        waits = self._config.grace and self._config.flood_until is FloodUntil.QUERIER
        if known and not self._querier_was_known and waits:
            if response_s is None:
                response_s = 0.0 if self._querier is None else self._querier.config.max_response_s
            self._grace_until_s = now + response_s
        self._querier_was_known = known
        if not known or (self._grace_until_s is not None and self._grace_until_s <= now):
            self._grace_until_s = None
        return self._set_mode(now)

    def _set_mode(self, now: float) -> list[Effect]:
        snooping, unregistered, cause = self._wanted_mode(now)
        if self._mode == (snooping, unregistered):
            return []
        self._mode = (snooping, unregistered)
        return [ForwardingMode(snooping=snooping, unregistered=unregistered, cause=cause)]

    def _wanted_mode(self, now: float) -> tuple[bool, Unregistered, str]:
        rule = self._config.unregistered
        if not self._config.snooping:
            return False, rule, "snooping is off"
        match self._config.flood_until:
            case FloodUntil.NEVER:
                return True, rule, "configured"
            case FloodUntil.QUERIER:
                known, cause = self._querier_counts(now)
                return known, rule, cause
            case FloodUntil.ROUTER_PORT if self._routers.ports:
                return True, rule, "there is a router port"
            case FloodUntil.ROUTER_PORT:
                return True, Unregistered.FLOOD, "no router port is known: unregistered groups flood"
            case _:
                assert_never(self._config.flood_until)

    def _querier_counts(self, now: float) -> tuple[bool, str]:
        """Whether a querier is known for long enough to rely on the tables, and the reason in words."""
        believed = self._election.believed
        if believed is None:
            return False, "no querier is known: everything floods"
        if self._grace_until_s is not None and now < self._grace_until_s:
            return False, "hosts have the max response time of the first query to answer"
        return True, f"querier {believed.address} is known"

    def _set_up(self, port: str, up: bool) -> None:
        self._known(port)
        (self._down.discard if up else self._down.add)(port)
        self._up = tuple(name for name in self._ports if name not in self._down)
        if self._querier is not None:
            self._querier.set_ports(self._up)

    def _known(self, port: str) -> None:
        if port not in self._port_names:
            raise KeyError(port)

    def _checked(self, config: SnoopingConfig) -> SnoopingConfig:
        named = {*config.static_router_ports, *config.fast_leave_ports}
        if strangers := sorted(named - self._port_names):
            msg = f"the switch has no port {', '.join(strangers)}"
            raise ValueError(msg)
        return config
