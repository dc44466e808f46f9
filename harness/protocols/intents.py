"""What a message asks for, told in the same words for all versions of IGMP and MLD.

Sources are kept coarse: a host that wants a group from some sources wants the group. That is how switches
that forward by group treat records (RFC 4541 section 2.1.2), and all that their tables can say.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import assert_never

from harness.protocols.dialect import Dialect, can_have_members
from harness.protocols.effects import Heard
from harness.wire import membership
from harness.wire.membership import Address, RecordType


class Intent(Enum):
    """What a sender says of a group.

    DOUBT is a BLOCK record: the host may be gone or may only refuse one source, so it is worth a question but
    no reason to cut the group off at once.
    """

    JOIN = "join"
    LEAVE = "leave"
    DOUBT = "doubt"


def intents(message: membership.Message) -> Iterator[tuple[Intent, Address]]:
    """What a report or leave says of each group that can have members, in the order of the message.

    Groups that are never pruned are left out. Queries say nothing.
    """
    match message:
        case membership.Query():
            return
        case membership.Report():
            found = [(Intent.JOIN, message.group)]
        case membership.Leave():
            found = [(Intent.LEAVE, message.group)]
        case membership.RecordReport():
            found = [
                (intent, record.group)
                for record in message.records
                if (intent := intent_of(record)) is not None
            ]
        case _:
            assert_never(message)
    for intent, group in found:
        if can_have_members(group):
            yield intent, group


def heard(port: str, frame: membership.ControlFrame) -> Heard:
    """The record of a message that arrived."""
    what, group = _words(frame.message, frame.source)
    return Heard(what=what, port=port, source=frame.source, group=group)


def said(message: membership.Message, source: Address) -> Heard:
    """The record of a message that is sent."""
    what, group = _words(message, source)
    return Heard(what=what, port="", source=source, group=group, sent=True)


def _words(message: membership.Message, source: Address) -> tuple[str, Address | None]:
    """What a message is, and of which group; a report with records names one only when it holds just one.

    Versions are the numbers that the protocol gives itself: records are "report v3" of IGMP and "report v2"
    of MLD, whose done message is a "leave".
    """
    match message:
        case membership.Query(group=asked):
            return "query" if asked is None else "group query", asked
        case membership.Report(version=version, group=group):
            return f"report v{version}", group
        case membership.RecordReport(records=records):
            version = Dialect.of(source).records_version
            return f"report v{version}", records[0].group if len(records) == 1 else None
        case membership.Leave(group=group):
            return "leave", group
        case _:
            assert_never(message)


def intent_of(record: membership.GroupRecord) -> Intent | None:
    """What a record says of its group, whatever the sources (RFC 9776 section 4.2.13)."""
    match record.type:
        case RecordType.IS_EX | RecordType.TO_EX:
            return Intent.JOIN
        case RecordType.IS_IN | RecordType.ALLOW:
            return Intent.JOIN if record.sources else None
        case RecordType.TO_IN:
            return Intent.JOIN if record.sources else Intent.LEAVE
        case RecordType.BLOCK:
            return Intent.DOUBT
        case _:
            assert_never(record.type)
