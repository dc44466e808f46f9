"""What a platform does with multicast, as data: one class for all vendors, one file for each.

Times are seconds. Every setting keeps where it was read, and whether it was: a value that nobody has looked
up is marked, so that no report shows a guess as a fact. Profiles describe; ``harness.protocols`` behaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from harness.protocols.effects import Unregistered
from harness.protocols.snooping_config import (
    FloodUntil,
    GroupLimit,
    HeaderCheck,
    Lookup,
    RelayTo,
    TopologyChange,
)

Value = bool | int | float | str | tuple[str, ...]
"""What a setting holds, in the words of the file."""


class BehaviourClass(Enum):
    """How a platform that snoops treats a cluster when nobody queries.

    A floods until it knows a querier or a router port: works for ever. B floods unregistered groups: one
    switch works, between two switches nothing passes until the local entries age out. C gives unregistered
    groups to router ports only, or to nobody: works until the entries age out, then stops. D does not snoop
    as it is shipped: everything floods.
    """

    A = "A"
    B = "B"
    C = "C"
    D = "D"


class DataPlane(Enum):
    """What makes the switch in a lab: the genuine article where there is one, or the emulated control plane.

    LINUX_BRIDGE is the kernel bridge with its own snooping, OPENVSWITCH the daemon of Open vSwitch.
    """

    LINUX_BRIDGE = "linux-bridge"
    OPENVSWITCH = "openvswitch"
    EMULATED = "emulated"

    @property
    def words(self) -> str:
        """Whether it is the genuine one."""
        return "emulated" if self is DataPlane.EMULATED else "genuine"


class Habits(Enum):
    """Whose measured habits a platform has beyond its settings (docs/kernel-quirks.md)."""

    NONE = "none"
    LINUX_BRIDGE = "linux-bridge"
    OPEN_VSWITCH = "open-vswitch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where the value of ``setting`` comes from; ``verified``: read there or measured, not remembered."""

    setting: str
    source: str
    verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerierDefaults:
    """The querier that the platform runs once it is switched on (timers: RFC 2236 section 8).

    ``zero_address_wins``: a query from 0.0.0.0, numerically the lowest address, wins the election against it.
    ``start_delay_s``: how long it listens before its first query.
    """

    version: int
    query_interval_s: float
    max_response_s: float
    robustness: int
    startup_interval_s: float
    startup_count: int
    other_querier_interval_s: float
    zero_address_wins: bool
    start_delay_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A platform's defaults; what each setting means stands at ``harness.protocols.snooping_config``.

    ``snooping``, ``mld_snooping`` and ``querier`` say whether they run as shipped; the other settings hold
    for both protocols where they are snooped. An interval of 0 is for ever, a limit of 0 none.
    """

    name: str
    title: str
    vendor: str
    about: str
    behaviour_class: BehaviourClass
    data_plane: DataPlane
    habits: Habits
    snooping: bool
    mld_snooping: bool
    querier: bool
    querier_needs_address: bool
    querier_yields_to_router_port: bool
    unregistered: Unregistered
    flood_until: FloodUntil
    membership_interval_s: float
    last_member_interval_s: float
    last_member_count: int
    fast_leave: bool
    lookup: Lookup
    source_filtering: bool
    any_source_in_ssm: bool
    most_groups: int
    most_groups_per_port: int
    above_most_groups: GroupLimit
    checks: tuple[HeaderCheck, ...]
    router_port_interval_s: float
    learn_router_from_zero: bool
    learn_router_from_pim: bool
    relay_reports_to: RelayTo
    relay_records_to: RelayTo
    report_suppression: bool
    on_topology_change: TopologyChange
    topology_change_queries: int
    querier_defaults: QuerierDefaults
    provenance: tuple[Provenance, ...]

    def doubts(self) -> tuple[str, ...]:
        """The settings whose values are remembered or assumed, by the names of the file."""
        return tuple(origin.setting for origin in self.provenance if not origin.verified)

    def value_of(self, setting: str) -> Value:
        """A setting's value, by its name in the file. KeyError if there is no such setting.

        Times are the only floats, in seconds; choices are the words of the file, lists of them are tuples.
        """
        self.source_of(setting)
        section, _, name = setting.rpartition(".")
        holder = self.querier_defaults if section else self
        value: bool | int | float | Enum | tuple[Enum, ...] = getattr(
            holder, name if hasattr(holder, name) else f"{name}_s"
        )
        match value:
            case Enum():
                return str(value.value)
            case tuple():
                return tuple(str(one.value) for one in value)
            case _:
                return value

    def source_of(self, setting: str) -> Provenance:
        """Where a setting comes from, by its name in the file. KeyError if there is no such setting."""
        for origin in self.provenance:
            if origin.setting == setting:
                return origin
        raise KeyError(setting)
