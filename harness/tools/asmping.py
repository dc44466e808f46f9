"""``asmping``: what ``ssmping`` does, with a group of any source (``harness.tools.ssmping``)."""

from __future__ import annotations

from harness.tools.ssmping import main_asmping as main

__all__ = ["main"]
