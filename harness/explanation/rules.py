"""What a decision follows: the section of an RFC, or the setting of a switch with what stands behind it.

A setting that is as its profile ships it is named with the profile, and marked when nobody has looked its
value up; one that the scenario changed is the scenario's.
"""

from __future__ import annotations

from harness.plan.model import PlanSwitch
from harness.profiles import is_file, load
from harness.protocols.snooping_config import SnoopingConfig

AGEING = {"igmp": "RFC 2236 section 8.4", "mld": "RFC 2710 section 7.4"}
"""Group membership interval; multicast listener interval."""
ELECTION = {"igmp": "RFC 2236 section 3", "mld": "RFC 2710 section 5"}
REPORTS_TO_ROUTERS = {"igmp": "RFC 4541 section 2.1.1 (1)", "mld": "RFC 4541 section 3"}
NO_ROUTER_AT_ZERO = {"igmp": "RFC 4541 section 2.1.1 (2)", "mld": "RFC 4541 section 3"}
MEMBERS_AND_ROUTERS = {"igmp": "RFC 4541 section 2.1.2 (1)", "mld": "RFC 4541 section 3"}
LINK_GROUPS = {"igmp": "RFC 4541 section 2.1.2 (2)", "mld": "RFC 4541 section 3"}
SOURCES = {"igmp": "RFC 9776 section 6.2", "mld": "RFC 9777 section 7.2"}
SSM_RANGE = "RFC 4604 section 3"
LEAVES = {"igmp": "RFC 2236 section 3", "mld": "RFC 2710 section 4"}
HEADERS = {"igmp": "RFC 9776 section 4", "mld": "RFC 9777 section 5"}


def setting(switch: PlanSwitch, config: SnoopingConfig, name: str, *fields: str) -> str:
    """Return what makes a switch behave so: ``profile juniper-ex, unverified``, ``set by the scenario``.

    ``name`` is the setting in a profile's file, ``fields`` the fields of the configuration and of the profile
    that it decides, left out if it is called the same.
    """
    if is_file(switch.profile):
        return f"profile {switch.profile}"
    try:
        profile = load(switch.profile)
        origin = profile.source_of(name)
    except (ValueError, KeyError):
        return f"profile {switch.profile}"
    if any(getattr(config, field) != getattr(profile, field) for field in fields or (name,)):
        return "set by the scenario"
    return f"profile {switch.profile}" if origin.verified else f"profile {switch.profile}, unverified"


def in_brackets(rule: str) -> str:
    """Return a rule as it stands behind a sentence: `` [RFC 2236 section 8.4]``; nothing for none."""
    return f" [{rule}]" if rule else ""
