"""Show commands of ProCurve and ArubaOS-Switch, AOS-CX, and Comware about IGMP and MLD snooping.

Forms follow HPE's documents: "show ip igmp" (ArubaOS-Switch 16.08, v35741448 and v39054802; the short table
is older switches'), "show ip igmp snooping" (AOS-CX 10.01, GUID-BB8FCD85 and GUID-F52A1AC1), "display
igmp-snooping" (12900E, 504721563).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from harness.diagnosis.facts import Family, Members, NoQuerier, QuerierSeen, RouterPorts, Snooping
from harness.readings.shape import Sheet, number, shape, span_s
from harness.readings.text import Line

_PAIR = re.compile(r"^\s*(?P<key>[A-Za-z][\w /().,-]*?)(?P<own>\s*\[this switch\])?\s*:\s*(?P<value>.*?)\s*$")
_VLAN = re.compile(r"^\s*VLAN ID\s*:\s*(?P<vlan>\d{1,4})\b")
_OFF = re.compile(r"^\s*IGMP (?:Snooping )?is not enabled\s*$", re.IGNORECASE)
_GROUP = re.compile(r"^\s*(?P<group>2(?:2[4-9]|3\d)(?:\.\d{1,3}){3})\s+(?P<rest>\S.*)$")
_HEAD = re.compile(r"^\s*(?:Active Group Address(?:es)?\b.*|-[- ]*|IGMP (?:Snooping|Service) Protocol Info)$")
_ROUTERS = "Ports with multicast routers"


@dataclass(slots=True, kw_only=True)
class _Vlan:
    """A VLAN's block, while it is being read."""

    vlan: str
    first: Line
    off: Line | None = None
    values: dict[str, tuple[str, Line]] = field(default_factory=dict)
    own: bool = False
    groups: list[tuple[str, str, Line]] = field(default_factory=list)
    columns: str = ""


def _procurve(sheet: Sheet) -> None:
    """Pairs and a table by VLAN. Where IGMP is off the switch says so."""
    vlans: list[_Vlan] = []
    drops: bool | None = None
    for line in sheet.block.lines:
        if match := _VLAN.match(line.text):
            vlans.append(_Vlan(vlan=match["vlan"], first=line))
            sheet.at(line)
        elif _HEAD.match(line.text):
            sheet.at(line)
            if vlans and "Group" in line.text:
                vlans[-1].columns = line.text
        elif vlans and _OFF.match(line.text):
            vlans[-1].off = line
            sheet.at(line)
        elif vlans and (match := _GROUP.match(line.text)):
            vlans[-1].groups.append((match["group"], _port_of(vlans[-1].columns, line.text), line))
            sheet.at(line)
        elif match := _PAIR.match(line.text):
            sheet.at(line)
            if vlans:
                vlans[-1].values[match["key"].strip()] = (match["value"], line)
                vlans[-1].own |= bool(match["own"])
            elif match["key"] == "IGMP Filter Unknown Multicast Status":
                drops = match["value"].lower() == "enabled"
    for vlan in vlans:
        _add_vlan(sheet, vlan, drops)


def _port_of(columns: str, row: str) -> str:
    """What stands below the head "Ports" or "Querier Access Port"; the latter is no member."""
    at = columns.find(" Ports")
    if at < 0 or len(row) <= at + 1:
        return ""
    return row[at + 1 :].split(maxsplit=1)[0] if row[at + 1 :].split() else ""


def _add_vlan(sheet: Sheet, vlan: _Vlan, drops: bool | None) -> None:
    where, here = sheet.block.host, sheet.at(vlan.first)
    if vlan.off is not None:
        sheet.facts.append(
            Snooping(where=where, at=sheet.at(vlan.off), family=Family.IGMP, on=False, vlan=vlan.vlan)
        )
        return
    # Settings and statistics of a VLAN begin alike, and say nothing of a querier.
    if not vlan.values.keys() & {"Querier Address", "IGMP version", "IGMP Configured Version"}:
        return
    sheet.facts.append(
        Snooping(where=where, at=here, family=Family.IGMP, on=True, vlan=vlan.vlan, drops_unregistered=drops)
    )
    _add_querier(sheet, vlan)
    if _ROUTERS in vlan.values:
        text, line = vlan.values[_ROUTERS]
        ports = tuple(port for port in re.split(r"[,\s]+", text) if port)
        sheet.facts.append(
            RouterPorts(where=where, at=sheet.at(line), ports=ports, family=Family.IGMP, vlan=vlan.vlan)
        )
    for group, port, line in vlan.groups:
        ports = (port,) if port else ()
        sheet.facts.append(Members(where=where, at=sheet.at(line), group=group, ports=ports, vlan=vlan.vlan))


