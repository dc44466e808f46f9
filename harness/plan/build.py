"""From a variant as written to a plan: names to ports, MACs and addresses, moments to seconds.

Pure: no I/O, no clock, no chance.
"""

from __future__ import annotations

from harness.plan.model import Plan
from harness.scenario.loader import LoadedVariant


def build(variant: LoadedVariant) -> Plan:
    """The plan of one variant. Raises ScenarioError with every mistake that was found."""
    raise NotImplementedError
