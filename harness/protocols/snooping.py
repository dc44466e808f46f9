"""The control plane of an IGMP or MLD snooping switch.

Frames that the data plane trapped come in with their port and the time; what to send, what to permit and what
to write into the record comes out as effects, in order. It forwards no data itself: ``TableChange`` and
``ForwardingMode`` tell the data plane what to do. Neither a socket nor a clock in here.

Follows RFC 4541 sections 2.1 and 3, with the choices that vendors made in ``SnoopingConfig``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

from harness.protocols.deadlines import moment
from harness.protocols.dialect import Dialect
from harness.protocols.effects import Effect, Send, SourceFilter
from harness.protocols.election import Election
from harness.protocols.forwarding import Forwarding
from harness.protocols.intents import heard, said
from harness.protocols.learning import Learning
from harness.protocols.membership import Entry, KnownEntry
from harness.protocols.querier import Querier
from harness.protocols.router_ports import RouterPortTable
from harness.protocols.snooping_config import (
    HeaderCheck,
    RelayTo,
    SnoopingConfig,
    TopologyChange,
)
from harness.protocols.suppression import ReportSuppression
from harness.wire import membership, pim
from harness.wire.malformed import Malformed, UnknownType
from harness.wire.membership import Address, RecordType

_OVERFLOWED = "more groups than the table holds: snooping is off"
_INTERNETWORK_CONTROL = 0xC0
_PLAIN_REPORTS_REMEMBERED = 1 << 17


@dataclass(slots=True, eq=False)
class Plain:
    """What frames that came in at ``port`` mean: they join ``entry``, and no more; None if they mean more.

    So it is under one configuration. ``onward`` are those of ``ports``, where such reports went last, that
    they go on to. Frames that mean the same share one.
    """

    config: SnoopingConfig
    port: str
    entry: KnownEntry | None = None
    to: RelayTo = RelayTo.ROUTER_PORTS
    ports: Sequence[str] = ()
    onward: Sequence[str] = ()


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
        self._on = config.snooping
        self._learning = Learning(config)
        self._routers = RouterPortTable(self._ports)
        self._election = Election(interval_s=config.other_querier_interval_s, zero_address_wins=False)
        self._querier: Querier | None = None
        self._queries_counted = 0
        self._forwarding = Forwarding()
        self._suppression = ReportSuppression()
        self._damaged = 0
        self._rejected = 0
        self._plain_reports: dict[bytes, Plain] = {}
        """What frames mean at the port where they came in last, under the configuration of then."""
        self._meanings: dict[tuple[str, Address | None, RelayTo], Plain] = {}

    @property
    def config(self) -> SnoopingConfig:
        """The configuration as it stands."""
        return self._config

    @property
    def damaged(self) -> int:
        """How many damaged frames were dropped (RFC 4541 section 2.1.1 (5) asks to count them)."""
        return self._damaged

    @property
    def rejected(self) -> int:
        """How many intact frames failed a header check, or were queries of MLD from no link-local address."""
        return self._rejected

    @property
    def refused(self) -> int:
        """How many reports found no room for their group."""
        return self._learning.refused

    def members(self) -> tuple[Entry, ...]:
        """The member table: (group, port), sorted."""
        return self._learning.table.entries()

    def filter_of(self, group: Address, port: str) -> SourceFilter | None:
        """Which sources of a group a port receives; None for no member."""
        return self._learning.table.filter_of((group, port))

    def filters(self) -> tuple[tuple[Entry, SourceFilter], ...]:
        """The member table with the sources of every entry, sorted as ``members``."""
        table = self._learning.table
        return tuple(
            (entry, found) for entry in table.entries() if (found := table.filter_of(entry)) is not None
        )

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
        self._on = self._config.snooping
        return self._flush("switch restarted") + self._open(now, "switch restarted")

    def reconfigure(self, config: SnoopingConfig, now: float) -> list[Effect]:
        """Change the configuration of the running switch.

        Entries keep their deadlines until they are refreshed. Switching snooping off loses every table. A
        switch whose table overflowed begins afresh.
        """
        was_on = self._on
        self._config = self._checked(config)
        self._on = config.snooping
        effects: list[Effect] = [*self._learning.configure(config, "sources are kept no longer")]
        if config.snooping and not was_on:
            return self._open(now, "snooping switched on")
        if not config.snooping:
            effects += self._flush("snooping switched off") if was_on else []
            return effects + self._settle(now)
        effects += self._routers.configure(config.static_router_ports, "configured")
        if not config.learn_router_from_pim:
            effects += self._routers.forget_neighbours("configured")
        if not config.report_suppression:
            self._suppression.clear()
        return effects + self._set_querier(now, "querier configured") + self._settle(now)

    def port_down(self, port: str, now: float) -> list[Effect]:
        """A link went away, and what was learnt on it with it.

        The querier behind it is believed in until it has been silent for its interval (measured on Linux
        6.18).
        """
        self._set_up(port, False)
        if self._config.keep_on_link_down:
            return self._settle(now)
        effects: list[Effect] = [*self._learning.drop_port(port, f"port {port} down")]
        effects += self._routers.port_down(port, f"port {port} down")
        return effects + self._settle(now)

    def port_up(self, port: str, now: float) -> list[Effect]:
        """A link came up: the querier asks there at once (RFC 4541 section 2.1.1 (4))."""
        self._set_up(port, True)
        effects: list[Effect] = [*self._routers.port_up(port, f"port {port} up")]
        if self._querier is not None:
            effects += self._querier.query_port(port)
        return effects + self._settle(now)

    def topology_change(self, now: float) -> list[Effect]:
        """The spanning tree changed somewhere in this network (RFC 4541 section 2.1.1 (4)).

        Queries come from the unspecified address, so that no election is triggered. A global leave goes to
        the router ports, and makes the own querier ask too where that is the querier (Catalyst, ``ip igmp
        snooping tcn``).
        """
        if not self._on:
            return []
        match self._config.on_topology_change:
            case TopologyChange.NOTHING:
                return []
            case TopologyChange.QUERY:
                return self._query_without_address()
            case TopologyChange.FLOOD:
                self._forwarding.flood_for(self._config.topology_change_queries)
                return self._settle(now)
            case TopologyChange.SOLICIT:
                self._forwarding.flood_for(self._config.topology_change_queries)
                return self._settle(now) + self._solicit(now)
            case _:
                assert_never(self._config.on_topology_change)

    def receive(self, port: str, frame: bytes, now: float) -> list[Effect]:
        """A frame that the data plane trapped; its relaying is part of the answer.

        Damaged frames are counted and dropped; messages of unknown type go to all ports (RFC 4541 section
        2.1.1 (3) and (5)). While snooping is off everything goes to all ports, unread. Frames that are not
        of this switch's protocol are never relayed here: PIM hellos are learnt from, the data plane forwards
        them itself.
        """
        self._known(port)
        if port in self._down:
            return []
        try:
            read = self._config.dialect.parse(frame)
        except Malformed as damage:
            if not self._on or isinstance(damage, UnknownType):
                return self._relay(frame, self._up, port)
            self._damaged += 1
            return []
        if read is None:
            return self._hear_pim(port, frame, now)
        return self._snoop(port, frame, read, now) if self._on else self._relay(frame, self._up, port)

    def refresh(self, port: str, frame: bytes, now: float) -> Sequence[str] | None:
        """Take a report that only says again what is known; return the ports where it goes on.

        For nearly everything that a switch hears this does what ``receive`` does, without a word for the
        record and at a fraction of its price. None: nothing was done, ``receive`` must have the frame.
        """
        return self.refresh_again(self.plain(port, frame), now)

    def refresh_again(self, plain: Plain, now: float) -> Sequence[str] | None:
        """As ``refresh``, of a report whose meaning is at hand."""
        entry = plain.entry
        if (
            entry is None
            or plain.config is not self._config
            or not self._on
            or plain.port in self._down
            or not self._learning.refresh(entry, now)
        ):
            return None
        ports = self._where(plain.to)
        if ports is not plain.ports:
            plain.ports = ports
            plain.onward = tuple(name for name in ports if name != plain.port)
        return plain.onward

    def plain(self, port: str, frame: bytes) -> Plain:
        """What a frame that came in at a port means."""
        plain = self._plain_reports.get(frame)
        if plain is not None and plain.port == port and plain.config is self._config:
            return plain
        if len(self._plain_reports) >= _PLAIN_REPORTS_REMEMBERED:
            self._plain_reports.clear()
            self._meanings.clear()
        plain = self._plain_reports[frame] = self._read_plain(port, frame)
        return plain

    def _read_plain(self, port: str, frame: bytes) -> Plain:
        """The entry that a report joins if that is all it can mean under this configuration."""
        config = self._config
        try:
            read = config.dialect.parse(frame)
        except Malformed:
            return self._meaning(port)
        if read is None or config.report_suppression or not self._passes(read):
            return self._meaning(port)
        match read.message:
            case membership.Report(version=version) as report:
                plain = self._learning.is_plain(report.group, version)
                group, to = report.group, config.relay_reports_to
            case membership.RecordReport(records=(record,)):
                joins = record.type in (RecordType.IS_EX, RecordType.TO_EX) and not record.sources
                plain = joins and self._learning.is_plain(record.group, None)
                group, to = record.group, config.relay_records_to
            case _:
                return self._meaning(port)
        return self._meaning(port, group, to) if plain else self._meaning(port)

    def _meaning(self, port: str, group: Address | None = None, to: RelayTo = RelayTo.ROUTER_PORTS) -> Plain:
        key = (port, group, to)
        found = self._meanings.get(key)
        if found is None or found.config is not self._config:
            entry = None if group is None else KnownEntry((group, port))
            found = self._meanings[key] = Plain(self._config, port, entry, to)
        return found

    def tick(self, now: float) -> list[Effect]:
        """Do what has fallen due."""
        effects: list[Effect] = [*self._learning.expire(now), *self._routers.expire(now)]
        effects += self._election.expire(now) if self._querier is None else self._querier.tick(now)
        return effects + self._settle(now)

    def next_deadline(self) -> float | None:
        """When ``tick`` must be called next; None while there is nothing to wait for."""
        asking = self._election if self._querier is None else self._querier
        moments = (
            self._learning.table.next_deadline(),
            self._routers.next_deadline(),
            asking.next_deadline(),
            self._forwarding.next_deadline(),
        )
        return min((at for at in moments if at is not None), default=None)

    def _snoop(self, port: str, frame: bytes, read: membership.ControlFrame, now: float) -> list[Effect]:
        if not self._passes(read):
            self._rejected += 1
            return []
        effects: list[Effect] = [heard(port, read)]
        message = read.message
        match message:
            case membership.Query():
                effects += self._learn_from_query(port, read.source, message, now)
                return effects + self._relay(frame, self._up, port)
            case membership.Report():
                relays = self._relays_report(message)
                effects += self._learning.report(port, message, read.source, now)
                to = self._config.relay_reports_to
            case membership.Leave():
                effects += self._learning.leave(port, message, read.source, now)
                effects += self._heed_global_leave(message, now)
                relays = self._relays_leave(message, port)
                to = self._config.relay_records_to
            case membership.RecordReport():
                relays = self._relays_records(message)
                effects += self._learning.records(port, message, read.source, now)
                to = self._config.relay_records_to
            case _:
                assert_never(message)
        if self._learning.overflowed:
            return effects + self._overflow() + self._relay(frame, self._up, port)
        return effects + self._relay(frame, self._where(to), port) if relays else effects

    def _learn_from_query(
        self, port: str, source: Address, query: membership.Query, now: float
    ) -> list[Effect]:
        """Queries make router ports, but not those from 0.0.0.0 or :: (RFC 4541 sections 2.1.1 (2) and 3)."""
        effects: list[Effect] = []
        of_querier = query.group is None and self._election.accepts(source)
        if of_querier or not self._config.elected_querier_only:
            if self._config.learn_router_from_zero or not source.is_unspecified:
                until_s = moment(now, self._config.router_port_interval_s)
                effects += self._routers.learn(port, until_s, f"query from {source}")
            if self._querier is None:
                effects += self._election.hear(source, port, now)
            else:
                effects += self._querier.receive_query(source, now, port)
        self._learning.heed_query(query, now)
        self._ask_for_relays(query.group)
        if query.group is None:
            self._forwarding.queries_passed()
        old_form = query.version == 1 and self._config.dialect is Dialect.IGMP
        return effects + self._settle(now, self._config.v1_response_s if old_form else query.max_response_s)

    def _hear_pim(self, port: str, frame: bytes, now: float) -> list[Effect]:
        """A hello makes a router port for its hold time, where 0 is goodbye (RFC 7761 section 4.3.1).

        The Linux bridge does not look at the hold time. Hellos of the other family belong to the machine that
        speaks it.
        """
        if not self._on or not self._config.learn_router_from_pim:
            return []
        try:
            hello = pim.parse_hello(frame)
        except Malformed:
            self._damaged += 1
            return []
        if hello is None or not self._config.dialect.speaks(hello.source):
            return []
        cause = f"PIM hello from {hello.source}"
        effects: list[Effect] = []
        if self._config.ignores_hold_time:
            until_s = moment(now, self._config.router_port_interval_s)
            effects += self._routers.learn(port, until_s, cause)
        elif hello.hold_time_s:
            until_s = now + hello.hold_time_s
            effects += self._routers.learn_neighbour(port, hello.source, until_s, cause)
        else:
            effects += self._routers.forget_neighbour(port, hello.source, f"{cause}: goodbye")
        return effects + self._settle(now)

    def _passes(self, read: membership.ControlFrame) -> bool:
        """The header checks of the configuration (RFC 9776 section 4), and one that MLD always makes.

        A query of MLD comes from a link-local address (RFC 9777 section 5.1.14), or from :: where a switch
        asks without an address (RFC 4541 section 3). Reports are taken from anywhere.
        """
        message, source = read.message, read.source
        valid = self._config.dialect.can_query_from(source) or source.is_unspecified
        if not valid and isinstance(message, membership.Query):
            return False
        for check in self._config.checks:
            match check:
                case HeaderCheck.ROUTER_ALERT:
                    passes = read.router_alert
                case HeaderCheck.HOPS:
                    passes = read.hops == 1
                case HeaderCheck.TRAFFIC_CLASS:
                    applies = isinstance(message, membership.RecordReport) and read.source.version == 4
                    passes = not applies or read.traffic_class == _INTERNETWORK_CONTROL
                case HeaderCheck.DESTINATION:
                    passes = not isinstance(message, membership.Report) or read.destination == message.group
                case _:
                    assert_never(check)
            if not passes:
                return False
        return True

    # --- relaying -----------------------------------------------------------------------------------------

    def _relays_report(self, message: membership.Report) -> bool:
        if not self._config.report_suppression:
            return True
        if not self._learning.table.ports_of(message.group):
            self._suppression.forget(message.group)
        return self._suppression.relays_report(message.group)

    def _relays_leave(self, message: membership.Leave, port: str) -> bool:
        if not self._config.report_suppression:
            return True
        others = any(member != port for member in self._learning.table.ports_of(message.group))
        return self._suppression.relays_leave(message.group, others=others)

    def _relays_records(self, message: membership.RecordReport) -> bool:
        """Always; what names its group is remembered where reports are held back."""
        if self._config.report_suppression:
            for record in message.records:
                if not self._learning.table.ports_of(record.group):
                    self._suppression.forget(record.group)
                self._suppression.records_heard(record.group)
        return True

    def _ask_for_relays(self, group: Address | None) -> None:
        """The querier expects an answer: what was held back since the last query may pass once more."""
        if self._config.report_suppression:
            self._suppression.asked(group)
            if group is None:
                self._suppression.keep_records_of(
                    group for group in self._suppression.with_records if self._learning.table.ports_of(group)
                )

    def _where(self, to: RelayTo) -> tuple[str, ...]:
        if self._config.floods_reports and self._forwarding.floods_everything:
            return self._up
        return self._routers.ports if to is RelayTo.ROUTER_PORTS else self._up

    def _relay(self, frame: bytes, ports: Iterable[str], ingress: str) -> list[Effect]:
        return [Send(port=port, frame=frame) for port in ports if port != ingress]

    # --- what the switch says itself ----------------------------------------------------------------------

    def _heed_global_leave(self, message: membership.Leave, now: float) -> list[Effect]:
        """A leave for the group 0.0.0.0 asks the querier to ask at once (Catalyst's global leave)."""
        if self._querier is None or not message.group.is_unspecified:
            return []
        return self._querier.ask_at_once(now) + self._settle(now)

    def _query_without_address(self) -> list[Effect]:
        dialect = self._config.dialect
        version = dialect.leaves_version if self._querier is None else self._querier.config.version
        query = membership.Query(version=version, max_response_s=self._config.topology_change_response_s)
        return self._say(query, dialect.unspecified, self._up)

    def _solicit(self, now: float) -> list[Effect]:
        dialect, own = self._config.dialect, self._config.querier
        source = dialect.unspecified if own is None else own.address
        leave = membership.Leave(group=dialect.unspecified)
        effects = self._say(leave, source, self._routers.ports)
        return effects + self._heed_global_leave(leave, now)

    def _say(
        self, message: membership.Query | membership.Leave, source: Address, ports: Sequence[str]
    ) -> list[Effect]:
        """Nothing is said, and nothing recorded, where there is no port to say it on."""
        if not ports:
            return []
        mac = self._config.mac if self._config.querier is None else self._config.querier.mac
        frame = self._config.dialect.frame(message, source_mac=mac, source=source)
        return [said(message, source), *(Send(port=port, frame=frame) for port in ports)]

    # --- the state as a whole -----------------------------------------------------------------------------

    def _open(self, now: float, cause: str) -> list[Effect]:
        """Begin with empty tables."""
        self._forwarding.forget()
        effects = self._settle(now)
        if not self._on:
            return effects
        effects += self._routers.configure(self._config.static_router_ports, "configured")
        return effects + self._set_querier(now, cause) + self._settle(now)

    def _flush(self, cause: str) -> list[Effect]:
        """Lose every table. The querier goes without a word."""
        self._use_querier(None)
        self._suppression.clear()
        effects: list[Effect] = [*self._learning.clear(cause), *self._routers.clear(cause)]
        return effects + self._election.forget_all(cause)

    def _overflow(self) -> list[Effect]:
        """Stop snooping until a restart or a new configuration, as the Linux bridge does."""
        self._on = False
        return [*self._flush(_OVERFLOWED), *self._forwarding.off(self._config, _OVERFLOWED)]

    def _set_querier(self, now: float, cause: str) -> list[Effect]:
        """Bring the own querier and the election's rules in line with the configuration."""
        wanted = self._config.standing_querier()
        self._election.remembers_losers = not self._config.elected_querier_only
        if wanted is None:
            self._election.interval_s = self._config.other_querier_interval_s
            self._election.zero_address_wins = self._config.zero_is_querier
        else:
            self._election.interval_s = wanted.other_querier_present_interval_s
            self._election.zero_address_wins = wanted.zero_address_wins
        if self._querier is not None and self._querier.config == wanted:
            return []
        effects: list[Effect] = []
        if self._querier is not None:
            effects += self._querier.stop(now, cause)
            self._use_querier(None)
        if wanted is not None:
            querier = Querier(wanted, ports=self._up, election=self._election)
            self._use_querier(querier)
            effects += querier.start(now, cause)
        return effects

    def _use_querier(self, querier: Querier | None) -> None:
        self._querier = querier
        self._learning.querier = querier
        self._queries_counted = 0

    def _settle(self, now: float, response_s: float | None = None) -> list[Effect]:
        """Follow a change of anything with the forwarding mode.

        ``response_s`` is the max response time of the query that was just heard; the own querier's otherwise.
        """
        if not self._on:
            cause = _OVERFLOWED if self._config.snooping else "snooping is off"
            return [*self._forwarding.off(self._config, cause)]
        own = self._querier
        if own is not None and own.general_queries > self._queries_counted:
            self._forwarding.queries_passed(own.general_queries - self._queries_counted)
            self._queries_counted = own.general_queries
            self._ask_for_relays(None)
        if response_s is None:
            response_s = 0.0 if own is None else own.config.max_response_s
        believed = self._election.believed
        self._learning.nobody_asks = believed is None
        self._learning.router_ports = self._routers.ports
        address = None if believed is None else believed.address
        return [*self._forwarding.settle(self._config, address, bool(self._routers.ports), now, response_s)]

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
