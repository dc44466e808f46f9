"""Hears what a host does for a probe tool: for the record, and for the machine of an emulated host.

The kernel of such a host is mute, so what a tool joins has to be said by the machine, as with streams.
"""

from __future__ import annotations

from harness.backends.netns.devices import Devices
from harness.backends.tool_records import Account
from harness.protocols.effects import EVERY_SOURCE, FilterMode, SourceFilter
from harness.protocols.probes.program import Ended, Join, Leave
from harness.sockets.driver import Told
from harness.wire.membership import Address


class ToolListener:
    """``has_ended`` says whether the tool has ended on this host."""

    def __init__(self, account: Account, devices: Devices) -> None:
        self.has_ended = False
        self._account = account
        self._devices = devices

    def __call__(self, effect: Told, at_s: float, /) -> None:
        """Take what the tool did at a moment."""
        if not isinstance(effect, Join | Leave | Ended):
            self._account(effect, at_s)
            return
        before = self._account.joined
        self._account(effect, at_s)
        self.has_ended |= isinstance(effect, Ended)
        after = self._account.joined
        for group in dict.fromkeys(group for group, _ in (*before, *after)):
            wanted = _filter([source for joined, source in after if joined == group])
            self._devices.want(self._account.host, self._account.tool.number, group, wanted)


def _filter(sources: list[Address | None]) -> SourceFilter | None:
    """What is wanted of a group that was joined for these sources (None: of any); None if it was not."""
    if not sources:
        return None
    named = [source for source in sources if source is not None]
    if len(named) < len(sources):
        return EVERY_SOURCE
    return SourceFilter(mode=FilterMode.INCLUDE, sources=tuple(sorted(named, key=int)))
