"""The base of every model of the language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """The base of everything in a file: frozen, and a key that is not known is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, defer_build=True)

    elsewhere: ClassVar[Mapping[str, str]] = {}
    """Keys that belong somewhere else and are looked for here, each with where its author finds it."""
