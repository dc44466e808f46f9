"""A question: what if these settings, each with these values, in all combinations, held in this variant?

An axis is one ``--vary``. A setting is one value of each axis. Making the scenario of a setting lays its
values over the variant as a file would have them, so that the language itself says what is wrong with a
value; what it says of a value names the option and not a place in the file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from harness.errors import ExitCode, HarnessError, Problem, ScenarioError
from harness.plan.build import build
from harness.plan.model import Plan
from harness.scenario.loader import LoadedVariant, revised
from harness.source import Mapping, put
from harness.what_if import paths
from harness.what_if.values import Value, ValuesError, read

OPTION = "--vary"
_EXAMPLE = "such as switches.*.querier=on,off"

Setting = tuple[Value, ...]
"""A value of each axis, in the order of the axes."""


class VaryError(HarnessError):
    """An option cannot be meant, or not in this scenario: a sentence for each mistake."""

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, messages: tuple[str, ...]) -> None:
        self.messages = tuple(dict.fromkeys(messages))
        super().__init__("\n".join(self.messages))


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One option: where, and which values."""

    text: str
    path: paths.Path
    values: tuple[Value, ...]

    @property
    def place(self) -> Path:
        """Stands for the file in positions of this option's nodes."""
        return _place(self.text)

    def lay(self, tree: Mapping, value: Value) -> Mapping:
        """Return the tree with a value at every place of the path. Raises VaryError if there is none."""
        try:
            found = self.path.places(tree)
        except paths.PathError as error:
            raise VaryError((f"{OPTION} {self.text}: {error}",)) from error
        for loc in found:
            changed = put(tree, loc, value.node)
            assert isinstance(changed, Mapping)
            tree = changed
        return tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A variant, and the axes along which it is varied."""

    variant: LoadedVariant
    axes: tuple[Axis, ...]

    @property
    def size(self) -> int:
        """Return how many settings there are."""
        return math.prod(len(axis.values) for axis in self.axes)

    def settings(self) -> Iterator[Setting]:
        """Every combination; the last axis changes fastest."""
        return product(*(axis.values for axis in self.axes))

    def scenario(self, setting: Setting) -> LoadedVariant:
        """Return the variant with these values. Raises VaryError with every mistake of form."""
        return self._revised(tuple(zip(self.axes, setting, strict=True)))

    def plan(self, setting: Setting) -> Plan:
        """Return the plan of these values. Raises VaryError with every mistake."""
        scenario = self.scenario(setting)
        try:
            return build(scenario)
        except ScenarioError as error:
            raise VaryError(self._told(error.problems)) from error

    def examine(self) -> None:
        """Raise VaryError with every value that the language refuses, whatever the other axes say."""
        told: list[str] = []
        for axis in self.axes:
            for value in axis.values:
                try:
                    self._revised(((axis, value),))
                except VaryError as error:
                    told += [text for text in error.messages if text.startswith(f"{OPTION} {axis.text}: ")]
        if told:
            raise VaryError(tuple(told))

    def _revised(self, changes: tuple[tuple[Axis, Value], ...]) -> LoadedVariant:
        def lay(tree: Mapping, *, early: bool) -> Mapping:
            for axis, value in changes:
                if axis.path.is_early is early:
                    tree = axis.lay(tree, value)
            return tree

        try:
            return revised(
                self.variant,
                early=lambda tree: lay(tree, early=True),
                late=lambda tree: lay(tree, early=False),
            )
        except ScenarioError as error:
            raise VaryError(self._told(error.problems)) from error

    def _told(self, problems: tuple[Problem, ...]) -> tuple[str, ...]:
        """Problems as sentences: those of a value name its option."""
        options = {axis.place: axis.text for axis in self.axes}
        return tuple(
            f"{OPTION} {options[problem.file]}: {problem.message}"
            if problem.file in options
            else str(problem)
            for problem in problems
        )


def read_axes(texts: tuple[str, ...]) -> tuple[Axis, ...]:
    """Return the axes of the options' texts, ``PATH=VALUES``. Raises VaryError with every mistake."""
    axes: list[Axis] = []
    told: list[str] = []
    for text in texts:
        path, equals, written = text.partition("=")
        try:
            if not equals:
                raise ValuesError(f"write PATH=VALUES, {_EXAMPLE}")
            found = paths.parse(path)
            axes.append(Axis(text=text, path=found, values=read(written, _place(text))))
        except (paths.PathError, ValuesError) as error:
            told.append(f"{OPTION} {text}: {error}")
    twice = [
        axis
        for number, axis in enumerate(axes)
        if axis.path.parts in [one.path.parts for one in axes[:number]]
    ]
    told += [f"{OPTION} {axis.text}: {axis.path.text} is varied already" for axis in twice]
    if told:
        raise VaryError(tuple(told))
    return tuple(axes)


def _place(text: str) -> Path:
    return Path(f"{OPTION} {text}")
