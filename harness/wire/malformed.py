"""The one error of the codecs: bytes from the wire that are not what they claim to be.

It stands below the harness's own errors on purpose: a damaged frame is an event for a protocol machine, not a
failure of the harness.
"""

from __future__ import annotations


class Malformed(ValueError):  # noqa: N818 - it names what arrived, as h11 and dns libraries do
    """The bytes are damaged: too short, a wrong checksum, a length that points past the end."""


class UnknownType(Malformed):
    """The message is intact, but of a type that is not spoken here (PIMv1, DVMRP, router discovery ...).

    Kept apart because a snooping switch floods such messages and drops damaged ones (RFC 4541 section 2.1.1).
    """
