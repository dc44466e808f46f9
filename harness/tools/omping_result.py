"""What an omping found, as data: the figures of each peer and cast, and for how long it asked."""

from __future__ import annotations

from typing import Any

from harness.protocols.probes.omping_config import OmpingConfig
from harness.protocols.probes.program import Cast, Figures
from harness.sockets.driver import Told
from harness.tools.figures import as_json
from harness.wire.membership import Address


class Result:
    """Takes what a program tells. Moments are the driver's."""

    def __init__(self, config: OmpingConfig) -> None:
        self._config = config
        self._figures = dict[tuple[Address, Cast], Figures]()
        self._began_s: float | None = None
        self._ended_s = 0.0

    def take(self, effect: Told, at_s: float) -> None:
        """Note a program's effect."""
        if self._began_s is None:
            self._began_s = at_s
        if isinstance(effect, Figures):
            self._figures[effect.peer, effect.cast] = effect
            self._ended_s = at_s

    @property
    def is_whole(self) -> bool:
        """Whether the figures of all peers are there: they come at the end, together."""
        return len(self._figures) == 2 * len(self._config.peers)

    def as_json(self, status: int) -> dict[str, Any]:
        """Return the object that ``--json`` prints. Times are in milliseconds, but what ends in ``_s``."""
        config = self._config
        return {
            "tool": "omping",
            "status": status,
            "local": str(config.local),
            "group": str(config.answers_to),
            "port": config.port,
            "mode": config.mode.value,
            "role": config.role.value,
            "period_s": config.period_s,
            "ran_s": round(self._ended_s - (self._began_s or 0.0), 3) if self._figures else None,
            "peers": [
                {"name": peer.name, "address": str(peer.address)} | self._casts(peer.address)
                for peer in config.peers
            ],
        }

    def _casts(self, peer: Address) -> dict[str, Any]:
        """Return the figures of a peer by cast; its first answer by unicast decides if it answered at all."""
        found = {cast: figures for (of, cast), figures in self._figures.items() if of == peer}
        unicast = found.get(Cast.UNICAST)
        answered = unicast is not None and unicast.received > 0
        return {"answered": answered} | {cast.value: as_json(figures) for cast, figures in found.items()}
