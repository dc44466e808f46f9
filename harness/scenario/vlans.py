"""The short form of a switch's VLANs, ``vlans: [10, 20]``, made into the long one before files are merged.

A variant changes a mapping key by key and replaces a list whole; in the long form a variant that gives one
VLAN a setting leaves the others as they are. Every node keeps its position. A list that cannot be VLANs stays
as it is, for the models to tell its author.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.scenario.values import parse_vlans
from harness.source import Mapping, Node, Scalar, Sequence, to_data

_SECTIONS = frozenset({"switches", "bridges"})


def with_vlans_as_mappings(network: Node) -> Node:
    """A network with the VLANs of all its switches and bridges in the long form."""
    return _changed(network, lambda key, section: _section(section) if key in _SECTIONS else section)


def _section(section: Node) -> Node:
    return _changed(section, lambda _, switch: _changed(switch, _of_switch))


def _of_switch(key: str, value: Node) -> Node:
    if key != "vlans" or not isinstance(value, Sequence):
        return value
    try:
        parse_vlans(to_data(value))
    except ValueError:
        return value
    entries = tuple(
        (Scalar(value=item.text, text=item.text, where=item.where), Mapping(entries=(), where=item.where))
        for item in value.items
        if isinstance(item, Scalar)
    )
    return Mapping(entries=entries, where=value.where)


def _changed(node: Node, change: Callable[[str, Node], Node]) -> Node:
    """A mapping with each of its values changed; anything else as it is."""
    if not isinstance(node, Mapping):
        return node
    entries = tuple((key, change(key.text, value)) for key, value in node.entries)
    return Mapping(entries=entries, where=node.where)
