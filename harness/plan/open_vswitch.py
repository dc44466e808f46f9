"""What cannot be set on Open vSwitch, genuine or emulated, because it has no such thing.

A sentence for each, so that nobody takes a lab's answer for one that a host could give. Follows
ovs-vswitchd.conf.db(5) and lib/mcast-snooping.h.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.scenario.network import MldSettings, SwitchSettings, UnregisteredRule
from harness.source.duration import text as duration_text

NO_QUERIER = "Open vSwitch has no querier: let a router or another switch ask, or a node's own bridge"
_AGEING_S = (15.0, 3600.0)
"""MCAST_ENTRY_MIN_IDLE_TIME and _MAX_; what lies outside is silently taken for the nearest."""

_WITHOUT = (
    *("lookup", "source_filtering", "any_source_in_ssm", "checks", "fast_leave_ports"),
    *("most_groups", "most_groups_per_port", "above_most_groups"),
    *("learn_router_from_pim", "relay_reports_to", "relay_records_to", "report_suppression"),
    *("on_topology_change", "topology_change_queries"),
)


def objections(settings: SwitchSettings | MldSettings) -> Iterator[tuple[str, str]]:
    """Yield (key, sentence) for each setting that Open vSwitch does not have."""
    if settings.querier not in (None, False):
        yield "querier", NO_QUERIER
    if settings.fast_leave is False:
        yield "fast_leave", "a leave always ends the entry of its port at once in Open vSwitch"
    if settings.unregistered is UnregisteredRule.DROP:
        yield "unregistered", "Open vSwitch has flood and router-ports for unregistered groups: it drops none"
    ageing_s = settings.membership_interval
    if ageing_s is not None and not _AGEING_S[0] <= ageing_s <= _AGEING_S[1]:
        told = "never" if ageing_s == 0 else duration_text(ageing_s)
        yield (
            "membership_interval",
            f"Open vSwitch ages entries after 15 s to 1 h (mcast-snooping-aging-time), not {told}",
        )
    if settings.router_port_interval is not None:
        yield "router_port_interval", "router ports of Open vSwitch live for 180 s, which nothing changes"
    for key in ("last_member_interval", "last_member_count"):
        if getattr(settings, key) is not None:
            yield key, "Open vSwitch asks nobody after a leave"
    for key in _WITHOUT:
        if getattr(settings, key) is not None:
            yield key, f"Open vSwitch has no setting like {key}"
