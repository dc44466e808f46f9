"""Reading scenario files: variants merged over the base, topologies filled in, every mistake in its place.

The only part of this package that reads files. What it returns is checked for form alone: whether a name
means anything is for ``harness.plan`` to say, with the positions in ``LoadedVariant.tree``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from harness.errors import Problem, ScenarioError
from harness.profiles import Profile, is_file, read_profile
from harness.scenario import mistakes, topology
from harness.scenario.flow import flow
from harness.scenario.model import Role, Scenario, Variant
from harness.scenario.salvage import NO_NETWORK, Doubts, doubts_of, doubts_without, salvage
from harness.scenario.vlans import with_vlans_as_mappings
from harness.source import (
    APPENDED,
    Mapping,
    Node,
    Scalar,
    Where,
    find,
    merge,
    path_of,
    read,
    to_data,
)

SUFFIX = ".scenario.yaml"
BASE = "base"
"""The name of the one variant of a file that writes none."""


_VARIANTS: TypeAdapter[Variant] = TypeAdapter(Variant)
Change = Callable[[Mapping], Mapping]
"""Makes a scenario's tree of another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedVariant:
    """One variant merged over its base; ``tree`` says where each value stands."""

    file: Path
    name: str
    role: Role | None
    about: str
    scenario: Scenario
    tree: Mapping
    written: Mapping
    """``tree`` before its topology was filled in."""
    profiles: dict[str, Profile] = field(default_factory=dict)
    """The author's own profiles by their paths as written; one that cannot be read is missing."""
    doubts: Doubts | None = None
    """None for a variant of the right form. Otherwise parts were cut out to look for mistakes in the rest,
    and this says what can no longer be judged; such a variant is never run."""

    def where(self, loc: Sequence[str | int], *, key: bool = False) -> Where:
        """Where a value stands, or the deepest part of ``loc`` that exists; ``key``: where its key stands."""
        return find(self.tree, loc, key=key)

    def text(self, loc: Sequence[str | int], *, leave_out: frozenset[str] = frozenset()) -> str:
        """The value at ``loc`` in one line, as it was written. KeyError if there is none."""
        node: Node | None = self.tree
        for part in loc:
            match node:
                case Mapping():
                    node = node.get(str(part))
                case Scalar() | None:
                    node = None
                case _:
                    node = node.items[part] if isinstance(part, int) and part < len(node.items) else None
        if node is None:
            raise KeyError(tuple(loc))
        return flow(node, leave_out=leave_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedFile:
    """A scenario file with all of its variants, in the order of the file."""

    file: Path
    title: str
    variants: tuple[LoadedVariant, ...]

    def variant(self, name: str) -> LoadedVariant:
        """A variant by its name. KeyError if there is none."""
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise KeyError(name)


def load(path: Path) -> LoadedFile:
    """Every variant of a file. Raises ScenarioError with every mistake of form, each once."""
    loaded, problems = examine(path)
    if problems:
        raise ScenarioError(problems)
    return loaded


def examine(path: Path) -> tuple[LoadedFile, tuple[Problem, ...]]:
    """Every variant of a file, and the mistakes of form; with mistakes, what is left without them.

    Raises ScenarioError where nothing is left to look at.
    """
    tree = read(path)
    if not isinstance(tree, Mapping):
        raise ScenarioError((tree.where.problem("a scenario is keys and values, such as scenario: title"),))
    problems: list[Problem] = []
    variants: list[LoadedVariant] = []
    for name, merged, doubts in _merged(tree, problems):
        variant = _variant(path, name, merged, doubts, problems)
        if variant is not None:
            variants.append(variant)
    if not variants:
        raise ScenarioError(tuple(problems))
    if problems:  # a variant may hide what is wrong in its base, but not give back what is lost by it
        hidden = doubts_of(_without(tree, frozenset({"variants"})))
        if hidden != Doubts():
            variants = [replace(one, doubts=(one.doubts or Doubts()) | hidden) for one in variants]
    loaded = LoadedFile(file=path, title=variants[0].scenario.scenario, variants=tuple(variants))
    return loaded, tuple(problems)


def revised(variant: LoadedVariant, *, early: Change, late: Change) -> LoadedVariant:
    """The variant with changes that stand in no file, checked as if they did.

    ``early`` changes the tree before its topology is filled in, ``late`` the tree with its whole network.
    Raises ScenarioError with every mistake of form, at the places that the new nodes name.
    """
    problems: list[Problem] = []
    result = _variant(variant.file, variant.name, early(variant.written), None, problems, late)
    if problems or result is None:
        raise ScenarioError(tuple(problems))
    return result


def files(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The scenario files among ``paths`` and in the folders among them, each once, sorted.

    A file that is named is taken whatever its name is. Raises ScenarioError for a path that does not exist.
    """
    found: dict[Path, Path] = {}
    problems: list[Problem] = []
    for path in paths:
        if path.is_dir():
            found.update((file.absolute(), file) for file in path.rglob(f"*{SUFFIX}"))
        elif path.exists():
            found[path.absolute()] = path
        else:
            problems.append(Problem(file=path, line=1, column=1, message="there is no such file or folder"))
    if problems:
        raise ScenarioError(tuple(problems))
    return tuple(sorted(found.values()))


def _merged(tree: Mapping, problems: list[Problem]) -> list[tuple[str, Mapping, Doubts | None]]:
    """Each variant's name and tree, still without its topology, and the doubts if it is not all there."""
    base = _without(tree, frozenset({"variants"}))
    variants = tree.get("variants")
    if variants is None or (isinstance(variants, Scalar) and variants.value is None):
        return [(BASE, base, None)]
    if not isinstance(variants, Mapping):
        problems.append(variants.where.problem("variants are names, each with what it changes"))
        return [(BASE, base, _anything(base))]
    if not variants.entries:
        return [(BASE, base, None)]
    merged: list[tuple[str, Mapping, Doubts | None]] = []
    for key, change in variants.entries:
        problems.extend(_misnamed(key))
        sound, wrong = _sound(change, problems)
        result = _over(base, sound)
        doubts = None if wrong is None else _doubts_of_change(base, change, wrong)
        merged.append((key.text, result, doubts))
    return merged


def _over(base: Mapping, change: Node) -> Mapping:
    result = merge(base, _normal(change), append=APPENDED)
    if not isinstance(result, Mapping):
        raise AssertionError("a mapping merged over a mapping is one")
    return result


def _doubts_of_change(base: Mapping, change: Node, wrong: tuple[str, ...]) -> Doubts:
    """What cannot be judged in a variant without its wrong keys."""
    if not isinstance(change, Mapping):
        return _anything(base)
    doubts = Doubts()
    for name in wrong:
        doubts |= doubts_without(_over(base, change), (name,))
    return doubts


def _anything(tree: Mapping) -> Doubts:
    """The doubts where any section could have got something more."""
    doubts = Doubts()
    for section in ("network", "traffic", "timeline"):
        doubts |= doubts_without(tree, (section,))
    return doubts


def _misnamed(key: Scalar) -> tuple[Problem, ...]:
    bare = key.text.replace("-", "").replace("_", "")
    if key.text.isascii() and key.text[:1].isalpha() and bare.isalnum():
        return ()
    return (key.where.problem(f'"{key.text}" is no name: letters, digits, - and _, and a letter first'),)


def _sound(change: Node, problems: list[Problem]) -> tuple[Node, tuple[str, ...] | None]:
    """A variant before it is merged, without its wrong keys (of a wrong name or kind), and these keys.

    None instead of keys: it is as it should be.
    """
    if isinstance(change, Scalar) and change.value is None:
        return change, None
    present = change
    if isinstance(change, Mapping):  # a null deletes what the base says, whatever kind it is of
        nulls = {k.text for k, v in change.entries if isinstance(v, Scalar) and v.value is None}
        present = _without(change, frozenset(nulls & set(Variant.model_fields)))
    try:
        _VARIANTS.validate_python(to_data(present))
    except ValidationError as error:
        problems.extend(mistakes.problems(error, change, Variant))
        if not isinstance(change, Mapping):
            return Mapping(entries=(), where=change.where), ()
        keys = (str(part) for detail in error.errors() for part in path_of(change, detail["loc"])[:1])
        wrong = tuple(dict.fromkeys(keys))
        return _without(change, frozenset(wrong)), wrong
    return change, None


def _as_it_is(tree: Mapping) -> Mapping:
    return tree


def _variant(
    path: Path,
    name: str,
    merged: Mapping,
    doubts: Doubts | None,
    problems: list[Problem],
    change: Change = _as_it_is,
) -> LoadedVariant | None:
    """A variant, or what is left of it, or None if that is nothing. Adds the mistakes of form."""
    tree = merged
    use = merged.get("topology")
    if use is not None:
        try:
            tree = _with_network(merged, with_vlans_as_mappings(topology.network(use, path)))
        except ScenarioError as error:
            problems.extend(error.problems)
            tree = _without(merged, frozenset({"topology"}))
            doubts = (doubts or Doubts()) | NO_NETWORK
    tree = change(tree)
    scenario = _check(tree, problems)
    if scenario is None:
        rest = salvage(tree, doubts or Doubts())
        if rest is None:
            return None
        scenario, tree, doubts = rest.scenario, rest.tree, rest.doubts
    return LoadedVariant(
        file=path,
        name=name,
        role=scenario.role,
        about=scenario.about,
        scenario=scenario,
        tree=tree,
        written=merged,
        profiles=_own_profiles(path, scenario, tree, problems),
        doubts=doubts,
    )


def _own_profiles(
    path: Path, scenario: Scenario, tree: Mapping, problems: list[Problem]
) -> dict[str, Profile]:
    """The profiles that stand in files of their own, relative to the scenario's. Adds their mistakes."""
    found: dict[str, Profile] = {}
    sections = (("switches", scenario.network.switches), ("bridges", scenario.network.bridges))
    for section, switches in sections:
        for name, switch in switches.items():
            written = switch.profile
            if not is_file(written) or written in found:
                continue
            file = path.parent / written
            if "\0" in written or not file.is_file():
                place = find(tree, ("network", section, name, "profile"))
                problems.append(place.problem(f'there is no file "{written}"'))
                continue
            try:
                found[written] = read_profile(topology.as_seen(file))
            except ScenarioError as error:
                problems.extend(error.problems)
    return found


def _check(tree: Mapping, problems: list[Problem]) -> Scenario | None:
    try:
        return Scenario.model_validate(to_data(tree))
    except ValidationError as error:
        problems.extend(mistakes.problems(error, tree, Scenario))
        return None


def _with_network(tree: Mapping, base: Node) -> Mapping:
    """The tree with its network merged over a topology's; the topology itself stays for people to see."""
    own = tree.get("network")
    if own is not None and not isinstance(own, Mapping):
        return tree
    joined = base if own is None else merge(base, own, append=frozenset())
    key = tree.key("network") or Scalar(value="network", text="network", where=base.where)
    rest = tuple((k, v) for k, v in tree.entries if k.text != "network")
    return Mapping(entries=(*rest, (key, joined)), where=tree.where)


def _normal(node: Node) -> Node:
    """A scenario or variant with its topology, and the VLANs of its network, in the long form."""
    if not isinstance(node, Mapping):
        return node
    entries = tuple((key, _long(key.text, value)) for key, value in node.entries)
    return Mapping(entries=entries, where=node.where)


def _long(key: str, value: Node) -> Node:
    match key:
        case "topology" if not _is_null(value):
            return topology.use_as_mapping(value)
        case "network":
            return with_vlans_as_mappings(value)
        case _:
            return value


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _without(tree: Mapping, names: frozenset[str]) -> Mapping:
    """The tree without some keys at the top; its topology in the long form."""
    normal = _normal(tree)
    if not isinstance(normal, Mapping):
        raise AssertionError("a mapping stays a mapping")
    entries = tuple((key, value) for key, value in normal.entries if key.text not in names)
    return Mapping(entries=entries, where=tree.where)
