"""What a listener heard, as facts: who asks and who does not, and what came that nobody asked for.

That nobody asks is a fact only when it was listened for at least as long as a querier's usual interval;
before that it may be chance.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.diagnosis.facts import Fact, Family, GroupFlooded, NoQuerier, QuerierSeen
from harness.protocols.dialect import Dialect
from harness.protocols.listening.asking import QUERY_INTERVAL_S
from harness.protocols.listening.summary import Network, Summary

_FAMILIES = {Dialect.IGMP: Family.IGMP, Dialect.MLD: Family.MLD}


def facts_of(summary: Summary, interface: str) -> tuple[Fact, ...]:
    """Return the facts; ``interface`` is where they were heard."""
    return (
        *(fact for network in summary.networks for fact in _of_network(network, summary, interface)),
        *_floods(summary, interface),
    )


def _of_network(network: Network, summary: Summary, interface: str) -> Iterator[Fact]:
    family, vlan = _FAMILIES[network.dialect], ".".join(map(str, network.vlans))
    if network.asked and not network.lost:
        for querier in network.queriers:
            if querier.general:
                yield QuerierSeen(
                    where=interface,
                    family=family,
                    address=str(querier.address),
                    vlan=vlan,
                    version=max(querier.versions),
                    own=querier.here,
                    interval_s=querier.query_interval_s or querier.every_s,
                )
        return
    silent_s = summary.listened_s if network.silent_s is None else network.silent_s
    if silent_s >= QUERY_INTERVAL_S:
        yield NoQuerier(where=interface, family=family, vlan=vlan, heard_for_s=silent_s)


def _floods(summary: Summary, interface: str) -> Iterator[Fact]:
    packets: dict[str, int] = {}
    for stream in summary.flooded:
        packets[str(stream.group)] = packets.get(str(stream.group), 0) + stream.received
    for group, count in packets.items():
        yield GroupFlooded(where=interface, group=group, datagrams=count, interface=interface)
