"""Why a datagram came or did not: hop by hop, from the records of any backend and the plan.

Pure: no I/O, no clock, no chance. Nothing here knows what was expected, so one text serves the command that
explains and every report of a failure.
"""

from __future__ import annotations

from harness.explanation.model import Explanation, Hop, HopKind
from harness.explanation.text import lines
from harness.explanation.walk import explain

__all__ = ["Explanation", "Hop", "HopKind", "explain", "lines"]
