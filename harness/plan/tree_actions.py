"""The spanning tree's share of a timeline: what links going down and up make it do, as actions of a plan."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.plan.links import cable_words, link_cable
from harness.plan.model import Action, ActionKind, End, PlanLink
from harness.plan.spanning_tree import Change, SpanningTree, TreeSettings
from harness.source.duration import text as seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """What a written "link down" or "link up" becomes: the ends that really change, what the text adds, and
    the actions that follow at once."""

    ends: tuple[End, ...]
    words: str
    follows: tuple[Action, ...]


class TreeActions:
    """Follows the tree along a timeline; calls come in the order of time."""

    def __init__(self, switches: Sequence[str], links: Sequence[PlanLink], settings: TreeSettings) -> None:
        joined = [(link.a[0], link.b[0]) for link in links]
        plugged = [number for number, link in enumerate(links) if link.up or link.blocked]
        self._tree = SpanningTree(switches, joined, plugged, settings)
        self._cables = tuple(link_cable(link) for link in links)
        self._takes = seconds(settings.change_over_s)

    def switch(self, ends: tuple[End, ...], *, up: bool, at_s: float, line: int) -> Switched:
        """Take the links with these ends down or up; a host's cable is none of the tree's."""
        links = [number for number, cable in enumerate(self._cables) if set(cable) <= set(ends)]
        if not links:
            return Switched(ends=ends, words="", follows=())
        before = set(self._tree.forwarding)
        changes = [
            change for link in links for change in self._tree.switch(link, up=up, at_s=at_s, line=line)
        ]
        acts = [link for link in links if link in (self._tree.forwarding if up else before)]
        words = ""
        if up and not acts:
            waits = any(self._tree.waits(link) for link in links)
            words = (
                f" (spanning tree: forwards in {self._takes})" if waits else " (blocked by the spanning tree)"
            )
        follows = tuple(
            action for change in changes if change.link not in links for action in self._of(change)
        )
        return Switched(
            ends=tuple(end for link in acts for end in self._cables[link]), words=words, follows=follows
        )

    def until(self, at_s: float = math.inf) -> Iterator[Action]:
        """What the tree does up to a moment."""
        for change in self._tree.until(at_s):
            yield from self._of(change)

    def _of(self, change: Change) -> Iterator[Action]:
        if change.link is None:
            for switch in change.switches:
                yield Action(
                    at_s=change.at_s,
                    kind=ActionKind.TOPOLOGY_CHANGE,
                    text=f"spanning tree: {switch} hears of a topology change",
                    line=change.line,
                    target=switch,
                )
            return
        cable = self._cables[change.link]
        kind = ActionKind.LINK_UP if change.forwards else ActionKind.LINK_DOWN
        text = f"spanning tree: {cable_words((cable,))} {'forwards' if change.forwards else 'is blocked'}"
        yield Action(at_s=change.at_s, kind=kind, text=text, line=change.line, ends=cable)
