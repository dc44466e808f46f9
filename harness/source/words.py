"""Hints for words that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def closest(word: str, candidates: Iterable[str]) -> str:
    """``; did you mean "x"?`` for the candidate most like ``word``, or nothing when none is like it."""
    by_folded: dict[str, str] = {}
    for candidate in sorted(candidates):
        by_folded.setdefault(candidate.casefold().replace("_", "-"), candidate)
    matches = get_close_matches(word.casefold().replace("_", "-"), by_folded, n=1, cutoff=0.6)
    return f'; did you mean "{by_folded[matches[0]]}"?' if matches else ""
