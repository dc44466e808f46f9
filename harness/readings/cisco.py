"""Show commands of Cisco IOS, IOS-XE and NX-OS about IGMP snooping.

Forms follow what documents show: "show ip igmp snooping" and "groups" in the Carrier Packet Transport 9.5
guide (chapter 01110), "querier" in the Catalyst 2960-X guide, "show ip igmp snooping vlan" of NX-OS in the
Nexus 3000 and 7000 multicast guides. No sample was found of "mrouter", nor of the tables of NX-OS, which are
read as those of IOS.
"""

from __future__ import annotations

import re

from harness.diagnosis.facts import Family, Members, NoQuerier, Place, QuerierSeen, RouterPorts, Snooping
from harness.readings.shape import Sheet, number, shape
from harness.readings.text import Line

_PAIR = re.compile(r"^\s*(?P<key>[A-Za-z][\w /()=.,-]*?)\s*:\s*(?P<value>.*)$")
_VLAN = re.compile(r"^\s*Vlan\s+(?P<vlan>\d{1,4})\s*:?\s*$")
_RULE = re.compile(r"^\s*-[- ]*$")
_ADDRESS = r"(?P<address>\d{1,3}(?:\.\d{1,3}){3})"


def _ios(sheet: Sheet) -> None:
    """Key and value by line, first global, then by VLAN; a VLAN without snooping says so."""
    vlan = ""
    for line in sheet.block.lines:
        if line.text.startswith("Global IGMP Snooping configuration") or _RULE.match(line.text):
            sheet.at(line)
        elif match := _VLAN.match(line.text):
            vlan = match["vlan"]
            sheet.at(line)
        elif match := _PAIR.match(line.text):
            at = sheet.at(line)
            if re.fullmatch(r"IGMP snooping(?: Oper State)?", match["key"]):
                on = match["value"].lower().startswith("enabled")
                sheet.facts.append(
                    Snooping(where=sheet.block.host, at=at, family=Family.IGMP, on=on, vlan=vlan)
                )


_QUERIER_HEAD = r"^\s*Vlan\s+IP Address\s+(?:IGMP )?Version\s"
_QUERIER_ROW = re.compile(rf"^\s*(?P<vlan>\d{{1,4}})\s+{_ADDRESS}\s+v?(?P<version>[123])\s+(?P<rest>\S.*)$")


def _ios_querier(sheet: Sheet) -> None:
    """A table of queriers; without rows the switch knows of none. NX-OS has the expiry before the port."""
    rows = 0
    head: Place | None = None
    for line in sheet.block.lines:
        if re.match(_QUERIER_HEAD, line.text):
            head = sheet.at(line)
        elif _RULE.match(line.text):
            sheet.at(line)
        elif match := _QUERIER_ROW.match(line.text):
            rows += 1
            port = match["rest"].split()[-1]
            sheet.facts.append(
                QuerierSeen(
                    where=sheet.block.host,
                    at=sheet.at(line),
                    family=Family.IGMP,
                    address=match["address"],
                    vlan=match["vlan"],
                    port=port,
                    version=int(match["version"]),
                    own=port.lower() in {"switch", "internal"},
                )
            )
    if head is not None and not rows:
        sheet.facts.append(NoQuerier(where=sheet.block.host, at=head, family=Family.IGMP))


_GROUP_HEAD = r"^\s*Vlan\s+Group"
_GROUP_ROW = re.compile(
    rf"^\s*(?P<vlan>\d{{1,4}})\s+{_ADDRESS}(?:/\S+)?\s+(?P<kind>[\w, ]*?)\s*\bv(?P<version>[123])"
    r"\s+(?P<ports>\S.*)$"
)
_MORE_PORTS = re.compile(r"^\s+(?P<ports>[A-Z][A-Za-z-]*\d[\w/.:, -]*)$")


def _groups(sheet: Sheet) -> None:
    """A table of groups, whose ports may go on in the next line."""
    rows: list[tuple[str, str, Line, list[str]]] = []
    for line in sheet.block.lines:
        if re.match(_GROUP_HEAD, line.text) or _RULE.match(line.text):
            sheet.at(line)
        elif match := _GROUP_ROW.match(line.text):
            rows.append((match["vlan"], match["address"], line, _ports(match["ports"])))
        elif rows and (match := _MORE_PORTS.match(line.text)):
            sheet.at(line)
            rows[-1][3].extend(_ports(match["ports"]))
    for vlan, group, line, ports in rows:
        sheet.facts.append(
            Members(where=sheet.block.host, at=sheet.at(line), group=group, ports=tuple(ports), vlan=vlan)
        )


def _ports(text: str) -> list[str]:
    return [port for port in re.split(r"[,\s]+", text) if port]


_MROUTER_HEAD = r"^\s*Vlan\s+(?:ports|Router-port)\b"
_MROUTER_ROW = re.compile(r"^\s*(?P<vlan>\d{1,4})\s+(?P<ports>[A-Z]\S*.*)$")


