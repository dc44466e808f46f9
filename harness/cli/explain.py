"""``mcast explain``: why a datagram came or did not, hop by hop, from a prediction or a run's records."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from harness.cli.selection import Overrides, plans, split, variants
from harness.errors import ExitCode, HarnessError, LabError
from harness.explanation import explain, lines
from harness.observations.history import History
from harness.observations.model import Record, Started
from harness.observations.record import read
from harness.plan.answers import answers_of
from harness.plan.model import Cast, Plan, PlanStream
from harness.report import explanation_data
from harness.run import backends, plan_file
from harness.run.folder import DEFAULT_PARENT, PLAN, check_folder
from harness.run.outcome import Outcome
from harness.run.pool import Pool
from harness.run.predict import predict
from harness.run.session import Request
from harness.source import closest
from harness.source.duration import parse

_EXAMPLES = """Walk a datagram's way and say at each hop why it went on or not, down to the event behind it.

The last datagram due at or before --at is explained, by the tables that every switch had then. Without --run
the records are those of a prediction (or, with --backend netns, of a lab that is run for it).

Signs: ok passes it on, STOP does not, luck sometimes does, -- is never reached. The exit code is 0 for every
explanation, whether the datagram came or not.

\b
Examples:
  mcast explain lost.scenario.yaml::as-shipped --from n1 --to n3 --at 300s
  mcast explain lost.scenario.yaml::as-shipped --from n1 --to n3 --group 239.192.3.20 --json
  mcast explain --run .harness/lost-as-shipped-netns-1 --from n1 --to guest1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What is explained: a plan and what was seen of it, and by which backend."""

    plan: Plan
    records: tuple[Record, ...]
    backend: str


@click.command(name="explain", help=_EXAMPLES)
@click.argument("file", metavar="[FILE[::VARIANT]]", required=False)
@click.option("--from", "sender", metavar="HOST", required=True, help="Who sends.")
@click.option("--to", "receiver", metavar="HOST", required=True, help="Who should, or should not, hear it.")
@click.option("--group", metavar="ADDRESS", help="To which group; may be left out if there is one.")
@click.option("--stream", metavar="NAME", help="Which stream or probe tool, by its name in the file.")
@click.option("--unicast", is_flag=True, help="Of a mesh or a tool, what is sent by unicast.")
@click.option("--at", metavar="TIME", help="When, such as 300s; left out: at the end.")
@click.option(
    "--backend", default=backends.MODEL, show_default=True, help="What makes the records: model, or netns."
)
@click.option("--seed", type=int, help="Instead of the file's.")
@click.option(
    "--run", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Explain this run, from its folder.",
)  # fmt: skip
@click.option("--json", "wants_json", is_flag=True, help="One JSON document.")
def command(  # noqa: PLR0913, PLR0917  one parameter an option
    file: str | None,
    sender: str,
    receiver: str,
    group: str | None,
    stream: str | None,
    unicast: bool,
    at: str | None,
    backend: str,
    seed: int | None,
    folder: Path | None,
    wants_json: bool,
) -> ExitCode:
    """Explain one delivery."""
    if backend not in backends.names():
        raise click.BadParameter(str(backends.UnknownBackendError(backend)), param_hint="--backend")
    plan = _plan(file, folder, seed)
    _check_host(plan, sender, "--from")
    _check_host(plan, receiver, "--to")
    if sender == receiver:
        raise click.UsageError(f"{sender} is both --from and --to: nobody hears himself here")
    asked = _stream(plan, sender, group, stream, Cast.UNICAST if unicast else Cast.MULTICAST)
    at_s = _moment(plan, at)
    seen = _seen_in(plan, folder) if folder is not None else _seen(plan, backend)
    found = explain(History(seen.records, seen.plan), asked, sender, receiver, at_s)
    if wants_json:
        head = {"name": plan.name, "file": str(plan.file), "variant": plan.variant}
        data = {**head, "backend": seen.backend, "seed": plan.seed, **explanation_data(found)}
        click.echo(json.dumps(data, indent=2))
    else:
        click.echo(f"{plan.file}::{plan.variant} [{seen.backend} seed={plan.seed}]")
        click.echo("\n".join(lines(found)))
    return ExitCode.PASSED


# --- what is explained --------------------------------------------------------------------------------------


def _plan(file: str | None, folder: Path | None, seed: int | None) -> Plan:
    if folder is None:
        if file is None:
            raise click.UsageError("name a scenario file, or a run's folder with --run")
        return _planned(file, seed)
    check_folder(folder)
    plan = plan_file.load(folder / PLAN)
    if file is not None:
        path, variant = split(file)
        if path.name != plan.file.name or variant not in {None, plan.variant}:
            raise click.UsageError(f"--run {folder} is a run of {plan.name}, not of {file}")
    return plan


def _planned(file: str, seed: int | None) -> Plan:
    found = plans(variants((file,), ()), Overrides(seed=seed))
    if len(found) != 1:
        path, _ = split(file)
        several = ", ".join(plan.variant for plan in found) or "none"
        example = f"; name one: {found[0].file}::{found[0].variant}" if found else ""
        raise click.UsageError(f"{path} has {len(found)} variants ({several}){example}")
    return found[0]


def _seen(plan: Plan, backend: str) -> _Seen:
    """What a backend sees of a plan: in memory if it is virtual, else in a lab with a folder."""
    if backends.create(backend).virtual:
        prediction = predict(plan, backend=backend)
        _raise_error(prediction.outcome)
        return _Seen(plan=plan, records=prediction.records, backend=backend)
    with Pool(jobs=1) as pool:
        pool.submit(plan.name, Request(plan=plan, backend=backend, parent=DEFAULT_PARENT))
        outcome = pool.wait(plan.name)
    _raise_error(outcome)
    if outcome.folder is None:
        raise LabError(f"the run of {plan.name} left no folder")
    return _seen_in(plan, outcome.folder)


def _raise_error(outcome: Outcome) -> None:
    """Raise the error that kept a run from being seen."""
    if isinstance(outcome.error, HarnessError):
        raise outcome.error
    if outcome.interrupted:
        raise KeyboardInterrupt


def _seen_in(plan: Plan, folder: Path) -> _Seen:
    records = tuple(read(folder))
    started = next((record for record in records if isinstance(record, Started)), None)
    return _Seen(plan=plan, records=records, backend=started.backend if started else "")


# --- who, what, when ----------------------------------------------------------------------------------------


def _check_host(plan: Plan, name: str, option: str) -> None:
    hosts = [host.name for host in plan.hosts]
    if name in hosts:
        return
    if any(name in {switch.name, switch.chassis} for switch in plan.switches):
        raise click.BadParameter(f"{name} is a switch: datagrams go from host to host", param_hint=option)
    raise click.BadParameter(f"there is no host {name!r}{closest(name, hosts)}", param_hint=option)


def _stream(plan: Plan, sender: str, group: str | None, name: str | None, cast: Cast) -> PlanStream:
    """The stream that is meant. Of several the one that the sender sends."""
    streams = [stream for stream in (*plan.streams, *answers_of(plan)) if stream.cast is cast]
    if not streams:
        raise click.UsageError(f"{plan.name} sends nothing by {cast.value}")
    if name is not None:
        known = [stream.name for stream in streams]
        if name not in known:
            message = f"there is no stream {name!r}{closest(name, known)}"
            raise click.BadParameter(message, param_hint="--stream")
        streams = [stream for stream in streams if stream.name == name]
    if group is not None:
        groups = [str(stream.group) for stream in streams]
        if group not in groups:
            message = f"nothing is sent to {group!r}{closest(group, groups) or _listed(streams)}"
            raise click.BadParameter(message, param_hint="--group")
        streams = [stream for stream in streams if str(stream.group) == group]
    own = [stream for stream in streams if sender in stream.senders] or streams
    if len(own) > 1:
        raise click.UsageError(f"{sender} sends several streams: name one with --stream{_listed(own)}")
    return own[0]


def _listed(streams: Iterable[PlanStream]) -> str:
    return f" ({', '.join(f'{stream.name} to {stream.group}' for stream in streams)})"


def _moment(plan: Plan, at: str | None) -> float:
    if at is None:
        return plan.duration_s
    try:
        at_s = parse(at)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--at") from error
    if at_s > plan.duration_s:
        message = f"{at} is after the end of the scenario ({plan.duration_s:g} s)"
        raise click.BadParameter(message, param_hint="--at")
    return at_s