def _add_querier(sheet: Sheet, vlan: _Vlan) -> None:
    if "Querier Address" not in vlan.values:
        return
    address, line = vlan.values["Querier Address"]
    if not re.match(r"^\d{1,3}(?:\.\d{1,3}){3}", address):
        at = sheet.at(line)
        sheet.facts.append(NoQuerier(where=sheet.block.host, at=at, family=Family.IGMP, vlan=vlan.vlan))
        return
    expires = vlan.values.get("Querier Expiration Time", ("", line))[0]
    since = vlan.values.get("Querier UpTime", ("", line))[0]
    sheet.facts.append(
        QuerierSeen(
            where=sheet.block.host,
            at=sheet.at(line),
            family=Family.IGMP,
            address=address.split()[0],
            vlan=vlan.vlan,
            port=vlan.values.get("Querier Port", ("", line))[0],
            own=vlan.own,
            since_s=span_s(since),
            expires_s=span_s(expires),
        )
    )


_COMWARE = re.compile(r"^\s*(?P<family>IGMP|MLD) snooping information: (?:VLAN (?P<vlan>\d{1,4})|.*)$")
_QUERIER = re.compile(r"^Enabled(?: \(IP: (?P<address>[\w.:]+), Expires: (?P<expires>[\d:]+)\))?")


def _comware(sheet: Sheet) -> None:
    """Pairs below a heading, global and by VLAN."""
    sections: list[tuple[Family, str, Line, dict[str, tuple[str, Line]]]] = []
    for line in sheet.block.lines:
        if match := _COMWARE.match(line.text):
            sections.append((Family(match["family"]), match["vlan"] or "", line, {}))
            sheet.at(line)
        elif sections and (match := _PAIR.match(line.text)):
            sections[-1][3][match["key"].strip()] = (match["value"], line)
            sheet.at(line)
    for family, vlan, line, values in sections:
        if vlan:
            _comware_vlan(sheet, family, vlan, values)
        elif values.get("Global-enable", ("", line))[0].lower() == "disabled":
            at = sheet.at(values["Global-enable"][1])
            sheet.facts.append(Snooping(where=sheet.block.host, at=at, family=family, on=False))


def _comware_vlan(sheet: Sheet, family: Family, vlan: str, values: dict[str, tuple[str, Line]]) -> None:
    state = values.get(f"{family.value} snooping")
    if state is None:
        return

    def seconds(key: str) -> float | None:
        return number(values[key][0].rstrip("s")) if key in values else None

    querier = values.get("Querier", ("", state[1]))
    asks = _QUERIER.match(querier[0])
    drops = values["Drop-unknown"][0].lower() == "enabled" if "Drop-unknown" in values else None
    source = values.get("General-query source IP", ("", state[1]))[0]
    where = sheet.block.host
    sheet.facts.append(
        Snooping(
            where=where,
            at=sheet.at(state[1]),
            family=family,
            on=state[0].lower() == "enabled",
            vlan=vlan,
            querier=asks is not None if "Querier" in values else None,
            membership_s=seconds("Host-aging-time"),
            query_interval_s=seconds("Query-interval"),
            response_s=seconds("Max-response-time"),
            drops_unregistered=drops,
            zero_source=source == "0.0.0.0",  # noqa: S104  read, not bound
        )
    )
    if asks is not None and asks["address"]:
        sheet.facts.append(
            QuerierSeen(
                where=where,
                at=sheet.at(querier[1]),
                family=family,
                address=asks["address"],
                vlan=vlan,
                own=asks["address"] == source,
                interval_s=seconds("Query-interval"),
                expires_s=span_s(asks["expires"]),
            )
        )


SHAPES = (
    shape(
        "show ip igmp (ProCurve, ArubaOS-Switch, AOS-CX)",
        r"^\s*IGMP (?:Snooping|Service) Protocol Info|^\s*VLAN ID\s*:\s*\d",
        _procurve,
    ),
    shape("display igmp-snooping (Comware)", r"^\s*(?:IGMP|MLD) snooping information: ", _comware),
)
