"""IGMP or MLD: the one thing that tells a protocol machine which of the two it speaks.

The machines know memberships, queries and reports; what differs between the families (addresses, codecs,
version numbers, which groups are never pruned) is asked here. Both are spoken independently of each other:
a switch that does both runs two machines.
"""

from __future__ import annotations

from enum import Enum


class Dialect(Enum):
    """The protocol of a machine."""

    IGMP = "igmp"
    MLD = "mld"
