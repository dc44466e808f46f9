"""How much a listener remembers, and the table that keeps to it.

A listener runs on networks that it does not know, where anybody may send anything. What comes when a table is
full is counted and not kept, and the summary says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

MOST_NETWORKS = 64
"""Protocols and VLANs: more VLANs than that are on no port of a host."""
MOST_QUERIERS = 64
"""Of one network; as many as the election remembers."""
MOST_GROUPS = 2048
"""With reports; all networks together."""
MOST_HOSTS = 8192
"""Hosts in groups, all groups together."""
MOST_SOURCES = 64
"""That one host names for one group; Linux allows 10 of IPv4 and 64 of IPv6 unless told otherwise."""
MOST_STREAMS = 4096
"""Pairs of source and group with data."""
MOST_ROUTERS = 64
MOST_KINDS_OF_DAMAGE = 64
MOST_MOMENTS = 16
"""Of one querier's queries: the first ones; the last is kept besides."""

K = TypeVar("K")
V = TypeVar("V")


class Table(Generic[K, V]):
    """A dictionary that takes so many keys and no more; ``refused`` counts what was not taken in."""

    __slots__ = ("_items", "_most", "refused")

    def __init__(self, most: int) -> None:
        self._items: dict[K, V] = {}
        self._most = most
        self.refused = 0

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: K) -> bool:
        return key in self._items

    def get(self, key: K) -> V | None:
        """What stands there, if anything."""
        return self._items.get(key)

    def get_or_make(self, key: K, make: Callable[[], V]) -> V | None:
        """What stands there, or what is made for it; None, and counted, when the table is full."""
        found = self._items.get(key)
        if found is None:
            if len(self._items) >= self._most:
                self.refused += 1
                return None
            found = self._items[key] = make()
        return found

    def values(self) -> Iterator[V]:
        """Values, in the order in which they came."""
        return iter(self._items.values())

    def items(self) -> Iterator[tuple[K, V]]:
        """Keys and values, in the order in which they came."""
        return iter(self._items.items())
