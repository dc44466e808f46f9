"""The listener: frames and the passing of time in, events out, and at any moment a summary.

It knows nothing of sockets, of clocks, of captures or of words. Moments are seconds since the listening
began; a frame that comes with an earlier moment than the one before it is taken as of now, since two sockets
give out their frames one behind the other. Deadlines that lie before a frame are met before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from harness.protocols.dialect import Dialect, can_have_members
from harness.protocols.listening.asking import Asking
from harness.protocols.listening.events import DamagedHeard, Event, RouterHeard
from harness.protocols.listening.frames import Damaged, Datagram, Frame, Vlans, read
from harness.protocols.listening.limits import MOST_KINDS_OF_DAMAGE, MOST_NETWORKS, MOST_ROUTERS, Table
from harness.protocols.listening.members import Members
from harness.protocols.listening.streams import Streams
from harness.protocols.listening.summary import Lacking, Network, OwnMembership, Router, Summary
from harness.wire.membership import Address, ControlFrame, Query
from harness.wire.pim import Hello

EVERY_PROTOCOL = (Dialect.IGMP, Dialect.MLD)


class _PimRouter:
    __slots__ = ("hellos", "hold_time_s")

    def __init__(self) -> None:
        self.hellos, self.hold_time_s = 0, 0.0


class Listener:
    """One interface's ears.

    ``own``: the groups that this host is in, None where that is not known. ``groups`` narrows to these groups
    (and the queries that are about them); empty is all. ``protocols`` are those that are listened to.
    """

    def __init__(
        self,
        *,
        own: Iterable[Address] | None = None,
        groups: Iterable[Address] = (),
        protocols: tuple[Dialect, ...] = EVERY_PROTOCOL,
    ) -> None:
        self._narrow = frozenset(groups)
        self._protocols = protocols
        self._now = 0.0
        self._knows_own = own is not None
        self._own: dict[Address, None] = {}
        self.set_own(own or ())
        self._networks: Table[tuple[Dialect, Vlans], Asking] = Table(MOST_NETWORKS)
        for dialect in protocols:
            self._network(dialect, ())
        self._members = Members(self._wants)
        self._streams = Streams()
        self._routers: Table[tuple[Vlans, Address], _PimRouter] = Table(MOST_ROUTERS)
        self._damage: dict[str, int] = {}
        self._other_damage = 0
        self._next_s = 0.0
        """Nothing falls due before; data, which comes by the thousand, changes no deadline."""

    # --- in -----------------------------------------------------------------------------------------------

    @property
    def general_queries(self) -> int:
        """How many general queries came that hosts heed."""
        return sum(asking.general for asking in self._networks.values())

    def set_own(self, groups: Iterable[Address]) -> None:
        """Take over the groups that this host is in now; those that it was in before count as asked for."""
        for group in groups:
            if self._wants(group):
                self._own[group] = None

    def hear(self, frame: bytes, at_s: float, *, here: bool = False) -> list[Event]:
        """A frame came, or (``here``) left by the interface."""
        told = self.tick(at_s) if at_s >= self._next_s else []
        self._now = max(self._now, at_s)
        found = read(frame)
        if found is None or found.dialect not in self._protocols:
            return told
        content = found.content
        match content:
            case ControlFrame(message=Query() as query):
                if query.group is None or self._wants(query.group):
                    asking = self._network(found.dialect, found.vlans)
                    if asking is not None:
                        told += asking.hear(found, content, query, self._now, here)
            case ControlFrame():
                told += self._report(found, content, here)
            case Hello():
                told += self._hello(found, content)
            case Datagram():
                if self._wants(content.group):
                    told += self._streams.hear(found, content, self._now, here, self._asks)
            case Damaged():
                told += self._damaged(found, content)
        if isinstance(content, ControlFrame):
            self._look_ahead()
        return told

    def tick(self, now: float) -> list[Event]:
        """Let time pass: whoever was silent for too long is told, in the order of their moments."""
        self._now = max(self._now, now)
        told: list[Event] = []
        for asking in self._networks.values():
            told += asking.tick(self._now)
        told += self._members.tick(self._now, self._last_query_s)
        self._look_ahead()
        return sorted(told, key=lambda event: event.at_s)

    def next_deadline(self) -> float | None:
        """When ``tick`` has something to tell, unless a frame changes that."""
        moments = [self._members.next_deadline()]
        moments += [asking.next_deadline() for asking in self._networks.values()]
        return min((moment for moment in moments if moment is not None), default=None)

    # --- out ----------------------------------------------------------------------------------------------

    def so_far(self) -> tuple[int, int, int]:
        """How many general queries that hosts heed, groups with members, and streams of data there were."""
        return self.general_queries, len(self._members), len(self._streams)

    def summary(self, now: float, lost: Iterable[Lacking] = (), notes: Iterable[str] = ()) -> Summary:
        """Everything that was heard up to a moment.

        ``lost``: frames that did not come to the listener. ``notes``: as in the summary.
        """
        self._now = max(self._now, now)
        return Summary(
            listened_s=self._now,
            networks=tuple(
                self._summed(dialect, vlans, asking) for (dialect, vlans), asking in self._networks.items()
            ),
            groups=self._members.groups(),
            streams=self._streams.streams(self._members.ever_reported, self._asks),
            routers=tuple(
                Router(vlans=vlans, router=address, hellos=router.hellos, hold_time_s=router.hold_time_s)
                for (vlans, address), router in self._routers.items()
            ),
            own=self._own_memberships(),
            damaged=tuple(Lacking(count=count, what=why) for why, count in self._damage.items()),
            lacking=(*lost, *self._lacking()),
            notes=tuple(notes),
        )

    # --- parts --------------------------------------------------------------------------------------------

    def _look_ahead(self) -> None:
        due_s = self.next_deadline()
        self._next_s = math.inf if due_s is None else due_s

    def _wants(self, group: Address) -> bool:
        return not self._narrow or group in self._narrow

    def _network(self, dialect: Dialect, vlans: Vlans) -> Asking | None:
        return self._networks.get_or_make((dialect, vlans), lambda: Asking(dialect, vlans, self._now))

    def _asks(self, vlans: Vlans, group: Address) -> bool | None:
        """Own membership by the kernel, or a report that left here: of a guest behind a bridge, mostly."""
        if group in self._own or self._members.asked_here(vlans, group):
            return True
        return False if self._knows_own else None

    def _report(self, frame: Frame, message: ControlFrame, here: bool) -> list[Event]:
        asking = self._network(frame.dialect, frame.vlans)
        if asking is None:
            return []
        return self._members.hear(frame, message, self._now, here, asking.membership_s)

    def _hello(self, frame: Frame, hello: Hello) -> list[Event]:
        key = frame.vlans, hello.source
        router = self._routers.get_or_make(key, _PimRouter)
        if router is None:
            return []
        router.hellos += 1
        router.hold_time_s = hello.hold_time_s
        if router.hellos > 1 and hello.hold_time_s:
            return []
        event = RouterHeard(
            at_s=self._now,
            dialect=frame.dialect,
            vlans=frame.vlans,
            router=hello.source,
            hold_time_s=hello.hold_time_s,
        )
        return [event]

    def _damaged(self, frame: Frame, damaged: Damaged) -> list[Event]:
        if damaged.why in self._damage:
            self._damage[damaged.why] += 1
            return []
        if len(self._damage) >= MOST_KINDS_OF_DAMAGE:
            self._other_damage += 1
            return []
        self._damage[damaged.why] = 1
        event = DamagedHeard(
            at_s=self._now, dialect=frame.dialect, vlans=frame.vlans, why=damaged.why, mac=frame.source_mac
        )
        return [event]

    def _last_query_s(self, dialect: Dialect, vlans: Vlans) -> float | None:
        asking = self._networks.get((dialect, vlans))
        return None if asking is None else asking.last_s

    def _summed(self, dialect: Dialect, vlans: Vlans, asking: Asking) -> Network:
        return Network(
            dialect=dialect,
            vlans=vlans,
            queriers=asking.queriers(),
            silent_s=None if asking.last_s is None else self._now - asking.last_s,
            longest_silence_s=asking.longest_silence_s(self._now),
            other_querier_s=asking.other_querier_s,
            membership_s=asking.membership_s,
        )

    def _own_memberships(self) -> tuple[OwnMembership, ...] | None:
        """Those that a switch may prune; link-local groups are not worth a word each."""
        if not self._knows_own:
            return None
        found = []
        for group in self._own:
            if can_have_members(group):
                reports, last_s = self._members.own_reports(group)
                found.append(OwnMembership(group=group, reports=reports, last_s=last_s))
        return tuple(found)

    def _lacking(self) -> tuple[Lacking, ...]:
        queries = sum(asking.refused for asking in self._networks.values())
        counts = (
            (self._networks.refused, "of more VLANs than are kept"),
            (queries, "with queries of more queriers than are kept"),
            (self._members.refused, "with reports of more groups or hosts than are kept"),
            (self._streams.refused, "of data of more streams than are kept"),
            (self._routers.refused, "with PIM hellos of more routers than are kept"),
            (self._other_damage, "damaged in more ways than are kept"),
        )
        return tuple(Lacking(count=count, what=what) for count, what in counts if count)
