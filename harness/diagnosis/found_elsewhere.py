"""What rules find in facts that are no probe's figures: queriers, tables, settings, filters, floods."""

from __future__ import annotations

from harness.diagnosis.case import Case, is_zero
from harness.diagnosis.facts import (
    Filtered,
    GroupFlooded,
    HostFilter,
    InterfaceMtu,
    QuerierSeen,
    RouterPorts,
    Snooping,
    TableOverflow,
)
from harness.diagnosis.found import Found, found, names
from harness.diagnosis.found_in_probes import is_alias


def _in_vlan(vlan: str) -> str:
    return f" in VLAN {vlan}" if vlan else ""


def nobody_queries(case: Case) -> Found | None:
    """A switch knows of no querier, or none was heard; no other fact knows of one in the same VLAN."""
    vlans = {one.vlan for one in case.queriers}
    lacking = [one for one in case.nobody_queries if one.vlan not in vlans]
    texts = []
    for one in lacking:
        told = "no querier" if not one.configured else "a querier is configured, and none asks"
        for_s = f" was heard for {one.heard_for_s:.0f} s" if one.heard_for_s is not None else ""
        at = f" at {one.where}" if one.where else ""
        texts.append(f"{told}{for_s}{_in_vlan(one.vlan)}{at}")
    return found("; ".join(dict.fromkeys(texts)), lacking)


def somebody_queries(case: Case) -> Found | None:
    """A querier with an address is there, and nothing says that a VLAN lacks one."""
    queriers = case.queriers if not nobody_queries(case) else ()
    told = names(f"{one.address}{_in_vlan(one.vlan)}" for one in queriers)
    return found(f"{told} queries", queriers)


def snoops(case: Case) -> Found | None:
    """A switch snoops."""
    told = names(one.where or "a switch" for one in case.snoops)
    return found(f"snooping is on at {told}", case.snoops)


def own_querier_on(case: Case) -> Found | None:
    """A switch's own querier is switched on."""
    asking = [one for one in case.snoops if one.querier]
    return found(f"the querier of {names(one.where or 'a switch' for one in asking)} is on", asking)


def nobody_snoops(case: Case) -> Found | None:
    """Snooping is off at all switches that were read."""
    settings = [one for one in case.all(Snooping) if one.family is case.family]
    if any(one.on for one in settings):
        return None
    return found(f"snooping is off at {names(one.where or 'the switch' for one in settings)}", settings)


def only_linux_snoops(case: Case) -> Found | None:
    """All that is known to snoop are Linux bridges without a querier of their own."""
    if any(not one.linux or one.querier for one in case.snoops):
        return None
    told = names(one.where for one in case.snoops)
    return found(f"all that is known to snoop is the Linux bridge {told}", case.snoops)


def no_router_port(case: Case) -> Found | None:
    """A switch that snoops knows no router port."""
    empty = [one for one in case.all(RouterPorts) if not one.ports and one.family in {None, case.family}]
    told = names((one.where or "a switch") + _in_vlan(one.vlan) for one in empty)
    return found(f"no router port is known at {told}", empty)


def zero_querier(case: Case) -> Found | None:
    """Queries come from 0.0.0.0."""
    zero = [one for one in case.all(QuerierSeen) if one.address == "0.0.0.0"]  # noqa: S104  read, not bound
    told = names((one.where or "the network") + _in_vlan(one.vlan) for one in zero)
    return found(f"queries come from 0.0.0.0 at {told}", zero)


def bridge_asks_from_zero(case: Case) -> Found | None:
    """A Linux bridge's own querier is on and uses no address of the interface."""
    zero = [one for one in case.snoops if one.querier and one.zero_source]
    return found(f"the querier of {names(one.where for one in zero)} asks from 0.0.0.0", zero)


