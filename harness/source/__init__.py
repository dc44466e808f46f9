"""YAML files as trees of values that know their place.

The bottom of everything that a user writes: it knows YAML 1.2, files and positions, nothing of networks.
Whoever finds a mistake in a value asks :func:`find` where that value stands. Needs PyYAML and nothing else.
"""

from __future__ import annotations

from harness.source.change import APPENDED, merge, put, substitute
from harness.source.node import (
    Data,
    Mapping,
    Node,
    Scalar,
    ScalarValue,
    Sequence,
    Where,
    find,
    path_of,
    to_data,
    without,
)
from harness.source.reader import parse, read
from harness.source.words import closest

__all__ = [
    "APPENDED",
    "Data",
    "Mapping",
    "Node",
    "Scalar",
    "ScalarValue",
    "Sequence",
    "Where",
    "closest",
    "find",
    "merge",
    "parse",
    "path_of",
    "put",
    "read",
    "substitute",
    "to_data",
    "without",
]
