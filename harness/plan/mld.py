"""What a switch is configured to do with IPv6: the profile's rules once more, for MLD (RFC 4541 section 3).

A vendor's switch keeps both apart: nothing that is set for IGMP holds for MLD, and a querier of the one says
nothing to the other. The Linux bridge has one setting for both, and of its MLD querier only the version and
the address are its own; without a link-local address it asks no IPv6 host at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.plan.addresses6 import link_local
from harness.plan.behaviour import NO_ADDRESS, NO_PORTS, Configured, NamedPorts, as_shipped, changed
from harness.profiles import DataPlane, Profile
from harness.protocols.dialect import Dialect
from harness.scenario.network import MldQuerier, MldSettings

MLD_VERSIONS: Mapping[int, int] = {1: 1, 2: 1, 3: 2}
"""Version of IGMP, and of MLD with the same messages (RFC 3810 section 1)."""
_OF_A_BRIDGE = {"address", "version"}
ONE_SETTING = (DataPlane.LINUX_BRIDGE, DataPlane.OPENVSWITCH)
"""Platforms whose switches do with MLD what they are told to do with IGMP."""


def mld_as_shipped(profile: Profile, igmp: Configured, *, mac: str) -> Configured:
    """A switch as its vendor ships it, with the link-local address of its MAC; its MLD querier is off.

    ``igmp`` is how it begins for IPv4, which a Linux bridge does for IPv6 as well.
    """
    shipped = as_shipped(profile, mac=mac, address=NO_ADDRESS)
    ready = replace(
        shipped.ready,
        dialect=Dialect.MLD,
        address=link_local(mac),
        version=MLD_VERSIONS[shipped.ready.version],
        zero_address_wins=False,
    )
    behaviour = replace(
        shipped.behaviour,
        dialect=Dialect.MLD,
        snooping=profile.mld_snooping,
        querier=None,
        querier_needs_address=True,
        learn_router_from_zero=False,
        zero_is_querier=False,
    )
    configured = Configured(behaviour=behaviour, ready=ready)
    return following(igmp, configured) if profile.data_plane in ONE_SETTING else configured


def following(igmp: Configured, mld: Configured) -> Configured:
    """What a Linux bridge does with IPv6 when it does this with IPv4; address and version are of ``mld``."""
    ready = replace(
        igmp.ready,
        dialect=Dialect.MLD,
        address=mld.ready.address,
        version=mld.ready.version,
        zero_address_wins=False,
    )
    behaviour = replace(
        igmp.behaviour,
        dialect=Dialect.MLD,
        querier=None,
        querier_needs_address=True,
        learn_router_from_zero=False,
        zero_is_querier=False,
    )
    return Configured(behaviour=behaviour, ready=ready).with_querier(igmp.behaviour.querier is not None)


def mld_changed(
    configured: Configured,
    settings: MldSettings,
    ports: NamedPorts,
    *,
    platform: DataPlane,
) -> Configured:
    """The configuration after these settings. Raises ValueError, with a sentence for the author."""
    if platform is DataPlane.OPENVSWITCH:
        raise ValueError("Open vSwitch has one setting for IGMP and MLD: write it without mld")
    if platform is DataPlane.LINUX_BRIDGE:
        return _bridge_changed(configured, settings)
    after = changed(configured, settings, ports)
    if settings.querier and not after.behaviour.snooping:
        raise ValueError("MLD snooping is off here, and its querier with it: write snooping: on beside it")
    return after


def _bridge_changed(configured: Configured, settings: MldSettings) -> Configured:
    given = settings.model_fields_set
    querier = settings.querier
    if given - {"querier"} or not isinstance(querier, MldQuerier) or querier.model_fields_set - _OF_A_BRIDGE:
        raise ValueError(
            "a Linux bridge has one setting for IGMP and MLD: write it without mld; "
            "address and version of its MLD querier alone stand here"
        )
    runs = configured.behaviour.querier is not None
    return changed(configured, settings, NO_PORTS).with_querier(runs)
