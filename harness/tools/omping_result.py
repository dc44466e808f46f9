"""What an omping found, as data and in sentences: the figures of each peer and cast, and what they look like.

Keeps which numbers came, in runs, so that it can be said since when nothing came; memory is bounded.
"""

from __future__ import annotations

from typing import Any

from harness.diagnosis import closing
from harness.diagnosis.facts import PeerSilent, ProbeFigures
from harness.diagnosis.tally import Tally
from harness.protocols.probes.omping_config import Mode, OmpingConfig, Peer
from harness.protocols.probes.program import Answered, Asked, Cast, Figures
from harness.sockets.driver import Told
from harness.tools.figures import as_json
from harness.wire.membership import Address

_IN_FLIGHT_S = 0.5
"""The answer to a query that was asked so shortly before the end may still be on its way."""


class Result:
    """Takes what a program tells. Moments are the driver's."""

    def __init__(self, config: OmpingConfig) -> None:
        self._config = config
        self._figures = dict[tuple[Address, Cast], Figures]()
        self._tallies = dict[tuple[Address, Cast], Tally]()
        self._asked = dict[Address, tuple[int, float]]()
        self._began_s: float | None = None
        self._ended_s = 0.0

    def take(self, effect: Told, at_s: float) -> None:
        """Note a program's effect."""
        if self._began_s is None:
            self._began_s = at_s
        if isinstance(effect, Asked):
            self._asked[effect.peer] = (effect.sequence, at_s)
        elif isinstance(effect, Answered):
            tally = self._tallies.get((effect.peer, effect.cast))
            if tally is None:
                tally = self._tallies[effect.peer, effect.cast] = Tally()
            tally.answered(effect.sequence, duplicate=effect.duplicate, size=effect.size)
        elif isinstance(effect, Figures):
            self._figures[effect.peer, effect.cast] = effect
            self._ended_s = at_s

    @property
    def is_whole(self) -> bool:
        """Whether the figures of all peers are there: they come at the end, together."""
        return len(self._figures) == 2 * len(self._config.peers)

    def conclusion(self) -> tuple[str, ...]:
        """Return what the figures look like, a line for all peers that fared alike; empty without figures."""
        answered = list[ProbeFigures]()
        silent = list[PeerSilent]()
        for peer in self._config.peers:
            of_peer = [figures for (of, _), figures in self._figures.items() if of == peer.address]
            if any(figures.received for figures in of_peer):
                answered += [self._fact(peer, figures) for figures in of_peer]
            elif of_peer:
                silent.append(PeerSilent(peer=peer.name, tool="omping"))
        return closing(answered, silent)

    def _fact(self, peer: Peer, figures: Figures) -> ProbeFigures:
        config = self._config
        tally = self._tallies.get((figures.peer, figures.cast), Tally())
        sequence, asked_s = self._asked.get(peer.address, (0, 0.0))
        is_in_flight = sequence > (tally.last or 0) and self._ended_s - asked_s < _IN_FLIGHT_S
        return ProbeFigures(
            where=str(config.local),
            tool="omping",
            peer=peer.name,
            cast=figures.cast,
            sent=figures.sent - 1 if is_in_flight else figures.sent,
            received=figures.received,
            duplicates=figures.duplicates,
            first=figures.first,
            last=tally.last,
            gaps=tally.gaps,
            interval_s=config.period_s or None,
            group=str(config.answers_to),
            size=tally.size,
            source_specific=config.mode is Mode.SSM,
        )

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
            "conclusion": list(self.conclusion()),
        }

    def _casts(self, peer: Address) -> dict[str, Any]:
        """Return the figures of a peer by cast; its first answer by unicast decides if it answered at all."""
        found = {cast: figures for (of, cast), figures in self._figures.items() if of == peer}
        unicast = found.get(Cast.UNICAST)
        answered = unicast is not None and unicast.received > 0
        return {"answered": answered} | {cast.value: as_json(figures) for cast, figures in found.items()}
