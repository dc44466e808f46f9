"""Output of ``bridge``, ``ip`` and the kernel's log, as text and as JSON.

Forms are those of iproute2 6.1 with Linux 6.18; times of ``ip -d link`` are in 1/100 s. The log's line is the
one that the kernel writes when a bridge's table is full.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from harness.diagnosis.facts import (
    Family,
    InterfaceMtu,
    Members,
    Place,
    RouterPorts,
    Snooping,
    TableOverflow,
)
from harness.readings.shape import Shape, Sheet, shape
from harness.readings.text import Line

_HUNDREDTH_S = 0.01
_MDB = re.compile(
    r"^\s*(?:\d+:\s+)?dev (?P<dev>\S+) port (?P<port>\S+) grp (?P<group>\S+)"
    r"(?: src (?P<source>\S+))?(?P<rest>.*)$"
)
_VID = re.compile(r"\bvid (\d+)")
_ROUTERS = re.compile(r"^\s*router ports on (?P<dev>\S+?):(?P<ports>.*)$")
_TIMER_OR_KIND = re.compile(r"^(?:\d+\.\d+|temp|permanent)$")
"""What stands behind each router port with -s."""
_LINK = re.compile(r"^\d+: (?P<name>[^\s:@]+)(?:@\S+)?: <[A-Z0-9_,-]*>(?P<rest>.*)$")
_MTU = re.compile(r"\bmtu (\d{1,9})\b")
_MASTER = re.compile(r"\bmaster (\S+)")
_PAIR = re.compile(r"\b(mcast_\w+) (\d{1,12})\b")
_FULL = re.compile(
    r"Multicast hash table maximum of (?P<limit>\d{1,9}) reached, disabling snooping: (?P<dev>\S+)"
)


def _mdb(sheet: Sheet) -> None:
    ports: dict[tuple[str, str, str, str], tuple[list[str], Place]] = {}
    routers: dict[str, tuple[list[str], Place]] = {}
    for line in sheet.block.lines:
        if match := _MDB.match(line.text):
            vid = _VID.search(match["rest"])
            key = (match["dev"], match["group"], match["source"] or "", vid[1] if vid else "")
            ports.setdefault(key, ([], sheet.at(line)))[0].append(match["port"])
            sheet.at(line)
        elif match := _ROUTERS.match(line.text):
            names = [word for word in match["ports"].split() if not _TIMER_OR_KIND.match(word)]
            routers.setdefault(match["dev"], ([], sheet.at(line)))[0].extend(names)
    _add_tables(sheet, ports, routers)


def _add_tables(
    sheet: Sheet,
    ports: Mapping[tuple[str, str, str, str], tuple[list[str], Place]],
    routers: Mapping[str, tuple[list[str], Place]],
) -> None:
    for (dev, group, source, vlan), (names, at) in ports.items():
        sheet.facts.append(
            Members(
                where=_named(sheet, dev),
                at=at,
                group=group,
                ports=tuple(dict.fromkeys(names)),
                vlan=vlan,
                source=source,
            )
        )
    for dev, (names, at) in routers.items():
        sheet.facts.append(RouterPorts(where=_named(sheet, dev), at=at, ports=tuple(dict.fromkeys(names))))


def _named(sheet: Sheet, dev: str) -> str:
    return f"{dev} of {sheet.block.host}" if sheet.block.host else dev


def _links(sheet: Sheet) -> None:
    """Each interface is a line and the lines below it, wherever a mailer has broken those."""
    begun: list[tuple[str, Line, list[str]]] = []
    for line in sheet.block.lines:
        if match := _LINK.match(line.text):
            begun.append((match["name"], line, [match["rest"]]))
            sheet.at(line)
        elif begun and (line.text.startswith((" ", "\t")) or _PAIR.search(line.text)):
            begun[-1][2].append(line.text)
            sheet.at(line)
    for name, line, parts in begun:
        text = " ".join(parts)
        settings = {key: int(value) for key, value in _PAIR.findall(text)}
        mtu, master = _MTU.search(text), _MASTER.search(text)
        _add_link(
            sheet,
            name,
            sheet.at(line),
            settings,
            mtu=int(mtu[1]) if mtu else None,
            bridge=master[1] if master and " bridge_slave " in text else "",
        )


def _add_link(
    sheet: Sheet, name: str, at: Place, settings: Mapping[str, int], *, mtu: int | None, bridge: str
) -> None:
    where = sheet.block.host
    if mtu is not None:
        sheet.facts.append(InterfaceMtu(where=where, at=at, interface=name, mtu=mtu, bridge=bridge))
    if "mcast_snooping" not in settings:
        return
    for family in Family:
        sheet.facts.append(
            Snooping(
                where=_named(sheet, name),
                at=at,
                family=family,
                on=bool(settings["mcast_snooping"]),
                querier=bool(settings["mcast_querier"]) if "mcast_querier" in settings else None,
                membership_s=_hundredths(settings, "mcast_membership_interval", "mcast_membership_intvl"),
                query_interval_s=_hundredths(settings, "mcast_query_interval", "mcast_query_intvl"),
                response_s=_hundredths(
                    settings, "mcast_query_response_interval", "mcast_query_response_intvl"
                ),
                linux=True,
                table_limit=settings.get("mcast_hash_max"),
                # MLD's querier always has the link-local address.
                zero_source=family is Family.IGMP and settings.get("mcast_query_use_ifaddr") == 0,
            )
        )


def _hundredths(settings: Mapping[str, int], *names: str) -> float | None:
    return next((settings[name] * _HUNDREDTH_S for name in names if name in settings), None)


def _log(sheet: Sheet) -> None:
    for line in sheet.block.lines:
        if match := _FULL.search(line.text):
            sheet.facts.append(
                TableOverflow(
                    where=sheet.block.host,
                    at=sheet.at(line),
                    limit=int(match["limit"]),
                    interface=match["dev"],
                )
            )


def read_json(sheet: Sheet) -> bool:
    """Read a block of JSON of ``bridge -j mdb`` or ``ip -j link``; False if it is of neither."""
    try:
        data = json.loads("\n".join(line.text for line in sheet.block.lines))
    except (ValueError, RecursionError):
        return False
    entries = [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []
    known = False
    for entry in entries:
        if isinstance(entry.get("mdb"), list) or isinstance(entry.get("router"), dict):
            _json_mdb(sheet, entry)
            known = True
        elif isinstance(entry.get("ifname"), str):
            _json_link(sheet, entry)
            known = True
    if known:
        for line in sheet.block.lines:
            sheet.at(line)
    return known


def _json_mdb(sheet: Sheet, entry: Mapping[str, object]) -> None:
    at = sheet.at(sheet.block.lines[0])
    ports: dict[tuple[str, str, str, str], tuple[list[str], Place]] = {}
    for one in _objects(entry.get("mdb")):
        key = (_text(one, "dev"), _text(one, "grp"), _text(one, "src"), _text(one, "vid"))
        ports.setdefault(key, ([], at))[0].append(_text(one, "port"))
    routers: dict[str, tuple[list[str], Place]] = {}
    router = entry.get("router")
    for dev, known in router.items() if isinstance(router, dict) else ():
        routers[str(dev)] = ([_text(one, "port") for one in _objects(known)], at)
    _add_tables(sheet, ports, routers)


def _json_link(sheet: Sheet, entry: Mapping[str, object]) -> None:
    info = entry.get("linkinfo")
    info = info if isinstance(info, dict) else {}
    data = info.get("info_data")
    settings = {
        key: int(value)
        for key, value in (data.items() if isinstance(data, dict) else ())
        if str(key).startswith("mcast_") and isinstance(value, int)
    }
    mtu = entry.get("mtu")
    slave = info.get("info_slave_kind") == "bridge"
    _add_link(
        sheet,
        _text(entry, "ifname"),
        sheet.at(sheet.block.lines[0]),
        settings,
        mtu=mtu if isinstance(mtu, int) else None,
        bridge=_text(entry, "master") if slave else "",
    )


def _objects(value: object) -> Iterable[Mapping[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, Sequence) else []


def _text(entry: Mapping[str, object], key: str) -> str:
    value = entry.get(key, "")
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


SHAPES: tuple[Shape, ...] = (
    shape("bridge mdb show", r"^\s*(?:\d+:\s+)?dev \S+ port \S+ grp |^\s*router ports on \S+:", _mdb),
    shape("ip link", r"^\d+: [^\s:]+: <[A-Z0-9_,-]*> ", _links),
    shape("kernel log of a bridge", _FULL.pattern, _log),
)
