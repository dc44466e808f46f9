"""``mcast listen``: what an interface hears. All of it is in ``harness.tools``, which needs no packages."""

from __future__ import annotations

import click

from harness.errors import ExitCode
from harness.tools import listen


@click.command(
    name="listen",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> ExitCode:
    """Hand the arguments on."""
    return ExitCode(listen.main(arguments))
