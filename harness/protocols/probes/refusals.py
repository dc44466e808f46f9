"""The two lines that ssmping's tools write about what the kernel refused."""

from __future__ import annotations

import os

from harness.protocols.probes.program import Say


def refusal(doing: str, error: int) -> list[Say]:
    """Say what failed, why, and the number of the error."""
    return [
        Say(text=f"{doing}: {os.strerror(error)}", error=True),
        Say(text=f"errno={error}", error=True),
    ]
