"""Show commands of Junos, FastIron, Open vSwitch and RouterOS about IGMP and MLD snooping.

Forms follow what documents show: "show igmp-snooping vlans" (Junos 12.2, EX series: its columns), "show igmp
snooping membership" of Junos with the enhanced layer 2 software, "show ip multicast" of ICX 7150 and 8200 as
their administrators published it, ``ovs-appctl mdb/show`` of Open vSwitch 3.1, "/interface bridge mdb print"
of RouterOS 7 (help.mikrotik.com, bridge IGMP/MLD snooping).
"""

from __future__ import annotations

import re

from harness.diagnosis.facts import Family, Members, NoQuerier, Place, QuerierSeen, RouterPorts, Snooping
from harness.readings.shape import Sheet, number, shape
from harness.readings.text import Line

_JUNOS_HEAD = r"^\s*VLAN\s+Interfaces\s+Groups\s+MRouters\b"
_JUNOS_ROW = re.compile(r"^\s*(?P<vlan>[\w.-]+)\s+\d{1,6}\s+\d{1,6}\s+(?P<routers>\d{1,6})\b")


def _junos_vlans(sheet: Sheet) -> None:
    """A row a VLAN on which snooping is on, with the number of multicast routers."""
    for line in sheet.block.lines:
        if re.match(_JUNOS_HEAD, line.text):
            sheet.at(line)
        elif match := _JUNOS_ROW.match(line.text):
            at, vlan = sheet.at(line), match["vlan"]
            where = sheet.block.host
            sheet.facts.append(Snooping(where=where, at=at, family=Family.IGMP, on=True, vlan=vlan))
            if match["routers"] == "0":
                sheet.facts.append(RouterPorts(where=where, at=at, ports=(), family=Family.IGMP, vlan=vlan))


_JUNOS_VLAN = re.compile(r"^\s*V(?:lan|LAN): (?P<vlan>[\w.-]+)")
_JUNOS_INTERFACE = re.compile(r"^\s*Interface: (?P<port>[\w./:-]+)")
_JUNOS_GROUP = re.compile(r"^\s*Group: (?P<group>[\w.:]+)\s*$")
_JUNOS_REST = re.compile(
    r"^\s*(?:Instance|Learning-Domain|Group mode|Source|Last reported by|Group timeout|Type)\b.*: "
)


def _junos_membership(sheet: Sheet) -> None:
    """VLANs, their interfaces, and the groups of each."""
    vlan = port = ""
    ports: dict[tuple[str, str], tuple[list[str], Place]] = {}
    for line in sheet.block.lines:
        if match := _JUNOS_VLAN.match(line.text):
            vlan = match["vlan"]
        elif match := _JUNOS_INTERFACE.match(line.text):
            port = match["port"]
        elif match := _JUNOS_GROUP.match(line.text):
            ports.setdefault((vlan, match["group"]), ([], sheet.at(line)))[0].append(port)
        elif not _JUNOS_REST.match(line.text):
            continue
        sheet.at(line)
    for (of, group), (names, at) in ports.items():
        sheet.facts.append(
            Members(where=sheet.block.host, at=at, group=group, ports=tuple(dict.fromkeys(names)), vlan=of)
        )


_CONFIG = re.compile(r"^\s*igmp-snooping \{|^\s*vlan (?P<vlan>[\w.-]+)(?P<end>;| \{)\s*$")


def _junos_config(sheet: Sheet) -> None:
    """``vlan all;`` or ``vlan NAME { ... }`` below ``[edit protocols]``; ``disable`` switches it off."""
    open_vlan: tuple[str, Line] | None = None
    off = False
    for line in sheet.block.lines:
        match = _CONFIG.match(line.text)
        if match is not None and match["vlan"]:
            at = sheet.at(line)
            if match["end"] == ";":
                _add_config(sheet, match["vlan"], at, on=True)
            else:
                open_vlan, off = (match["vlan"], line), False
        elif line.text.strip() == "disable;":
            sheet.at(line)
            off = True
        elif line.text.strip() == "}":
            sheet.at(line)
            if open_vlan is not None:
                _add_config(sheet, open_vlan[0], sheet.at(open_vlan[1]), on=not off)
            open_vlan = None
        elif match is not None or line.text.startswith("[edit"):
            sheet.at(line)


def _add_config(sheet: Sheet, vlan: str, at: Place, *, on: bool) -> None:
    named = "" if vlan == "all" else vlan
    sheet.facts.append(Snooping(where=sheet.block.host, at=at, family=Family.IGMP, on=on, vlan=named))


_IRON = re.compile(
    r"^\s*VL(?P<vlan>\d{1,4}): (?:dft|cfg) V(?P<version>[123]), (?:vlan|glb) cfg (?P<mode>active|passive)"
    r"(?P<rest>.*)$"
)
_IRON_TIMES = re.compile(r"^\s*Version=\d, Intervals: Query=(?P<query>\d{1,6}), Group Age=(?P<age>\d{1,6})")
_IRON_OFF = re.compile(r'^\s*global "ip multicast" or vlan "multicast" is not enabled')
_IRON_OWN = re.compile(r"^\s*My Query address: (?P<address>[\w.:]+)")
_IRON_REST = re.compile(r"^\s*Summary of all vlans\.")


