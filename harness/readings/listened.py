"""The summary of ``mcast listen``, read back: who asked, and for how long nobody did.

That nobody asked is a fact only where it was listened for at least the interval of a querier as shipped.
"""

from __future__ import annotations

import re

from harness.diagnosis.facts import Family, NoQuerier, QuerierSeen
from harness.readings.shape import Sheet, number, shape

_QUERY_INTERVAL_S = 125.0
"""RFC 9776 section 8.2."""
_NETWORK = r"(?P<family>IGMP|MLD)(?: in VLAN (?P<vlan>[\d.]+))?"
_NOBODY = re.compile(rf"^{_NETWORK}: no querier heard for (?P<for>[\d.]+) s")
_ASKED = re.compile(
    rf"^{_NETWORK}: querier (?P<address>[0-9a-fA-F.:]+)(?P<here> \([^)]*\))? asked at .*"
    r"\((?:IGMP|MLD) v(?P<version>[123])[^,)]*(?:, every (?P<every>[\d.]+) s)?\)"
)
_TITLE = re.compile(r"^\S+: listened for [\d.]+ s$")


def _summary(sheet: Sheet) -> None:
    where = ""
    for line in sheet.block.lines:
        if _TITLE.match(line.text):
            where = line.text.partition(":")[0]
            sheet.at(line)
        elif match := _NOBODY.match(line.text):
            at, for_s = sheet.at(line), number(match["for"]) or 0.0
            if for_s >= _QUERY_INTERVAL_S:
                sheet.facts.append(
                    NoQuerier(
                        where=_at(sheet, where),
                        at=at,
                        family=Family(match["family"]),
                        vlan=match["vlan"] or "",
                        heard_for_s=for_s,
                    )
                )
        elif match := _ASKED.match(line.text):
            sheet.facts.append(
                QuerierSeen(
                    where=_at(sheet, where),
                    at=sheet.at(line),
                    family=Family(match["family"]),
                    address=match["address"],
                    vlan=match["vlan"] or "",
                    version=int(match["version"]),
                    own=match["here"] is not None,
                    interval_s=number(match["every"]),
                )
            )


def _at(sheet: Sheet, interface: str) -> str:
    return " of ".join(name for name in (interface, sheet.block.host) if name)


SHAPES = (
    shape(
        "mcast listen",
        r"^\S+: listened for [\d.]+ s$|^(?:IGMP|MLD)(?: in VLAN [\d.]+)?: (?:no )?querier ",
        _summary,
    ),
)
