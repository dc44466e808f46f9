"""How a snooping switch behaves: data, not a subclass for each vendor.

All times are seconds of the protocol; ``scaled`` divides them for a lab that runs faster than the clock on
the wall. Vendors differ in three choices above all: whether entries age without queries, what becomes of
unregistered groups, and where reports are relayed to (RFC 4541 sections 2.1.1 and 2.1.2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from harness.protocols.dialect import Dialect
from harness.protocols.effects import Unregistered
from harness.protocols.querier_config import QuerierConfig


class FloodUntil(Enum):
    """Until when the switch floods, whatever its rule for unregistered groups says.

    NEVER: the rule applies always. QUERIER: everything, registered groups too, floods until a querier is
    known (the Linux bridge since 3.12, RouterOS). ROUTER_PORT: unregistered groups flood until there is a
    router port (Dell N-series, Catalyst).
    """

    NEVER = "never"
    QUERIER = "querier"
    ROUTER_PORT = "router-port"


class RelayTo(Enum):
    """Where reports and leaves are relayed to. RFC 4541 section 2.1.1 (1) asks for router ports."""

    ROUTER_PORTS = "router-ports"
    ALL = "all"


class Lookup(Enum):
    """What a switch's forwarding table is asked by (RFC 4541 section 2.1.2 (5) asks for the IP address).

    MAC: 32 groups of IPv4 share an address, so each reaches the members of all of them, and groups that share
    one with 224.0.0.0/24 (with ff02::/16 hardly any) are always flooded.
    """

    IP = "ip"
    MAC = "mac"


class HeaderCheck(Enum):
    """What a switch demands of an IGMP or MLD packet before it reads it (RFC 9776 section 4)."""

    ROUTER_ALERT = "router-alert"
    HOPS = "hops"
    """TTL or hop limit 1."""
    TRAFFIC_CLASS = "traffic-class"
    """0xC0, in reports of IGMP version 3 only."""
    DESTINATION = "destination"
    """A report without records goes to the group that it reports (RFC 2236 section 9, RFC 2710 section 8)."""


class GroupLimit(Enum):
    """What becomes of a report above the limit of groups.

    REFUSE: the group is not entered, so it is treated as unregistered. SNOOPING_OFF: the whole switch floods
    from then on, as the Linux bridge does (measured on Linux 6.18).
    """

    REFUSE = "refuse"
    SNOOPING_OFF = "snooping-off"


class TopologyChange(Enum):
    """What a switch does when the spanning tree has changed (RFC 4541 section 2.1.1 (4)).

    NOTHING. FLOOD: all multicast to all ports until ``topology_change_queries`` general queries have been
    heard. QUERY: a general query from the unspecified address out of all ports. SOLICIT: as FLOOD, and a
    leave for the group 0.0.0.0 to the router ports, which makes the querier ask at once (Catalyst).
    """

    NOTHING = "nothing"
    FLOOD = "flood"
    QUERY = "query"
    SOLICIT = "solicit"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnoopingConfig:
    """One switch's configuration; the defaults are those of the RFCs.

    ``membership_interval_s``, ``router_port_interval_s`` and ``other_querier_interval_s``: how long an entry
    lives after the last message that supports it; 0 is for ever. The last rules while the switch has no
    querier of its own; a querier brings its own.
    ``grace``: with FloodUntil.QUERIER, flooding goes on for the max response time after the first query, so
    that hosts have answered before anything is withheld.
    ``last_member_interval_s`` and ``last_member_count`` govern leaves on this switch, in place of the
    querier's; a count of 0 means that neither a leave nor a group query shortens an entry's life.
    ``learn_router_from_zero``: a query from 0.0.0.0 makes a router port, which RFC 4541 section 2.1.1 (2)
    advises against. ``zero_is_querier``: without a querier of its own the switch takes 0.0.0.0 for one.
    ``querier_needs_address``: a querier without an address stays silent instead of asking from 0.0.0.0.
    ``querier_yields_to_router_port``: a static router port keeps the own querier silent (Dell Force10).
    ``relay_records_to``: as ``relay_reports_to`` for what goes to a group of routers: reports with records
    (224.0.0.22, ff02::16) and leaves; the Linux bridge floods those and relays the others to router ports.
    ``source_filtering``: sources are kept per port and decide what is forwarded; else a host that wants a
    group from some sources gets it from all.
    ``report_suppression``: of the reports of version 1 and 2 for a group only the first after each general
    query is relayed, and of the leaves only the last member's; nothing is held back once records were heard
    for the group (Catalyst).
    ``checks``: packets that fail one are dropped and counted, damaged ones always are.
    ``most_groups`` and ``most_groups_per_port``: 0 is no limit. ``above_most_groups`` is about the switch's
    limit; above that of a port a report is always refused, as on the Linux bridge.
    ``learn_router_from_pim``: a PIM hello makes a router port for its hold time (RFC 7761 section 4.9.2).
    ``any_source_in_ssm``: False ignores joins without sources in 232.0.0.0/8 and ff3x::/32 (RFC 4604 section
    3).
    ``v1_response_s``: what a query of IGMPv1 leaves hosts to answer.
    ``topology_change_response_s``: the max response time of the query that TopologyChange.QUERY sends.
    ``mac``: the source of what the switch sends without a querier's configuration.
    What no RFC says and measurement found (Linux 6.18, Open vSwitch 3.1):
    ``elected_querier_only``: nothing but general queries of the elected querier makes router ports, and the
    losers of the election are not remembered; an unspecified address loses against the next that asks.
    ``ignores_hold_time``: a PIM hello makes a router port for as long as a query does, one of goodbye too.
    ``every_record_joins``: without source filtering, a record joins whatever it says, but for IS_IN and
    TO_IN without sources, which leave.
    ``ignore_older_hosts``: leaves count also where a host of version 1 was heard.
    ``leave_without_querier``: while no querier is known, and so nobody asks, a leave all the same brings
    the end of an entry near by the last member query time.
    ``floods_reports``: while everything floods because no querier is known, reports do too; hosts of version
    1 and 2 that hear them keep their own back.
    ``no_members_on_router_ports``: a join on a router port enters nothing, since everything goes there
    already; so a group whose only members are there counts as unregistered.
    ``keep_on_link_down``: what was learnt on a port stays when its link goes.
    Raises ValueError for negative values and for a querier of another protocol.
    """

    dialect: Dialect = Dialect.IGMP
    snooping: bool = True
    unregistered: Unregistered = Unregistered.ROUTER_PORTS
    flood_until: FloodUntil = FloodUntil.NEVER
    grace: bool = True
    membership_interval_s: float = 260.0
    router_port_interval_s: float = 255.0
    other_querier_interval_s: float = 255.0
    last_member_interval_s: float = 1.0
    last_member_count: int = 2
    fast_leave: bool = False
    fast_leave_ports: frozenset[str] = frozenset()
    static_router_ports: tuple[str, ...] = ()
    learn_router_from_zero: bool = False
    zero_is_querier: bool = False
    relay_reports_to: RelayTo = RelayTo.ROUTER_PORTS
    querier: QuerierConfig | None = None
    querier_needs_address: bool = False
    querier_yields_to_router_port: bool = False
    relay_records_to: RelayTo = RelayTo.ROUTER_PORTS
    source_filtering: bool = False
    report_suppression: bool = False
    lookup: Lookup = Lookup.IP
    checks: tuple[HeaderCheck, ...] = ()
    most_groups: int = 0
    most_groups_per_port: int = 0
    above_most_groups: GroupLimit = GroupLimit.REFUSE
    learn_router_from_pim: bool = False
    any_source_in_ssm: bool = True
    on_topology_change: TopologyChange = TopologyChange.NOTHING
    topology_change_queries: int = 2
    topology_change_response_s: float = 10.0
    v1_response_s: float = 10.0
    mac: bytes = b"\x02\0\0\0\0\0"
    elected_querier_only: bool = False
    ignores_hold_time: bool = False
    every_record_joins: bool = False
    ignore_older_hosts: bool = False
    leave_without_querier: bool = False
    floods_reports: bool = False
    no_members_on_router_ports: bool = False
    keep_on_link_down: bool = False

    def __post_init__(self) -> None:
        intervals = (
            self.membership_interval_s,
            self.router_port_interval_s,
            self.other_querier_interval_s,
            self.last_member_interval_s,
            self.topology_change_response_s,
        )
        counts = (
            self.last_member_count,
            self.most_groups,
            self.most_groups_per_port,
            self.topology_change_queries,
        )
        if min(intervals) < 0 or min(counts) < 0:
            raise ValueError("an interval or a count of a switch is negative")
        if self.querier is not None and self.querier.dialect is not self.dialect:
            raise ValueError("a switch's querier speaks another protocol than its snooping")

    def scaled(self, speed: float) -> SnoopingConfig:
        """The same switch ``speed`` times faster: every time divided, every count kept."""
        return replace(
            self,
            membership_interval_s=self.membership_interval_s / speed,
            router_port_interval_s=self.router_port_interval_s / speed,
            other_querier_interval_s=self.other_querier_interval_s / speed,
            last_member_interval_s=self.last_member_interval_s / speed,
            topology_change_response_s=self.topology_change_response_s / speed,
            v1_response_s=self.v1_response_s / speed,
            querier=None if self.querier is None else self.querier.scaled(speed),
        )

    def leaves_fast(self, port: str) -> bool:
        """Whether a leave on this port ends the membership at once."""
        return self.fast_leave or port in self.fast_leave_ports

    def standing_querier(self) -> QuerierConfig | None:
        """The querier that this switch really runs, with the switch's own rules for leaves; else None.

        Switching snooping off switches the querier off too, as on the Linux bridge and on Catalyst. A static
        router port keeps it silent where configured, link or no link (Dell Force10). It stays silent as well
        without an address that hosts heed, and without any where it needs one (Catalyst).
        """
        if self.querier is None or not self.snooping:
            return None
        if self.querier_yields_to_router_port and self.static_router_ports:
            return None
        if self.querier_needs_address and self.querier.address.is_unspecified:
            return None
        if not self.dialect.can_query_from(self.querier.address):
            return None
        return replace(
            self.querier,
            last_member_interval_s=self.last_member_interval_s,
            last_member_count=self.last_member_count,
        )
