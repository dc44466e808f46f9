"""``mcast run``: builds labs, runs them, judges them; several at once."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.predict import answer_all, with_folders
from harness.cli.progress import ProgressLine
from harness.cli.results import Results
from harness.cli.selection import Overrides, capture, captures_of, plans, variants
from harness.errors import ExitCode
from harness.run import backends
from harness.run.events import Event, Held
from harness.run.folder import DEFAULT_PARENT
from harness.run.pool import Pool
from harness.run.session import Request, two

_EXAMPLES = """Build each variant's lab, run its scenario, and say who heard whom, and when.

Several variants run at once, as many as this machine's cores can hold without being late.

\b
Examples:
  mcast run scenarios/
  mcast run lost.scenario.yaml::as-shipped --pcap sw1:p3
  mcast run lost.scenario.yaml --variant querier-on --seed 7 --hold
  mcast run lost.scenario.yaml --compare model
"""


@click.command(name="run", help=_EXAMPLES)
@click.argument("files", metavar="FILE[::VARIANT]...", nargs=-1, required=True)
@click.option("--variant", "names", multiple=True, help="Only this variant; may be repeated.")
@click.option("--backend", default=backends.DEFAULT, show_default=True, help="What makes the lab.")
@click.option(
    "--compare", metavar="BACKEND", default="",
    help="Run each variant on this backend too; where the two part, it fails. One of the two is the model.",
)  # fmt: skip
@click.option("--seed", type=int, help="Instead of the file's.")
@click.option("--speed", type=click.FloatRange(1, 1000), help="Time compression instead of the file's.")
@click.option("--hold", is_flag=True, help="Keep the lab after its last moment until Ctrl-C.")
@click.option(
    "--pcap", "ports", metavar="SWITCH:PORT", multiple=True, help="Capture a port; may be repeated."
)
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=DEFAULT_PARENT, show_default=True,
    help="Where run folders are made.",
)  # fmt: skip
@click.option("--json", "wants_json", is_flag=True, help="One JSON document: an object, or a list of them.")
@click.option("--jobs", type=click.IntRange(1), help="At most this many labs at once.")
@click.option("-q", "--quiet", is_flag=True, help="Only what did not pass.")
def command(  # noqa: PLR0913, PLR0917  one parameter an option
    files: tuple[str, ...],
    names: tuple[str, ...],
    backend: str,
    compare: str,
    seed: int | None,
    speed: float | None,
    hold: bool,
    ports: tuple[str, ...],
    folder: Path,
    wants_json: bool,
    jobs: int | None,
    quiet: bool,
) -> ExitCode:
    """Run variants of files."""
    for option, name in (("--backend", backend), ("--compare", compare or backend)):
        if name not in backends.names():
            raise click.BadParameter(str(backends.UnknownBackendError(name)), param_hint=option)
    lab, other, leads = _two(backend, compare) if compare else (backend, "", False)
    if compare and hold:
        raise click.UsageError("--hold keeps a lab for you to look into; --compare compares what has ended")
    captures = tuple(capture(text) for text in ports)
    chosen = plans(variants(files, names), Overrides(seed=seed, speed=speed))
    if not chosen:
        return ExitCode.NOTHING
    if backends.create(lab).virtual:
        _refuse_lab_options(backend, hold=hold, captures=bool(captures))
        results = Results(wants_json=wants_json, quiet=quiet)
        return answer_all(chosen, with_folders(backend, folder, other), results, backend)
    if hold and len(chosen) > 1:
        raise click.UsageError(f"--hold keeps one lab, and these are {len(chosen)}; name one: FILE::VARIANT")
    requests = {
        f"{plan.file}::{plan.variant}": Request(
            plan=plan,
            backend=lab,
            parent=folder,
            captures=captures_of(plan, captures),
            hold=hold,
            compare=other,
            compare_leads=leads,
        )
        for plan in chosen
    }
    results = Results(wants_json=wants_json, quiet=quiet)
    line = ProgressLine(sys.stderr, len(requests), quiet=quiet)

    def listen(event: Event) -> None:
        line.listen(event)
        if isinstance(event, Held):
            results.tell_held(event)

    return _run(requests, Pool(jobs=jobs, listen=listen), line, results)


def _two(backend: str, compare: str) -> tuple[str, str, bool]:
    """Return which of the two runs in a process of its own, the other, and whether that was asked for first.

    Raises UsageError for two that cannot be compared.
    """
    try:
        return two(backend, compare)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--compare") from error


def _refuse_lab_options(backend: str, *, hold: bool, captures: bool) -> None:
    """Raise UsageError for what only a lab can do."""
    for option, given, what in (("--hold", hold, "keeps a lab"), ("--pcap", captures, "captures in a lab")):
        if given:
            raise click.UsageError(
                f"{option} {what}, and the backend {backend} builds none; use --backend {backends.DEFAULT}"
            )


def _run(requests: dict[str, Request], pool: Pool, line: ProgressLine, results: Results) -> ExitCode:
    """Run everything; results come in the order of the command line. Ctrl-C tears down and tells the rest."""
    waiting = list(requests)
    with pool:
        try:
            for key, request in requests.items():
                pool.submit(key, request)
            while waiting:
                outcome = pool.wait(waiting[0])
                line.clear()
                results.add(outcome)
                del waiting[0]
        except KeyboardInterrupt:
            line.clear()
            click.echo("tearing down", err=True)
    for key in waiting:
        results.add(pool.wait(key))
    return results.finish()
