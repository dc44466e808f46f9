"""Arithmetic of spans: half-open ranges of datagram numbers, ``((0, 5), (7, 30))``.

A spans value is sorted, disjoint and without empty ranges. Thirty thousand datagrams that were all sent are
one span, which is what makes judging them cheap. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable

Spans = tuple[tuple[int, int], ...]
"""Half-open ranges, ascending and disjoint."""


def normal(ranges: Iterable[tuple[int, int]]) -> Spans:
    """Return any ranges as spans: sorted, joined where they touch or overlap, empty ones left out."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return tuple(found)


def intersect(left: Spans, right: Spans) -> Spans:
    """Return what is in both."""
    found: list[tuple[int, int]] = []
    i = j = 0
    while i < len(left) and j < len(right):
        start = max(left[i][0], right[j][0])
        end = min(left[i][1], right[j][1])
        if start < end:
            found.append((start, end))
        if left[i][1] <= right[j][1]:
            i += 1
        else:
            j += 1
    return tuple(found)


def subtract(left: Spans, right: Spans) -> Spans:
    """Return what is in ``left`` and not in ``right``."""
    found: list[tuple[int, int]] = []
    for start, end in left:
        at = start
        for out_start, out_end in right:
            if out_end <= at or out_start >= end:
                continue
            if out_start > at:
                found.append((at, out_start))
            at = max(at, out_end)
        if at < end:
            found.append((at, end))
    return tuple(found)


def size(spans: Spans) -> int:
    """Return how many numbers are in them."""
    return sum(end - start for start, end in spans)
