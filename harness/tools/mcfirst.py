"""``mcfirst``: joins a group and says what comes to it, as mcfirst 0.9.1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.protocols.probes.mcfirst import McFirst, McFirstConfig
from harness.protocols.probes.program import Answered
from harness.sockets.driver import Told
from harness.tools.ssmping_arguments import MCFIRST, Arguments, group, host_and_group
from harness.tools.ssmping_output import Output, begin
from harness.wire.membership import Address

_MOST_SENDERS = 256


def main(words: Sequence[str] | None = None) -> int:
    """Run mcfirst with these arguments (None: the process's own) and return its status."""
    return begin(MCFIRST, words, _listen)


def _listen(asked: Arguments) -> int:
    assert asked.port is not None, "the command line has a port"
    source: Address | None = None
    if len(asked.names) == 1:
        joined = group(asked.names[0], asked.version)
    else:
        host, joined = host_and_group(asked.names, asked.version)
        source = host.address
    config = McFirstConfig(
        group=joined,
        port=asked.port,
        source=source,
        count=asked.count,
        time_s=asked.time_s,
        rates_only=asked.rates_only,
    )
    output = _Heard(asked.json)
    joins = "Failed to join multicast group" if source is None else "Failed to join multicast channel"
    status = output.run(McFirst(config), asked.via, "bind [multicast]", joins)
    output.tell(
        {
            "tool": "mcfirst",
            "status": status,
            "group": str(config.group),
            "port": config.port,
            "source": None if source is None else str(source),
        }
        | output.found()
    )
    return status


class _Heard(Output):
    """Counts what was heard, of whom and when."""

    def __init__(self, as_json: bool) -> None:
        super().__init__(as_json)
        self._start_s: float | None = None
        self._first_s: float | None = None
        self._last_s: float | None = None
        self._of: dict[Address, list[int]] = {}
        self._received = 0
        self._bytes = 0

    def __call__(self, effect: Told, at_s: float, /) -> None:
        """Take what the program does; it begins with a join."""
        super().__call__(effect, at_s)
        if self._start_s is None:
            self._start_s = at_s
        if isinstance(effect, Answered):
            self._last_s = at_s - self._start_s
            if self._first_s is None:
                self._first_s = self._last_s
            self._received += 1
            self._bytes += effect.size
            if effect.peer in self._of or len(self._of) < _MOST_SENDERS:
                counts = self._of.setdefault(effect.peer, [0, 0])
                counts[0] += 1
                counts[1] += effect.size

    def found(self) -> dict[str, Any]:
        """Return it as data; moments are seconds after the join, senders the first 256."""
        return {
            "received": self._received,
            "bytes": self._bytes,
            "first_after_s": None if self._first_s is None else round(self._first_s, 6),
            "last_after_s": None if self._last_s is None else round(self._last_s, 6),
            "senders": [
                {"address": str(sender), "received": received, "bytes": size}
                for sender, (received, size) in self._of.items()
            ],
        }
