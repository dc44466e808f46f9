"""Commands of ``mcast`` that are probe tools: all words go to the tool, and its status is the process's."""

from __future__ import annotations

from importlib import import_module

import click

from harness.errors import ExitCode
from harness.tools.__main__ import TOOLS


def probe_tool(name: str) -> click.Command:
    """Return the command that hands over to a tool."""

    def hand_over(words: tuple[str, ...]) -> ExitCode:
        return ExitCode(import_module(TOOLS[name]).main(words))

    return click.Command(
        name,
        callback=hand_over,
        params=[click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)],
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    )
