"""A piece of a file in one line, as its author would write it in YAML's flow style."""

from __future__ import annotations

import re
from typing import assert_never

from harness.source import Mapping, Node, Scalar, Sequence

_NEEDS_QUOTES = re.compile(r"[\[\]{},#&*!|>'\"%@`]|: |^[-?:]( |$)|^$|^\s|\s$|\n")


def flow(node: Node, *, leave_out: frozenset[str] = frozenset()) -> str:
    """``deliver: totem, until: 260s, result: {loss: {at_most: 1%}}``: the outermost braces are left out.

    ``leave_out`` are keys of the outermost mapping that do not matter to the reader.
    """
    if isinstance(node, Mapping):
        return _entries(node, leave_out)
    return _inner(node)


def _entries(node: Mapping, leave_out: frozenset[str] = frozenset()) -> str:
    return ", ".join(
        f"{key.text}: {_inner(value)}" for key, value in node.entries if key.text not in leave_out
    )


def _inner(node: Node) -> str:
    match node:
        case Scalar():
            return _scalar(node)
        case Sequence():
            return f"[{', '.join(_inner(item) for item in node.items)}]"
        case Mapping():
            return f"{{{_entries(node)}}}"
        case _:
            assert_never(node)


def _scalar(node: Scalar) -> str:
    text = " ".join(node.text.split())
    if re.fullmatch(r"[0-9.]+%", text) or not _NEEDS_QUOTES.search(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
