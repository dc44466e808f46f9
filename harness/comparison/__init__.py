"""Two runs of one plan side by side: where and when they first part. Pure.

``compare`` takes a plan and the records of two runs, of two backends or of one, and gives a ``Comparison``.
"""

from harness.comparison.compare import compare
from harness.comparison.model import Agreement, Comparison, Parting, Subject, Tolerance

__all__ = ["Agreement", "Comparison", "Parting", "Subject", "Tolerance", "compare"]
