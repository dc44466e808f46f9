"""Profiles: what the switches of each vendor do as shipped, and how well that is known.

Data files of this package, one a platform, read by :func:`load`. This layer knows the snooping machine's
vocabulary and nothing of scenarios or labs. A profile is never a subclass: if a platform cannot be written
down in these settings, the snooping machine lacks a setting.
"""

from __future__ import annotations

from harness.profiles.loader import SUFFIX, is_file, load, names, read_profile
from harness.profiles.model import BehaviourClass, DataPlane, Habits, Profile, Provenance, QuerierDefaults

__all__ = [
    "SUFFIX",
    "BehaviourClass",
    "DataPlane",
    "Habits",
    "Profile",
    "Provenance",
    "QuerierDefaults",
    "is_file",
    "load",
    "names",
    "read_profile",
]