def _mrouter(sheet: Sheet) -> None:
    """A table of router ports; "(dynamic)" and what NX-OS says of their age is left out."""
    rows = 0
    head: Place | None = None
    nexus = False
    for line in sheet.block.lines:
        if re.match(_MROUTER_HEAD, line.text):
            head = sheet.at(line)
            nexus = "Router-port" in line.text
        elif _RULE.match(line.text):
            sheet.at(line)
        elif match := _MROUTER_ROW.match(line.text):
            rows += 1
            ports = _ports(re.sub(r"\([^)]*\)", "", match["ports"]))
            sheet.facts.append(
                RouterPorts(
                    where=sheet.block.host,
                    at=sheet.at(line),
                    ports=tuple(ports[:1] if nexus else ports),
                    family=Family.IGMP,
                    vlan=match["vlan"],
                )
            )
    if head is not None and not rows:
        sheet.facts.append(RouterPorts(where=sheet.block.host, at=head, ports=(), family=Family.IGMP))


_NX_VLAN = re.compile(r"^IGMP Snooping information for vlan (?P<vlan>\d{1,4})\s*$", re.IGNORECASE)
_NX_ON = re.compile(r"^\s*IGMP snooping (?P<on>enabled|disabled)\s*$", re.IGNORECASE)
_NX_FLOOD = re.compile(r"^\s*Optimi[sz]ed Multicast Flood \(OMF\) (?P<on>enabled|disabled)", re.IGNORECASE)
_NX_QUERIER = re.compile(
    rf"^\s*IGMP querier (?:(?P<none>none)|present, address: {_ADDRESS}"
    r"(?:, version: (?P<version>[123]))?(?:, (?:i/f|interface:?) (?P<port>\S+))?)",
    re.IGNORECASE,
)
_NX_INTERVAL = re.compile(r"^\s*Querier interval: (?P<seconds>\d{1,6}) secs")
_NX_PORTS = re.compile(r"^\s*Number of router-ports: (?P<count>\d{1,6})")
_NX_OWN = re.compile(r"^\s*Switch-querier (?P<on>enabled|disabled)", re.IGNORECASE)
_NX_KNOWN = re.compile(
    r"^(?:Global IGMP Snooping Information:|\s+(?:IGMP\S*|Link Local|VPC|Lookup mode|Router port|Number of"
    r"|VLAN|Active ports|Report Flooding|Interfaces for|Use Group|Querier|Switch-querier|Optimi[sz]ed)\b.*"
    r"|\s+(?:(?:Po|Eth|Vlan)[\w/.-]*\s*)+)$"
)


def _nexus(sheet: Sheet) -> None:
    """Sentences by VLAN."""
    blocks: list[list[Line]] = []
    for line in sheet.block.lines:
        if _NX_VLAN.match(line.text):
            blocks.append([])
        if blocks:
            blocks[-1].append(line)
        if _NX_KNOWN.match(line.text):
            sheet.at(line)
    for lines in blocks:
        _nexus_vlan(sheet, lines)


def _nexus_vlan(sheet: Sheet, lines: list[Line]) -> None:
    first = _NX_VLAN.match(lines[0].text)
    assert first is not None
    vlan, where = first["vlan"], sheet.block.host
    sheet.at(lines[0])
    found = {
        name: (match, line)
        for line in lines
        for name, form in _NX_FORMS.items()
        if (match := form.match(line.text)) is not None
    }
    drops = found["flood"][0]["on"].lower() == "enabled" if "flood" in found else None
    if "on" in found:
        match, line = found["on"]
        own = found["own"][0]["on"].lower() == "enabled" if "own" in found else None
        sheet.facts.append(
            Snooping(
                where=where,
                at=sheet.at(line),
                family=Family.IGMP,
                on=match["on"].lower() == "enabled",
                vlan=vlan,
                querier=own,
                drops_unregistered=drops,
            )
        )
    if "querier" in found:
        match, line = found["querier"]
        at = sheet.at(line)
        if match["none"]:
            sheet.facts.append(NoQuerier(where=where, at=at, family=Family.IGMP, vlan=vlan))
        else:
            interval = found["interval"][0]["seconds"] if "interval" in found else None
            sheet.facts.append(
                QuerierSeen(
                    where=where,
                    at=at,
                    family=Family.IGMP,
                    address=match["address"],
                    vlan=vlan,
                    port=match["port"] or "",
                    version=int(match["version"]) if match["version"] else None,
                    interval_s=number(interval),
                )
            )
    if "ports" in found and found["ports"][0]["count"] == "0":
        at = sheet.at(found["ports"][1])
        sheet.facts.append(RouterPorts(where=where, at=at, ports=(), family=Family.IGMP, vlan=vlan))


_NX_FORMS = {
    "on": _NX_ON,
    "flood": _NX_FLOOD,
    "querier": _NX_QUERIER,
    "interval": _NX_INTERVAL,
    "ports": _NX_PORTS,
    "own": _NX_OWN,
}

SHAPES = (
    shape("show ip igmp snooping (Cisco IOS)", r"^Global IGMP Snooping configuration", _ios),
    shape("show ip igmp snooping querier (Cisco)", _QUERIER_HEAD, _ios_querier),
    shape("show ip igmp snooping groups (Cisco)", _GROUP_HEAD, _groups),
    shape("show ip igmp snooping mrouter (Cisco)", _MROUTER_HEAD, _mrouter, verified=False),
    shape(
        "show ip igmp snooping (NX-OS)",
        r"^Global IGMP Snooping Information:|^IGMP Snooping information for vlan \d+\s*$",
        _nexus,
    ),
)
