"""From ``FILE[::variant]`` arguments to plans. Every mistake of every file is found before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click

from harness.errors import Problem, ScenarioError
from harness.plan.build import build, build_all
from harness.plan.model import Plan
from harness.scenario.loader import LoadedVariant, examine, files
from harness.source import closest


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the command line changes in every plan; None leaves the file's value."""

    seed: int | None = None
    speed: float | None = None

    def apply(self, plan: Plan) -> Plan:
        """Return the plan with these values."""
        return replace(
            plan,
            seed=plan.seed if self.seed is None else self.seed,
            speed=plan.speed if self.speed is None else self.speed,
        )


def split(argument: str) -> tuple[Path, str | None]:
    """Return file and variant of ``FILE[::variant]``; so is an id of pytest's, with ``[netns]`` behind it."""
    path, _, variant = argument.partition("::")
    return Path(path), variant.partition("[")[0] or None


def variants(arguments: tuple[str, ...], names: tuple[str, ...]) -> tuple[LoadedVariant, ...]:
    """Return the variants that are meant, in the order of arguments and files; all, where none is named.

    Raises ScenarioError with the mistakes of all files, and UsageError for a variant that does not exist.
    """
    found: list[LoadedVariant] = []
    problems: list[Problem] = []
    for argument in arguments:
        path, variant = split(argument)
        wanted = (variant,) if variant else names
        for file in existing(path):
            try:
                loaded, form = examine(file)
                if form:
                    build_all(file)
            except ScenarioError as error:
                problems.extend(error.problems)
                continue
            found.extend(_pick(file, loaded.variants, wanted))
    if problems:
        raise ScenarioError(tuple(problems))
    return tuple({(item.file, item.name): item for item in found}.values())


def plans(chosen: tuple[LoadedVariant, ...], overrides: Overrides) -> tuple[Plan, ...]:
    """Return the plans of these variants. Raises ScenarioError with the mistakes of all."""
    built: list[Plan] = []
    problems: list[Problem] = []
    for variant in chosen:
        try:
            built.append(overrides.apply(build(variant)))
        except ScenarioError as error:
            problems.extend(error.problems)
    if problems:
        raise ScenarioError(tuple(problems))
    return tuple(built)


def capture(text: str) -> tuple[str, str]:
    """Return switch and port of ``sw1:p3``. Raises BadParameter."""
    switch, colon, port = text.partition(":")
    if not (switch and colon and port):
        raise click.BadParameter(f"{text!r} is not SWITCH:PORT, such as sw1:p3", param_hint="--pcap")
    return switch, port


def captures_of(plan: Plan, captures: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return what to capture of the plan: a port of a switch with VLANs in each of those that it is in.

    Raises BadParameter for a port that the plan does not have.
    """
    ports = [(switch, port.name) for switch in plan.switches for port in switch.ports]
    found: dict[tuple[str, str], None] = {}
    for name, port in captures:
        own = [
            (switch.name, here)
            for switch, here in ports
            if here == port and name in {switch.name, switch.chassis}
        ]
        if not own:
            known = (f"{owner}:{here}" for switch, here in ports for owner in (switch.name, switch.chassis))
            guess = closest(f"{name}:{port}", dict.fromkeys(known))
            raise click.BadParameter(f"{plan.name} has no port {name}:{port}{guess}", param_hint="--pcap")
        found.update(dict.fromkeys(own))
    return tuple(found)


def existing(path: Path) -> Iterator[Path]:
    """Yield the file, or the scenario files of the folder. Raises UsageError if there is neither."""
    if not path.exists():
        raise click.UsageError(f"{path}: there is no such file or folder")
    yield from files((path,)) if path.is_dir() else (path,)


def _pick(file: Path, loaded: tuple[LoadedVariant, ...], wanted: tuple[str, ...]) -> Iterator[LoadedVariant]:
    names = [variant.name for variant in loaded]
    for name in wanted:
        if name not in names:
            there = ", ".join(names)
            raise click.UsageError(f"{file} has no variant {name!r} (it has {there}){closest(name, names)}")
    yield from (variant for variant in loaded if not wanted or variant.name in wanted)
