"""``mcast profiles``: what each platform does as shipped, where each value comes from, and which are guesses.

Shows the data of ``harness.profiles`` and adds nothing to it. A name is that of a shipped profile, or the
path of a user's own file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import wrap

import click

from harness import profiles
from harness.errors import ExitCode
from harness.profiles import Profile
from harness.profiles.loader import QUERIER
from harness.source.duration import text as duration_text

_EXAMPLES = f"""Show what each platform does with multicast as shipped.

Without NAME one line for each profile; with NAME every value, its source, and a mark where nobody has looked
it up. NAME is a profile, or the path of your own (it ends in {profiles.SUFFIX}).

\b
Examples:
  mcast profiles
  mcast profiles juniper-ex
  mcast profiles ./my{profiles.SUFFIX}
  mcast profiles --json | jq '.[] | select(.class == "C") | .name'
"""

_WIDTH = 110
_IN_TABLE = ("snooping", "querier", "unregistered", "flood_until", "membership_interval")
_HEADINGS = (
    *("name", "class", "snooping", "querier", "unregistered"),
    *("flood until", "membership", "unverified", "platform"),
)
_AGES = ("membership_interval", "router_port_interval")
"""The intervals of which 0 is for ever."""
_LIMITS = ("most_groups", "most_groups_per_port")
"""The counts of which 0 is no limit."""
_SECTION = "querier_defaults."
_GROUPS = {
    "what runs as shipped": ("snooping", "mld_snooping", "querier"),
    "groups without a member": ("unregistered", "flood_until"),
    "members": (
        *("membership_interval", "last_member_interval", "last_member_count", "fast_leave"),
        *("source_filtering", "any_source_in_ssm", "lookup"),
        *("most_groups", "most_groups_per_port", "above_most_groups", "checks"),
    ),
    "router ports": ("router_port_interval", "learn_router_from_zero", "learn_router_from_pim"),
    "where messages are relayed to": ("relay_reports_to", "relay_records_to", "report_suppression"),
    "when the spanning tree changes": ("on_topology_change", "topology_change_queries"),
    "what silences its querier": ("querier_needs_address", "querier_yields_to_router_port"),
    "its querier, once switched on (querier_defaults)": tuple(f"{_SECTION}{name}" for name in QUERIER),
}
"""The settings as they are shown, in parts with a heading each."""
_LOCAL = "224.0.0.x floods to every port, whatever the profile (RFC 4541 section 2.1.2 (2))."
_TABLE_NOTES = f"""\
flood until: everything floods before it is known. unverified: how many values nobody has looked up.
{_LOCAL}"""


@click.command(name="profiles", help=_EXAMPLES)
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--json", "wants_json", is_flag=True, help="One JSON document: a list, or with NAME an object.")
def command(name: str | None, wants_json: bool) -> ExitCode:
    """Show all profiles, or one."""
    if name is None:
        found = [profiles.load(each) for each in profiles.names()]
        told = json.dumps([_as_json(each) for each in found], indent=2) if wants_json else _table(found)
    else:
        profile = named(name)
        told = json.dumps(_as_json(profile), indent=2) if wants_json else "\n".join(_described(profile))
    click.echo(told)
    return ExitCode.PASSED


def named(name: str) -> Profile:
    """A profile by its name, or from the user's own file. Raises UsageError, ScenarioError."""
    if profiles.is_file(name):
        return profiles.read_profile(Path(name))
    try:
        return profiles.load(name)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _shown(profile: Profile, setting: str) -> str:
    """A value as people write it: ``on``, ``260 s``, ``for ever``."""
    value = profile.value_of(setting)
    match value:
        case bool():
            return "on" if value else "off"
        case float():
            return "for ever" if value == 0 and setting in _AGES else duration_text(value)
        case tuple():
            return ", ".join(value) or "none"
        case 0 if setting in _LIMITS:
            return "no limit"
        case _:
            return str(value)


def _table(found: Sequence[Profile]) -> str:
    rows = [_HEADINGS, *(_row(profile) for profile in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join((*lines, "", _TABLE_NOTES))


def _row(profile: Profile) -> tuple[str, ...]:
    values = (_shown(profile, setting) for setting in _IN_TABLE)
    doubts, of = len(profile.doubts()), len(profile.provenance)
    return (profile.name, profile.behaviour_class.value, *values, f"{doubts} of {of}", profile.title)


def _described(profile: Profile) -> Iterator[str]:
    yield f"{profile.name}: {profile.title}"
    yield f"vendor {profile.vendor}, class {profile.behaviour_class.value}, {profile.data_plane.words}"
    yield ""
    yield from wrap(profile.about, _WIDTH)
    yield ""
    sources: list[str] = []
    for heading, settings in _GROUPS.items():
        yield heading
        yield from (f"  {line}" for line in _lines(profile, settings, sources))
        yield ""
    for number, source in enumerate(sources, 1):
        yield from wrap(f"[{number}] {source}", _WIDTH, subsequent_indent="    ")
    yield _LOCAL


def _lines(profile: Profile, settings: Sequence[str], sources: list[str]) -> Iterator[str]:
    """A line for each setting; its source is entered among ``sources`` at its first mention."""
    widest = max(len(setting.removeprefix(_SECTION)) for group in _GROUPS.values() for setting in group)
    for setting in settings:
        origin = profile.source_of(setting)
        if origin.source not in sources:
            sources.append(origin.source)
        mark = "" if origin.verified else "  not verified"
        value, number = _shown(profile, setting), sources.index(origin.source) + 1
        yield f"{setting.removeprefix(_SECTION):{widest}}  {value:12}  [{number}]{mark}"


def _as_json(profile: Profile) -> dict[str, object]:
    """A profile for programs; times are seconds, which ``unit`` says."""
    settings = {
        origin.setting: {
            "value": profile.value_of(origin.setting),
            "unit": "s" if isinstance(profile.value_of(origin.setting), float) else None,
            "source": origin.source,
            "verified": origin.verified,
        }
        for origin in profile.provenance
    }
    return {
        "name": profile.name,
        "title": profile.title,
        "vendor": profile.vendor,
        "class": profile.behaviour_class.value,
        "data_plane": profile.data_plane.value,
        "about": profile.about,
        "settings": settings,
    }
