"""What the sockets of a host want of its interface, taken together (RFC 9776 section 3.2)."""

from __future__ import annotations

from collections.abc import Iterable

from harness.protocols.effects import EVERY_SOURCE, FilterMode, SourceFilter
from harness.protocols.host import NO_SOURCE
from harness.wire.membership import Address


class Wants:
    """Filters by group and socket. A socket is named by a number."""

    def __init__(self) -> None:
        self._wanted: dict[Address, dict[int, SourceFilter]] = {}

    def change(self, group: Address, socket: int, wanted: SourceFilter | None) -> SourceFilter:
        """A socket wants this of a group, or (None) no longer anything; return what all want together."""
        filters = self._wanted.setdefault(group, {})
        if wanted is None:
            filters.pop(socket, None)
        else:
            filters[socket] = wanted
        return _together(filters.values())

    def passes(self, group: Address, source: Address) -> bool:
        """Whether the interface receives a group from a source."""
        return any(one.passes(source) for one in self._wanted.get(group, {}).values())


def _together(filters: Iterable[SourceFilter]) -> SourceFilter:
    found = tuple(filters)
    if any(one.mode is FilterMode.EXCLUDE for one in found):
        return EVERY_SOURCE
    sources = {source for one in found for source in one.sources}
    if not sources:
        return NO_SOURCE
    return SourceFilter(mode=FilterMode.INCLUDE, sources=tuple(sorted(sources, key=int)))
