"""Reading scenario files: variants merged, topologies filled in, every mistake with its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.scenario.model import Role, Scenario
from harness.source import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedVariant:
    """One variant merged over its base; ``tree`` says where each value stands."""

    file: Path
    name: str
    role: Role | None
    about: str
    scenario: Scenario
    tree: Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedFile:
    """A scenario file with all of its variants, in the order of the file."""

    file: Path
    title: str
    variants: tuple[LoadedVariant, ...]


def load(path: Path) -> LoadedFile:
    """Every variant of a file. Raises ScenarioError with every mistake that was found."""
    raise NotImplementedError


def files(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The scenario files among ``paths`` and in the folders among them, sorted."""
    raise NotImplementedError
