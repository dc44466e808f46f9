"""VLANs: every VLAN of a switch becomes a broadcast domain of its own, and a trunk a link for each VLAN.

A switch that snoops keeps tables, timers and a querier for each VLAN, and nothing of one reaches another
(IEEE 802.1Q). So a plan has no tags: sw1 with VLANs 10 and 20 is planned as two switches, sw1.10 and sw1.20,
whose ports keep the numbers of the one chassis. Names as they are written (sw1, sw1.20) are read here into
names of domains; mistakes are collected.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address

from harness.plan.names import Loc, Mistakes, Names, chassis_of, domain_name
from harness.scenario.network import Switch, SwitchSettings

Lane = tuple[str, str]
"""What a cable joins in one VLAN: a broadcast domain at each end."""


def listed(switch: str, names: Names) -> str:
    """``sw1 has VLANs 10 and 20``, or ``sw1 has no VLANs``."""
    vlans = names.vlans.get(switch, ())
    if not vlans:
        return f"{switch} has no VLANs"
    *most, last = (str(vlan) for vlan in vlans)
    return f"{switch} has VLANs {', '.join(most)} and {last}" if most else f"{switch} has VLAN {last} only"


def settings_of(switch: Switch, vlan: int | None, loc: Loc) -> tuple[tuple[SwitchSettings, Loc], ...]:
    """What a file sets for a domain, and where: first for the whole switch, then for the VLAN alone."""
    whole: tuple[SwitchSettings, Loc] = (switch, loc)
    if vlan is None or switch.vlans is None:
        return (whole,)
    return whole, (switch.vlans[vlan], (*loc, "vlans", str(vlan)))


def written_address(switch: Switch, vlan: int | None, index: int) -> tuple[IPv4Address | None, int]:
    """The address that a file gives a VLAN of switch ``index`` (from 0) of equal ones: so far behind it.

    The address of a whole switch is its first VLAN's, and the others count on.
    """
    vlans = tuple(switch.vlans or (vlan,))
    own = None if switch.vlans is None or vlan is None else switch.vlans[vlan].address
    return (own, index) if own is not None else (switch.address, index * len(vlans) + vlans.index(vlan))


# --- references ---------------------------------------------------------------------------------------------


def domains(
    name: str,
    names: Names,
    loc: Loc,
    mistakes: Mistakes,
    *,
    kind: str = "switch",
    others: tuple[str, ...] = (),
) -> tuple[str, ...]:
    """The domains that ``sw1`` (all of its VLANs) or ``sw1.20`` stands for; ``others`` stand for themselves.

    None after a mistake.
    """
    if name in others or name in names.domains:
        return (name,)
    if name in names.switches:
        return names.domains_of(name)
    tell_unknown(name, names, loc, mistakes, kind=kind, others=others)
    return ()


def one_domain(name: str, names: Names, loc: Loc, mistakes: Mistakes) -> str | None:
    """The domain that a name stands for where it can be one only."""
    found = domains(name, names, loc, mistakes)
    if len(found) == 1:
        return found[0]
    if found:
        mistakes.add(loc, f"{listed(name, names)}, each with tables of its own: write {_either(found)}")
    return None


def tell_unknown(
    name: str, names: Names, loc: Loc, mistakes: Mistakes, *, kind: str = "switch", others: Iterable[str] = ()
) -> None:
    """The mistake of a name that is no switch and no VLAN of one."""
    switch = chassis_of(name)
    if switch != name and switch in names.switches:
        mistakes.add(loc, f'no VLAN "{name}": {listed(switch, names)}')
    else:
        dotted = names.domains if switch != name else ()
        known = dict.fromkeys((*names.switches, *others, *dotted))
        mistakes.add_unknown(loc, kind, name, known)


def _either(found: tuple[str, ...]) -> str:
    return f"{', '.join(found[:-1])} or {found[-1]}"


# --- where things are plugged -------------------------------------------------------------------------------


def access(
    place: str, vlan: int | None, names: Names, locs: tuple[Loc, Loc], mistakes: Mistakes
) -> str | None:
    """The domain of a port in one VLAN: of ``place`` (sw1 or sw1.20) and of what ``vlan`` says.

    ``locs`` are where the place stands, and where ``vlan`` does. None after a mistake.
    """
    loc, vlan_loc = locs
    switch = chassis_of(place)
    vlans = names.vlans.get(switch, ())
    if place != switch:
        if vlan is None or domain_name(switch, vlan) == place:
            return place
        mistakes.add(vlan_loc, f"{place} is not in VLAN {vlan}: write one of the two")
    elif vlan is None:
        if not vlans:
            return place
        mistakes.add(loc, f"{listed(switch, names)}: say which: vlan: {vlans[0]}, or on: {place}.{vlans[0]}")
    elif vlan in vlans:
        return domain_name(switch, vlan)
    else:
        mistakes.add(vlan_loc, f"no VLAN {vlan} here: {listed(switch, names)}")
    return None


def lanes(
    ends: tuple[str, str],
    vlan: int | None,
    allowed: tuple[int, ...] | None,
    names: Names,
    loc: Loc,
    mistakes: Mistakes,
) -> tuple[Lane, ...]:
    """What a cable between two places (sw1 or sw1.20) joins; nothing after a mistake.

    Between two switches with VLANs it is a trunk, unless ``vlan`` or the places say otherwise.
    ``allowed`` are the VLANs that a trunk carries, None for all that both ends have.
    """
    without = [end for end in ends if end not in names.vlans]
    if not without and vlan is None:
        return _trunk(ends, allowed, names, loc, mistakes)
    if allowed is not None:
        message = f"a trunk joins two switches with VLANs, and {_why_not_trunk(without[0], names)}"
        mistakes.add((*loc, "vlans"), message)
        return ()
    if vlan is not None and set(without) >= set(ends) and set(ends) <= set(names.switches):
        mistakes.add((*loc, "vlan"), f"{listed(ends[0], names)}, and {listed(ends[1], names)}")
        return ()
    joined: list[str] = []
    for end in ends:
        plain = end in names.switches and end not in names.vlans
        if end in names.vlans and vlan is None:
            other = next(other for other in ends if other != end)
            message = f"{listed(end, names)}, and {_why_not_trunk(other, names)}: say which the cable is in: "
            mistakes.add(loc, f"{message}vlan: {names.vlans[end][0]}")
            continue
        domain = end if plain else access(end, vlan, names, (loc, (*loc, "vlan")), mistakes)
        joined += [] if domain is None else [domain]
    return ((joined[0], joined[1]),) if len(joined) == len(ends) else ()


def _why_not_trunk(end: str, names: Names) -> str:
    return listed(end, names) if end in names.switches else f"{end} is one VLAN"


def _trunk(
    ends: tuple[str, str],
    allowed: tuple[int, ...] | None,
    names: Names,
    loc: Loc,
    mistakes: Mistakes,
) -> tuple[Lane, ...]:
    common = [vlan for vlan in names.vlans[ends[0]] if vlan in names.vlans[ends[1]]]
    if allowed is None and not common:
        both = f"{listed(ends[0], names)}, and {listed(ends[1], names)}"
        mistakes.add(loc, f"this trunk carries nothing: {both}")
    for index, vlan in enumerate(allowed or ()):
        missing = next((end for end in ends if vlan not in names.vlans[end]), None)
        if missing is not None:
            mistakes.add((*loc, "vlans", index), f"no VLAN {vlan} here: {listed(missing, names)}")
    carried = [vlan for vlan in common if allowed is None or vlan in allowed]
    return tuple((domain_name(ends[0], vlan), domain_name(ends[1], vlan)) for vlan in carried)