def asks_too_seldom(case: Case) -> Found | None:
    """A query interval is longer than a membership lasts."""
    intervals: list[tuple[float, Snooping | QuerierSeen]] = [
        (one.interval_s, one) for one in case.queriers if one.interval_s is not None
    ]
    intervals += [
        (one.query_interval_s, one) for one in case.snoops if one.querier and one.query_interval_s is not None
    ]
    for longest, asks in sorted(intervals, key=lambda pair: -pair[0]):
        for forgets in case.snoops:
            alike = not asks.vlan or not forgets.vlan or asks.vlan == forgets.vlan
            if alike and forgets.membership_s and longest > forgets.membership_s:
                who = forgets.where or "the switch"
                text = f"it asks every {longest:g} s, and {who} forgets after {forgets.membership_s:g} s"
                return found(text, dict.fromkeys((asks, forgets)))
    return None


def other_vlan_has_one(case: Case) -> Found | None:
    """One VLAN has a querier, another has none."""
    asked = {one.vlan for one in case.queriers if one.vlan}
    lacking = [one for one in case.nobody_queries if one.vlan and one.vlan not in asked]
    having = [one for one in case.queriers if one.vlan]
    if not lacking or not having:
        return None
    text = (
        f"VLAN {names(one.vlan for one in having)} has a querier, {names(one.vlan for one in lacking)} none"
    )
    return found(text, (*having, *lacking))


def other_family_has_one(case: Case) -> Found | None:
    """The other family has a querier, the cluster's has none."""
    other = [
        one for one in case.all(QuerierSeen) if one.family is not case.family and not is_zero(one.address)
    ]
    lacking = case.nobody_queries
    if not other or not lacking or case.queriers:
        return None
    text = f"{other[0].address} queries in {other[0].family.value}, nobody in {case.family.value}"
    return found(text, (*other, *lacking))


def query_was_heard(case: Case) -> Found | None:
    """A querier was heard by somebody who is not the querier."""
    heard = [one for one in case.queriers if not one.own]
    return found(f"queries of {names(one.address for one in heard)} were heard", heard)


def filter_drops_igmp(case: Case) -> Found | None:
    """A host's firewall drops IGMP."""
    return _drops(case, Filtered.IGMP)


def filter_drops_multicast(case: Case) -> Found | None:
    """A host's firewall drops multicast."""
    return _drops(case, Filtered.MULTICAST)


def _drops(case: Case, what: Filtered) -> Found | None:
    filters = [one for one in case.all(HostFilter) if one.drops is what]
    told = "; ".join(dict.fromkeys(one.words for one in filters))
    at = names(one.where for one in filters)
    return found(f"{at + ' drops' if at else 'dropped is'} {what.value}: {told}", filters)


def mtus_differ(case: Case) -> Found | None:
    """Ports of one bridge, or of one switch, have different MTUs."""
    seen: dict[tuple[str, str], list[InterfaceMtu]] = {}
    for one in case.all(InterfaceMtu):
        if one.bridge:
            seen.setdefault((one.where, one.bridge), []).append(one)
    for (_, bridge), ports in seen.items():
        if len({one.mtu for one in ports}) > 1:
            told = names(f"{one.interface} {one.mtu}" for one in ports)
            return found(f"ports of {bridge} have different MTUs: {told}", ports)
    return None


def alias_flooded(case: Case) -> Found | None:
    """A group whose MAC address is one of 224.0.0.0/24 came where nobody joined it."""
    came = [one for one in case.all(GroupFlooded) if is_alias(one.group)]
    return found(f"{names(one.group for one in came)} came without a join", came)


def flooded(case: Case) -> Found | None:
    """A group came where nobody joined it."""
    came = [one for one in case.all(GroupFlooded) if not is_alias(one.group)]
    return found(f"{names(one.group for one in came)} came without a join", came)


def table_was_full(case: Case) -> Found | None:
    """A switch said that its table is full."""
    full = case.all(TableOverflow)
    at = names(one.interface or one.where for one in full)
    limit = next((f" of {one.limit} groups" if one.limit else "" for one in full), "")
    return found(f"the table{limit} of {at or 'the switch'} was full", full)


def table_is_full(case: Case) -> Found | None:
    """As many groups are known as the table takes."""
    limits = [one for one in case.snoops if one.table_limit and case.groups_known() >= one.table_limit]
    if not limits:
        return None
    return found(f"{case.groups_known()} groups are known, and {limits[0].table_limit} fit", limits)
