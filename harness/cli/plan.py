"""``mcast plan``: what a scenario becomes, with every name, port, address and moment resolved."""

from __future__ import annotations

import json

import click

from harness.cli.selection import Overrides, plans, variants
from harness.errors import ExitCode
from harness.plan.text import as_json, describe

_EXAMPLES = """Print the plan of each variant: every port, MAC, address, group and moment resolved.

\b
Examples:
  mcast plan lost.scenario.yaml
  mcast plan lost.scenario.yaml --variant as-shipped --json | jq '.hosts[].address'
"""


@click.command(name="plan", help=_EXAMPLES)
@click.argument("files", metavar="FILE[::VARIANT]...", nargs=-1, required=True)
@click.option("--variant", "names", multiple=True, help="Only this variant; may be repeated.")
@click.option("--json", "wants_json", is_flag=True, help="One JSON document: an object, or a list of them.")
def command(files: tuple[str, ...], names: tuple[str, ...], wants_json: bool) -> ExitCode:
    """Print plans."""
    found = plans(variants(files, names), Overrides())
    if not found:
        return ExitCode.NOTHING
    if wants_json:
        documents = [as_json(plan) for plan in found]
        click.echo(json.dumps(documents[0] if len(documents) == 1 else documents, indent=2))
    else:
        click.echo("\n\n".join(describe(plan).rstrip("\n") for plan in found))
    return ExitCode.PASSED
