"""What a snooping switch tells its data plane beyond its tables: whether to prune at all, and what to do with
groups that nobody is a member of.

It depends on whether a querier or a router port is known (``FloodUntil``), on the time that hosts have to
answer a first query, and on the spanning tree: after a change of topology everything floods until the hosts
have been asked again (RFC 4541 section 2.1.1 (4)).
"""

from __future__ import annotations

from typing import assert_never

from harness.protocols.effects import ForwardingMode, Unregistered
from harness.protocols.snooping_config import FloodUntil, SnoopingConfig
from harness.wire.membership import Address

Wanted = tuple[bool, Unregistered, str]
"""Whether to prune, the rule for unregistered groups, and the reason."""


class Forwarding:
    """The mode as it was told last, and what it hangs on."""

    def __init__(self) -> None:
        self._told: tuple[bool, Unregistered] | None = None
        self._querier_was_known = False
        self._grace_until_s: float | None = None
        self._flood_queries_left = 0

    @property
    def floods_everything(self) -> bool:
        """Whether nothing is pruned at the moment."""
        return self._told is not None and not self._told[0]

    def forget(self) -> None:
        """Begin anew, as after power on; the mode is told again."""
        self._told = None
        self._querier_was_known = False
        self._grace_until_s = None
        self._flood_queries_left = 0

    def flood_for(self, queries: int) -> None:
        """Flood everything until as many general queries have been heard or sent."""
        self._flood_queries_left = queries

    def queries_passed(self, count: int = 1) -> None:
        """General queries were heard, or sent by the switch's own querier."""
        self._flood_queries_left = max(self._flood_queries_left - count, 0)

    def next_deadline(self) -> float | None:
        """When the mode changes by itself."""
        return self._grace_until_s

    def off(self, config: SnoopingConfig, cause: str) -> list[ForwardingMode]:
        """Prune nothing."""
        self._grace_until_s = None
        return self._tell((False, config.unregistered, cause))

    def settle(
        self,
        config: SnoopingConfig,
        querier: Address | None,
        has_router_port: bool,
        now: float,
        response_s: float,
    ) -> list[ForwardingMode]:
        """Follow a change of querier, router ports or configuration.

        ``response_s`` is the max response time of the query that was just heard, or that the switch's own
        querier sends.
        """
        known = querier is not None
        waits = config.grace and config.flood_until is FloodUntil.QUERIER
        if known and not self._querier_was_known and waits:
            self._grace_until_s = now + response_s
        self._querier_was_known = known
        if not known or (self._grace_until_s is not None and self._grace_until_s <= now):
            self._grace_until_s = None
        if self._flood_queries_left:
            cause = f"topology change: everything floods, general queries to come: {self._flood_queries_left}"
            return self._tell((False, config.unregistered, cause))
        return self._tell(self._wanted(config, querier, has_router_port))

    def _tell(self, wanted: Wanted) -> list[ForwardingMode]:
        snooping, unregistered, cause = wanted
        if self._told == (snooping, unregistered):
            return []
        self._told = (snooping, unregistered)
        return [ForwardingMode(snooping=snooping, unregistered=unregistered, cause=cause)]

    def _wanted(self, config: SnoopingConfig, querier: Address | None, has_router_port: bool) -> Wanted:
        rule = config.unregistered
        match config.flood_until:
            case FloodUntil.NEVER:
                return True, rule, "configured"
            case FloodUntil.QUERIER if querier is None:
                return False, rule, "no querier is known: everything floods"
            case FloodUntil.QUERIER if self._grace_until_s is not None:
                return False, rule, "hosts have the max response time of the first query to answer"
            case FloodUntil.QUERIER:
                return True, rule, f"querier {querier} is known"
            case FloodUntil.ROUTER_PORT if has_router_port:
                return True, rule, "there is a router port"
            case FloodUntil.ROUTER_PORT:
                return True, Unregistered.FLOOD, "no router port is known: unregistered groups flood"
            case _:
                assert_never(config.flood_until)
