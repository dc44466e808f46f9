"""Which keys the language knows at a place of a scenario, read from its models.

For whoever names places of a scenario from outside of it. A location has the keys of the file alone, without
the tags of unions that pydantic puts between them (``harness.scenario.mistakes`` reads those).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from harness.scenario.model import Scenario


def known_keys(loc: Sequence[str | int]) -> tuple[str, ...]:
    """The keys that may stand at a place; none where names stand, or a value."""
    found = (
        field.alias or name
        for annotation in _annotations(Scenario, tuple(loc))
        if isinstance(annotation, type) and issubclass(annotation, BaseModel)
        for name, field in annotation.model_fields.items()
    )
    return tuple(dict.fromkeys(found))


def holds_names(loc: Sequence[str | int]) -> bool:
    """Whether names that the author gives stand at a place: of switches, nodes, streams or VLANs."""
    return any(get_origin(one) is dict for one in _annotations(Scenario, tuple(loc)))


def _annotations(annotation: Any, loc: tuple[str | int, ...]) -> Iterator[Any]:
    """The types to which ``loc`` leads, through every arm of a union."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _annotations(get_args(annotation)[0], loc)
    elif origin in {Union, UnionType}:
        for arm in get_args(annotation):
            yield from _annotations(arm, loc)
    elif not loc:
        yield annotation
    elif origin in {dict, tuple}:
        yield from _annotations(get_args(annotation)[1 if origin is dict else 0], loc[1:])
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            if loc[0] == (field.alias or name):
                yield from _annotations(field.annotation, loc[1:])
