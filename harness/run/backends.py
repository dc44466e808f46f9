"""The backends by name. Each is imported when first asked for, so that looking at a plan stays cheap."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from importlib import import_module

from harness.backends.base import Backend
from harness.errors import HarnessError

Factory = Callable[[], Backend]

DEFAULT = "netns"
MODEL = "model"
_FACTORIES: dict[str, str | Factory] = {
    MODEL: "harness.backends.model:ModelBackend",
    "netns": "harness.backends.netns:NetnsBackend",
}


_HEAVY: dict[str, str] = {"netns": "harness.backends.netns.lab", MODEL: "harness.backends.model.world"}
"""What a backend's runs import: for labs that takes a good part of a second (pyroute2)."""


class UnknownBackendError(HarnessError):
    """There is no backend of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no backend {name!r}; there are: {', '.join(names())}")


def names() -> tuple[str, ...]:
    """Return the names of all backends, sorted."""
    return tuple(sorted(_FACTORIES))


def register(name: str, factory: str | Factory) -> None:
    """Make a backend known: a callable without arguments, or ``"module:attribute"`` to be imported later."""
    _FACTORIES[name] = factory


def create(name: str) -> Backend:
    """Return a new backend. Raises UnknownBackendError."""
    factory = _FACTORIES.get(name)
    if factory is None:
        raise UnknownBackendError(name)
    if isinstance(factory, str):
        module, _, attribute = factory.partition(":")
        factory = _as_factory(getattr(import_module(module), attribute))
    return factory()


def preload(name: str) -> None:
    """Import what a backend's runs need, so that processes forked from this one have it already.

    What is there by then stays to the end: the collector need not look at it, here and in every lab.
    """
    if name in _HEAVY and _HEAVY[name] not in sys.modules:
        import_module(_HEAVY[name])
        gc.freeze()
    gc.enable()


def _as_factory(found: Factory) -> Factory:
    return found
