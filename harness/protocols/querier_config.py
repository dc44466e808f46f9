"""How a querier of IGMP or MLD is set: data, with the defaults of RFC 9776 section 8.

All times are seconds of the protocol; ``scaled`` divides them for a lab that runs faster than the clock on
the wall. What may be said in which version is checked here, so that a machine never fails for its settings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.protocols.dialect import Dialect
from harness.wire.membership import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerierConfig:
    """A querier's configuration, in seconds, with the defaults of RFC 9776 section 8.

    ``address`` 0.0.0.0 asks without an address and yields to everybody; a querier of MLD that has no
    link-local address stays silent. The three values that are None follow from the others by the formulas of
    the RFC; the properties give what holds. ``max_response_s`` goes on the wire as it stands, in tenths of a
    second (MLD: in milliseconds). ``start_delay_s``: how long it listens before it stands for election; a
    querier that is heard meanwhile wins if it has the better address. Raises ValueError for what the version
    cannot say and for an address of the other family.
    """

    dialect: Dialect = Dialect.IGMP
    address: Address
    mac: bytes
    version: int = 2
    query_interval_s: float = 125.0
    max_response_s: float = 10.0
    robustness: int = 2
    startup_interval_s: float | None = None
    startup_count: int | None = None
    other_querier_interval_s: float | None = None
    last_member_interval_s: float = 1.0
    last_member_count: int = 2
    zero_address_wins: bool = False
    start_delay_s: float = 0.0

    def __post_init__(self) -> None:
        if self.query_interval_s <= 0 or self.max_response_s <= 0 or self.robustness < 1:
            raise ValueError("query interval, max response time and robustness variable must be above 0")
        if self.start_delay_s < 0:
            raise ValueError("a querier cannot start before its start: the delay is negative")
        if not 1 <= self.version <= self.dialect.records_version:
            msg = f"{self.dialect.name} has no version {self.version}"
            raise ValueError(msg)
        if not self.dialect.speaks(self.address):
            msg = f"{self.address} is no address to speak {self.dialect.name} from"
            raise ValueError(msg)
        self.dialect.representable_response_s(self.max_response_s, self.version)

    @property
    def startup_query_interval_s(self) -> float:
        """Startup Query Interval (RFC 9776 section 8.6)."""
        return self.query_interval_s / 4 if self.startup_interval_s is None else self.startup_interval_s

    @property
    def startup_query_count(self) -> int:
        """Startup Query Count (RFC 9776 section 8.7)."""
        return self.robustness if self.startup_count is None else self.startup_count

    @property
    def other_querier_present_interval_s(self) -> float:
        """Other Querier Present Interval (RFC 9776 section 8.5)."""
        if self.other_querier_interval_s is not None:
            return self.other_querier_interval_s
        return self.robustness * self.query_interval_s + self.max_response_s / 2

    @property
    def last_member_time_s(self) -> float:
        """How long after a leave a group without members is over (RFC 9776 section 8.10).

        Hosts have the max response time that the wire could say to answer the last query, which is more than
        the interval where that is no multiple of the wire's unit.
        """
        if self.last_member_count == 0:
            return 0.0
        answer_s = self.dialect.representable_response_s(self.last_member_interval_s, self.version)
        return (self.last_member_count - 1) * self.last_member_interval_s + answer_s

    @property
    def asks_for_sources(self) -> bool:
        """Whether its queries can name sources and have an S flag."""
        return self.version == self.dialect.records_version

    def scaled(self, speed: float) -> QuerierConfig:
        """The same querier ``speed`` times faster: every time divided, every count kept."""
        startup_s, other_s = self.startup_interval_s, self.other_querier_interval_s
        return replace(
            self,
            query_interval_s=self.query_interval_s / speed,
            max_response_s=self.max_response_s / speed,
            startup_interval_s=None if startup_s is None else startup_s / speed,
            other_querier_interval_s=None if other_s is None else other_s / speed,
            last_member_interval_s=self.last_member_interval_s / speed,
            start_delay_s=self.start_delay_s / speed,
        )