def _fastiron(sheet: Sheet) -> None:
    """A line a VLAN: active is snooping with a querier, passive without."""
    where = sheet.block.host
    query_s = age_s = None
    active: tuple[str, int] | None = None
    for line in sheet.block.lines:
        if match := _IRON_TIMES.match(line.text):
            query_s, age_s = number(match["query"]), number(match["age"])
            sheet.at(line)
        elif _IRON_OFF.match(line.text):
            sheet.facts.append(Snooping(where=where, at=sheet.at(line), family=Family.IGMP, on=False))
        elif match := _IRON.match(line.text):
            at, vlan = sheet.at(line), match["vlan"]
            asks = match["mode"] == "active"
            active = (vlan, int(match["version"])) if asks else None
            sheet.facts.append(
                Snooping(
                    where=where,
                    at=at,
                    family=Family.IGMP,
                    on=True,
                    vlan=vlan,
                    querier=asks,
                    membership_s=age_s,
                    query_interval_s=query_s,
                )
            )
            if not asks and "no rtr port" in match["rest"]:
                sheet.facts.append(RouterPorts(where=where, at=at, ports=(), family=Family.IGMP, vlan=vlan))
        elif match := _IRON_OWN.match(line.text):
            at = sheet.at(line)
            if active is not None:
                address, (vlan, version) = match["address"], active
                family = Family.MLD if ":" in address else Family.IGMP
                sheet.facts.append(
                    QuerierSeen(
                        where=where,
                        at=at,
                        family=family,
                        address=address,
                        vlan=vlan,
                        version=version,
                        own=True,
                    )
                )
        elif _IRON_REST.match(line.text):
            sheet.at(line)


_OVS_HEAD = r"^\s*port\s+VLAN\s+(?:protocol\s+)?GROUP\s+Age\s*$"
_OVS_ROW = re.compile(
    r"^\s*(?P<port>\S+)\s+(?P<vlan>\d{1,4})\s+(?:(?:IGMP|MLD|static)\w*\s+)?"
    r"(?P<group>querier|[0-9a-fA-F.:]+)\s+(?:\d+|-)\s*$"
)


def _open_vswitch(sheet: Sheet) -> None:
    """A row a port and group; a port behind which somebody queries has the group "querier"."""
    ports: dict[tuple[str, str], tuple[list[str], Place]] = {}
    routers: list[str] = []
    head: Place | None = None
    for line in sheet.block.lines:
        if re.match(_OVS_HEAD, line.text):
            head = sheet.at(line)
        elif match := _OVS_ROW.match(line.text):
            at = sheet.at(line)
            vlan = "" if match["vlan"] == "0" else match["vlan"]
            if match["group"] == "querier":
                routers.append(match["port"])
            else:
                ports.setdefault((vlan, match["group"]), ([], at))[0].append(match["port"])
    where = sheet.block.host
    for (vlan, group), (names, at) in ports.items():
        sheet.facts.append(
            Members(where=where, at=at, group=group, ports=tuple(dict.fromkeys(names)), vlan=vlan)
        )
    if head is not None:
        sheet.facts.append(RouterPorts(where=where, at=head, ports=tuple(dict.fromkeys(routers))))
        if not routers:
            sheet.facts.append(NoQuerier(where=where, at=head, family=Family.IGMP))


_ROS_HEAD = r"^\s*(?:#\s+)(?:BRIDGE\s+)?GROUP\s.*ON-PORTS"
_ROS_ROW = re.compile(
    r"^\s*\d{1,6}\s+(?:[A-Z]+\s+)?(?P<group>[0-9a-fA-F.:]+)(?:\s+(?P<vid>\d{1,4}))?"
    r"\s+(?P<port>[A-Za-z]\S*)(?:\s+(?P<bridge>\S+))?\s*$"
)
_ROS_MORE = re.compile(r"^\s{3,}(?P<port>[A-Za-z][\w.+-]*)\s*$")
_ROS_REST = re.compile(r"^\s*(?:Flags: |Columns: )")


def _routeros(sheet: Sheet) -> None:
    """Numbered rows; further ports of a group stand below its first."""
    rows: list[tuple[str, str, str, Place, list[str]]] = []
    for line in sheet.block.lines:
        if match := _ROS_ROW.match(line.text):
            rows.append(
                (match["group"], match["vid"] or "", match["bridge"] or "", sheet.at(line), [match["port"]])
            )
        elif rows and (match := _ROS_MORE.match(line.text)):
            rows[-1][4].append(match["port"])
            sheet.at(line)
        elif re.match(_ROS_HEAD, line.text) or _ROS_REST.match(line.text):
            sheet.at(line)
    for group, vlan, bridge, at, ports in rows:
        where = " of ".join(name for name in (bridge, sheet.block.host) if name)
        sheet.facts.append(Members(where=where, at=at, group=group, ports=tuple(ports), vlan=vlan))


SHAPES = (
    shape("show igmp-snooping vlans (Junos)", _JUNOS_HEAD, _junos_vlans),
    shape(
        "show igmp snooping membership (Junos)",
        r"^Instance: \S+\s*$|^\s*Vlan: \S+\s*$",
        _junos_membership,
    ),
    shape(
        "show protocols igmp-snooping (Junos)",
        r"^vlan (?:all|[\w.-]+)(?:;| \{)\s*$|^\s*igmp-snooping \{",
        _junos_config,
    ),
    shape(
        "show ip multicast (FastIron)",
        r"^\s*VL\d{1,4}: (?:dft|cfg) V|^\s*Version=\d, Intervals: |"
        rf"{_IRON_OFF.pattern}|{_IRON_REST.pattern}",
        _fastiron,
    ),
    shape("ovs-appctl mdb/show", _OVS_HEAD, _open_vswitch),
    shape("/interface bridge mdb print (RouterOS)", rf"{_ROS_HEAD}|^Columns: GROUP,", _routeros),
)
