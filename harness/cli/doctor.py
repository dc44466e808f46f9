"""``mcast doctor``: what this host can do; each "no" with the command that cures it."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from harness.cli.probes import Finding, findings
from harness.errors import ExitCode

_EXAMPLES = """Tell what this host can do. What labs need is tried, in namespaces that vanish again.

Exit code 0 if labs can run here, else 6. Each "no" names the command that cures it and what it costs to
live without.

\b
Examples:
  mcast doctor
  mcast doctor --json | jq '.[] | select(.ok | not)'
"""


@click.command(name="doctor", help=_EXAMPLES)
@click.option("--json", "wants_json", is_flag=True, help="One JSON document: a list.")
def command(wants_json: bool) -> ExitCode:
    """Examine this host."""
    found = findings()
    if wants_json:
        click.echo(json.dumps([asdict(finding) for finding in found], indent=2))
    else:
        for finding in found:
            click.echo(_told(finding))
    able = all(finding.ok for finding in found if finding.needed)
    if not wants_json:
        click.echo("labs can run here" if able else "labs cannot run here")
    return ExitCode.PASSED if able else ExitCode.HOST_CANNOT


def _told(finding: Finding) -> str:
    if finding.ok:
        return f"yes  {finding.name}: {finding.detail}"
    return (
        f"NO   {finding.name}: {finding.detail}\n"
        f"       cure: {finding.cure}\n"
        f"       cost: {finding.cost}"
    )  # fmt: skip
