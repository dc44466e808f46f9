"""What a switch is configured to do: a vendor's profile, with the settings of a file laid over it.

Settings add up: each change starts from what the switch was told before. What the file leaves out is the
profile's, also the times of a querier whose other times were set, since that is how switches store them.
A router has no profile; its querier follows RFC 9776 section 8 where the file says nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import IPv4Address
from typing import Any, Literal, cast

from harness.plan.addresses import mac_bytes
from harness.profiles import DataPlane, Habits, Profile
from harness.protocols.dialect import Dialect
from harness.protocols.effects import Unregistered
from harness.protocols.querier_config import QuerierConfig
from harness.protocols.snooping_config import (
    FloodUntil,
    GroupLimit,
    HeaderCheck,
    Lookup,
    RelayTo,
    SnoopingConfig,
    TopologyChange,
)
from harness.scenario.network import MldQuerier, MldSettings, Querier, QuerierTimes, SwitchSettings
from harness.source.duration import text as duration_text
from harness.wire.membership import Address

Settings = SwitchSettings | MldSettings
"""What a file can set for IGMP, or for MLD."""
NO_ADDRESS = IPv4Address("0.0.0.0")  # noqa: S104  a source address of queries, nothing is bound to it

_QUERIER_FIELDS = {
    "address": "address",
    "version": "version",
    "query_interval": "query_interval_s",
    "max_response": "max_response_s",
    "robustness": "robustness",
    "startup_interval": "startup_interval_s",
    "startup_count": "startup_count",
    "other_querier_interval": "other_querier_interval_s",
    "start_delay": "start_delay_s",
}
_SWITCH_FIELDS = {
    "snooping": "snooping",
    "fast_leave": "fast_leave",
    "membership_interval": "membership_interval_s",
    "router_port_interval": "router_port_interval_s",
    "last_member_interval": "last_member_interval_s",
    "last_member_count": "last_member_count",
    "source_filtering": "source_filtering",
    "report_suppression": "report_suppression",
    "any_source_in_ssm": "any_source_in_ssm",
    "learn_router_from_pim": "learn_router_from_pim",
    "most_groups": "most_groups",
    "most_groups_per_port": "most_groups_per_port",
    "topology_change_queries": "topology_change_queries",
}
"""Key in the file: field of the machine's configuration."""
_CHOICES: dict[str, type[Enum]] = {
    "lookup": Lookup,
    "above_most_groups": GroupLimit,
    "relay_reports_to": RelayTo,
    "relay_records_to": RelayTo,
    "on_topology_change": TopologyChange,
}
"""Key in the file, which is also the machine's field: what its words stand for."""
_OF_THE_PROFILE = (
    *("unregistered", "flood_until", "membership_interval_s", "router_port_interval_s"),
    *("last_member_interval_s", "last_member_count", "fast_leave", "learn_router_from_zero"),
    *("learn_router_from_pim", "relay_reports_to", "relay_records_to", "report_suppression"),
    *("querier_needs_address", "querier_yields_to_router_port", "lookup", "source_filtering"),
    *("any_source_in_ssm", "most_groups", "most_groups_per_port", "above_most_groups", "checks"),
    *("on_topology_change", "topology_change_queries"),
)
"""Fields that a profile and the machine's configuration have in common."""
_AS_MEASURED: dict[Habits, dict[str, bool]] = {
    Habits.LINUX_BRIDGE: {
        "elected_querier_only": True,
        "every_record_joins": True,
        "ignore_older_hosts": True,
        "leave_without_querier": True,
        "floods_reports": True,
        "ignores_hold_time": True,
    },
    Habits.OPEN_VSWITCH: {
        "every_record_joins": True,
        "ignore_older_hosts": True,
        "no_members_on_router_ports": True,
        "keep_on_link_down": True,
    },
    Habits.NONE: {},
}
"""What the genuine ones were seen to do beyond their profiles: docs/kernel-quirks.md."""
_NUMBER_OF_GROUPS = {"most_groups", "most_groups_per_port"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPorts:
    """The ports that settings name, as names of ports; None where they name none."""

    router_ports: tuple[str, ...] | None = None
    fast_leave_ports: tuple[str, ...] | None = None

    def among(self, ports: Collection[str]) -> NamedPorts:
        """Those of them that are among ``ports``, as those of one VLAN; None stays None."""
        return NamedPorts(
            router_ports=_those_of(self.router_ports, ports),
            fast_leave_ports=_those_of(self.fast_leave_ports, ports),
        )


NO_PORTS = NamedPorts()


def _those_of(names: tuple[str, ...] | None, ports: Collection[str]) -> tuple[str, ...] | None:
    return None if names is None else tuple(name for name in names if name in ports)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """A switch's configuration, and the querier that it would run if it were told to."""

    behaviour: SnoopingConfig
    ready: QuerierConfig

    def with_querier(self, on: bool) -> Configured:
        """The same switch with its querier started or stopped."""
        return replace(self, behaviour=replace(self.behaviour, querier=self.ready if on else None))


def as_shipped(profile: Profile, *, mac: str, address: IPv4Address) -> Configured:
    """A switch as its vendor ships it.

    A Linux bridge asks from 0.0.0.0 unless it is given an address (its ``mcast_query_use_ifaddr`` is 0).
    """
    defaults = profile.querier_defaults
    ready = QuerierConfig(
        address=NO_ADDRESS if profile.data_plane is DataPlane.LINUX_BRIDGE else address,
        mac=mac_bytes(mac),
        version=cast(Literal[1, 2, 3], defaults.version),
        query_interval_s=defaults.query_interval_s,
        max_response_s=defaults.max_response_s,
        robustness=defaults.robustness,
        startup_interval_s=defaults.startup_interval_s,
        startup_count=defaults.startup_count,
        other_querier_interval_s=defaults.other_querier_interval_s,
        last_member_interval_s=profile.last_member_interval_s,
        last_member_count=profile.last_member_count,
        zero_address_wins=defaults.zero_address_wins,
        start_delay_s=defaults.start_delay_s,
    )
    shipped: dict[str, Any] = {name: getattr(profile, name) for name in _OF_THE_PROFILE}
    shipped |= _AS_MEASURED[profile.habits]
    behaviour = SnoopingConfig(
        snooping=profile.snooping,
        zero_is_querier=defaults.zero_address_wins,
        other_querier_interval_s=defaults.other_querier_interval_s,
        querier=ready if profile.querier else None,
        mac=mac_bytes(mac),
        **shipped,
    )
    return Configured(behaviour=behaviour, ready=ready)


def changed(configured: Configured, settings: Settings, ports: NamedPorts) -> Configured:
    """The configuration after these settings; ``ports`` are those that the settings name.

    Raises ValueError, with a sentence for the author, for a querier that its version cannot say.
    """
    fields: dict[str, Any] = _given(settings, _SWITCH_FIELDS)
    if settings.unregistered is not None:
        # A rule that was set by hand holds always, whether or not a querier is known.
        fields |= {
            "unregistered": Unregistered(settings.unregistered.value),
            "flood_until": FloodUntil.NEVER,
        }
    for key, choices in _CHOICES.items():
        if getattr(settings, key) is not None:
            fields[key] = choices(getattr(settings, key))
    if settings.checks is not None:
        fields["checks"] = tuple(HeaderCheck(word) for word in settings.checks)
    if ports.router_ports is not None:
        fields["static_router_ports"] = ports.router_ports
    if ports.fast_leave_ports is not None:
        fields["fast_leave_ports"] = frozenset(ports.fast_leave_ports)
    ready = replace(
        configured.ready,
        last_member_interval_s=fields.get("last_member_interval_s", configured.ready.last_member_interval_s),
        last_member_count=fields.get("last_member_count", configured.ready.last_member_count),
    )
    if isinstance(settings.querier, QuerierTimes):
        ready = replace(ready, **_given(settings.querier, _QUERIER_FIELDS))
        if settings.querier.other_querier_interval is not None:
            fields["other_querier_interval_s"] = settings.querier.other_querier_interval
    runs = configured.behaviour.querier is not None if settings.querier is None else bool(settings.querier)
    return Configured(behaviour=replace(configured.behaviour, **fields), ready=ready).with_querier(runs)


def router_querier(
    setting: Querier | MldQuerier | bool, *, mac: str, address: Address, dialect: Dialect = Dialect.IGMP
) -> QuerierConfig:
    """A router's querier. Raises ValueError as :func:`changed` does."""
    given = {} if isinstance(setting, bool) else _given(setting, _QUERIER_FIELDS)
    return QuerierConfig(**{"dialect": dialect, "address": address, "mac": mac_bytes(mac), **given})


def _given(settings: Settings | QuerierTimes, names: dict[str, str]) -> dict[str, Any]:
    """What the file says, under the names of the machines' configurations."""
    pairs = ((field, getattr(settings, key)) for key, field in names.items())
    return {field: value for field, value in pairs if value is not None}


def in_words(settings: Settings, ports: NamedPorts) -> str:
    """``querier off, membership interval 60 s``: what a change changes."""
    plain = (*_SWITCH_FIELDS, *_CHOICES, "checks")
    words = [_setting(key, getattr(settings, key)) for key in plain if getattr(settings, key) is not None]
    if settings.unregistered is not None:
        words.append(f"unregistered groups: {settings.unregistered.value}")
    if ports.router_ports is not None:
        words.append(f"static router ports {', '.join(ports.router_ports) or 'none'}")
    if ports.fast_leave_ports is not None:
        words.append(f"fast leave at {', '.join(ports.fast_leave_ports) or 'no port'}")
    match settings.querier:
        case bool():
            words.append(_setting("querier", settings.querier))
        case QuerierTimes():
            given = ((key, getattr(settings.querier, key)) for key in _QUERIER_FIELDS)
            times = ", ".join(_setting(key, value) for key, value in given if value is not None)
            words.append(f"querier on ({times})" if times else "querier on")
        case None:
            pass
    return ", ".join(words)


def _setting(key: str, value: object) -> str:
    name = key.replace("_", " ")
    match value:
        case bool():
            return f"{name} {'on' if value else 'off'}"
        case float():
            return f"{name} {duration_text(value)}"
        case tuple():
            return f"{name} {', '.join(map(str, value)) or 'none'}"
        case 0 if key in _NUMBER_OF_GROUPS:
            return f"{name} without limit"
        case _:
            return f"{name} {value}"
