"""Report suppression: which reports and leaves a switch keeps from the routers.

Of the reports of a group without sources only the first after each query is relayed, and of the leaves only
the one that may be the last member's. Once records are heard for a group nothing of it is held back, since
every record may hold sources that no other names (Catalyst, ``ip igmp snooping report-suppression``).
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.wire.membership import Address


class ReportSuppression:
    """What has been relayed since the last query. Forget a group when its last member is gone."""

    def __init__(self) -> None:
        self._relayed: set[Address] = set()
        self._with_records: set[Address] = set()

    @property
    def with_records(self) -> frozenset[Address]:
        """The groups of which nothing is held back."""
        return frozenset(self._with_records)

    def asked(self, group: Address | None) -> None:
        """A query passed, about one group or all: the querier waits for an answer."""
        if group is None:
            self._relayed.clear()
        else:
            self._relayed.discard(group)

    def records_heard(self, group: Address) -> None:
        """A record named this group."""
        self._with_records.add(group)

    def relays_report(self, group: Address) -> bool:
        """Whether this report is to be relayed, and if so remember it."""
        if group in self._relayed and group not in self._with_records:
            return False
        self._relayed.add(group)
        return True

    def relays_leave(self, group: Address, *, others: bool) -> bool:
        """Whether this leave is to be relayed; ``others`` tells whether other ports have members."""
        return not others or group in self._with_records

    def forget(self, group: Address) -> None:
        """The group has no members any more: the next report is news to the routers."""
        self._relayed.discard(group)
        self._with_records.discard(group)

    def keep_records_of(self, groups: Iterable[Address]) -> None:
        """Forget of all other groups that records were heard."""
        self._with_records = set(groups)

    def clear(self) -> None:
        """Forget everything."""
        self._relayed.clear()
        self._with_records.clear()
