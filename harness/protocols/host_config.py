"""How a host takes part in IGMP or MLD: data, with the faults of real stacks as settings.

The defaults are those of the RFCs. Linux is too correct to report wrongly and too lenient to ignore a strange
query, so each fault that needs such a host is a setting here. All times are seconds of the protocol.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from harness.protocols.dialect import Dialect
from harness.wire.membership import Address


class IgnoredQuery(Enum):
    """Queries that a strict host takes for forged, and leaves unanswered (RFC 9776 section 9.1).

    FROM_ZERO: from the unspecified address, as switches without an address ask (RFC 4541 section 2.1.1).
    WITHOUT_ROUTER_ALERT. OFF_SUBNET: from another subnet than the host's own; the unspecified address is in
    every one. HOPS: with a TTL or hop limit other than 1.
    """

    FROM_ZERO = "from-zero"
    WITHOUT_ROUTER_ALERT = "without-router-alert"
    OFF_SUBNET = "off-subnet"
    HOPS = "ttl"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostConfig:
    """One host's membership part.

    ``version`` is the newest that it speaks, None for the protocol's newest; for an older querier it falls
    back (RFC 9776 section 7.2.1).
    ``reports`` False never says anything: a receiver that counts on being flooded. ``answers_queries`` False
    reports when it joins, and never again. ``leaves`` False goes without a word. ``reports_to`` sends reports
    there instead of where the RFC says, which for version 1 and 2 is the group. ``hops`` and ``router_alert``
    are those of everything it sends. ``extra_delay_s`` comes on top of the random delay of each answer, so
    above the max response time every answer is late. ``ignores`` are queries that it does not even see.
    ``unsolicited_v2_s`` (version 1 too) and ``unsolicited_v3_s``: a join is repeated within this time
    (RFC 2236 section 8.10, RFC 9776 section 8.11). ``query_interval_s`` is what a querier that names none is
    taken to have; ``v1_response_s`` what a version 1 query leaves to answer.
    ``linux`` does what Linux 6.18 was seen to do beside the RFCs (docs/kernel-quirks.md): a report without
    records silences a host of any version that was asked for the group, older queriers of IGMP are remembered
    while the link is down, an answer that is due to a general query of IGMPv3 comes although a querier of
    version 2 was heard since, and one that was told to speak MLDv2 does not see queries of MLDv1.
    """

    address: Address
    mac: bytes
    prefix_length: int = 0
    dialect: Dialect = Dialect.IGMP
    version: int | None = None
    reports: bool = True
    answers_queries: bool = True
    leaves: bool = True
    reports_to: Address | None = None
    router_alert: bool = True
    hops: int = 1
    extra_delay_s: float = 0.0
    ignores: tuple[IgnoredQuery, ...] = ()
    robustness: int = 2
    unsolicited_v2_s: float = 10.0
    unsolicited_v3_s: float = 1.0
    query_interval_s: float = 125.0
    v1_response_s: float = 10.0
    linux: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.newest_version <= self.dialect.records_version:
            msg = f"there is no version {self.version} of {self.dialect.name}"
            raise ValueError(msg)
        if self.robustness < 1 or self.extra_delay_s < 0 or not 0 <= self.hops <= 255:
            raise ValueError("robustness is at least 1, a delay at least 0, a hop limit 0 to 255")

    def scaled(self, speed: float) -> HostConfig:
        """The same host ``speed`` times faster: every time divided, every count kept."""
        return replace(
            self,
            extra_delay_s=self.extra_delay_s / speed,
            unsolicited_v2_s=self.unsolicited_v2_s / speed,
            unsolicited_v3_s=self.unsolicited_v3_s / speed,
            query_interval_s=self.query_interval_s / speed,
            v1_response_s=self.v1_response_s / speed,
        )

    @property
    def newest_version(self) -> int:
        """The newest version that it speaks."""
        return self.dialect.records_version if self.version is None else self.version
