"""``mcast omping``: the probe tool, which takes all arguments itself."""

from __future__ import annotations

import click

from harness.errors import ExitCode
from harness.tools import omping


@click.command(
    name="omping",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def command(words: tuple[str, ...]) -> ExitCode:
    """Hand over to the tool; its status is that of the process."""
    return ExitCode(omping.main(words))
