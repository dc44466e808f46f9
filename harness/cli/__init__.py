"""The ``mcast`` command: ``run``, ``predict``, ``what-if``, ``check``, ``plan``, ``explain``, ``judge``,
``profiles``, ``situations``, ``read``, ``doctor``, and the probe tools ``omping``, ``ssmpingd``, ``ssmping``,
``asmping``, ``mcfirst``, ``listen``.

stdout is the result, stderr the progress. Exit codes are those of ``harness.errors.ExitCode``. A mistake of
the user's or of the machine's is told without a traceback. Commands are imported when they are called, so
that help costs nothing; nothing here knows what a command does.
"""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from pathlib import Path
from types import TracebackType

import click

import harness
from harness.errors import ExitCode, HarnessError

_COMMANDS = {
    "run": "Build labs, run them, judge them.",
    "predict": "Compute the same verdicts, without a lab.",
    "what-if": "Predict every combination of settings.",
    "check": "Find every mistake in scenario files.",
    "plan": "Print what a scenario becomes.",
    "explain": "Say hop by hop why a datagram came, or did not.",
    "judge": "Judge a run again, without a lab.",
    "profiles": "Show what each vendor's switches do, and who says so.",
    "situations": "Run platforms where they differ, and say what was seen.",
    "read": "Say what pasted outputs mean: which causes fit, best first.",
    "doctor": "Tell what this host can do.",
    "omping": "Test unicast and multicast between hosts, as omping does.",
    "ssmpingd": "Answer ssmping and asmping.",
    "ssmping": "Ask ssmpingd for unicast and source-specific multicast.",
    "asmping": "Ask ssmpingd for unicast and multicast to a group.",
    "mcfirst": "Join a group and say what comes to it.",
    "tools": "Write the probe tools as one file for a cluster's nodes.",
    "listen": "Hear who asks, who is a member, and what floods, on an interface.",
}

_HELP = """Reproduce, explain and fix networks that eat a cluster's multicast.

Scenario files (*.scenario.yaml) become labs of real Linux network stacks; the verdict is who heard whom, and
when. With pytest: `pytest scenarios/`.

\b
Examples:
  mcast run scenarios/                          every variant of every scenario
  mcast run lost.scenario.yaml::as-shipped      one variant
  mcast predict scenarios/                      the same verdicts from the model, without a lab
  mcast explain lost.scenario.yaml::as-shipped --from n1 --to n3 --at 300s
  mcast judge .harness/lost-as-shipped-netns-1  a run's verdicts again

\b
Exit codes:
  0 passed   1 an expectation failed   2 interrupted   3 our mistake
  4 your file or usage   5 nothing to do   6 this host cannot
"""


class _LazyGroup(click.Group):
    """Knows the commands by name and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        command = import_module(f"harness.cli.{cmd_name.replace('-', '_')}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_LazyGroup, help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(harness.__version__, prog_name="mcast")
def cli() -> None:
    """The root of all commands; its help text is ``_HELP``."""


def main(arguments: list[str] | None = None) -> None:
    """Run ``mcast`` and exit: the console entry point.

    Imports are most of a short run. They make no garbage, so the collector sleeps until the labs begin (see
    ``harness.run.backends.preload``), and pydantic need not look for plugins.
    """
    gc.disable()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    sys.excepthook = _internal_error
    sys.exit(execute(arguments))


def execute(arguments: list[str] | None = None) -> ExitCode:
    """Run ``mcast`` with these arguments (None: the process's own) and return its exit code."""
    try:
        result = cli.main(arguments, prog_name="mcast", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return ExitCode.BAD_INPUT
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return ExitCode.INTERRUPTED
    except HarnessError as error:
        click.echo(str(error), err=True)
        return error.exit_code
    except BrokenPipeError:
        # The reader of our result has seen enough; Python must not complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.INTERRUPTED
    return ExitCode(result) if isinstance(result, int) else ExitCode.PASSED


def _internal_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Tell a mistake of ours shortly, keep its traceback in a file, and exit with 3."""
    import tempfile  # noqa: PLC0415  a run without a mistake of ours starts without them
    import traceback  # noqa: PLC0415

    text = "".join(traceback.format_exception(kind, error, trace))
    if os.environ.get("MCAST_DEBUG"):
        click.echo(text, err=True)
    else:
        place = traceback.extract_tb(trace)[-1] if trace else None
        where = f" in {Path(place.filename).name}:{place.lineno}" if place else ""
        handle, path = tempfile.mkstemp(prefix="mcast-error-", suffix=".txt", text=True)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        click.echo(f"mcast: internal error{where}: {kind.__name__}: {error}", err=True)
        click.echo(f"traceback: {path} (or set MCAST_DEBUG=1)", err=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ExitCode.INTERNAL)
