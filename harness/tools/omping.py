"""``omping``: multicast and unicast between hosts, in the words and on the wire of omping 0.0.5.

Runs with nothing but Python, as an ordinary user. Exit codes are the original's: 0 whatever
was lost, 1 for usage and for sockets that cannot be opened, 2 if receiving fails.
"""

from __future__ import annotations

import gc
import json
import os
import random
import sys
from collections.abc import Sequence

import harness
from harness.protocols.probes.omping import Omping
from harness.protocols.probes.omping_config import OmpingConfig
from harness.protocols.probes.omping_server import SERVER_INFO
from harness.protocols.probes.program import Figures, Say
from harness.sockets.driver import Told
from harness.sockets.groups import Via
from harness.sockets.own_addresses import own_addresses
from harness.tools.omping_arguments import Arguments, UsageError, arguments, configuration, parser
from harness.tools.omping_result import Result
from harness.tools.running import run, write

_USAGE, _BROKE = 1, 2
_SUMMARY_ONLY = 2
"""So quiet, nothing is said that the original does not say."""


def main(words: Sequence[str] | None = None) -> int:
    """Run omping with these arguments (None: the process's own) and return its status."""
    try:
        asked = arguments(sys.argv[1:] if words is None else words)
        if asked.shows_version:
            name, version = SERVER_INFO.decode().split()
            write(f"{name} version {version} (spoken by mcast {harness.__version__})")
            return 0
        config, via = configuration(asked, own_addresses(), os.getpid())
    except UsageError as error:
        for line in str(error).splitlines():
            write(f"omping: {line}", error=True)
        if error.usage:
            write(parser().format_usage().rstrip(), error=True)
        return _USAGE
    return _run(asked, config, via)


def _run(asked: Arguments, config: OmpingConfig, via: Via) -> int:
    gc.enable()  # `mcast` has switched it off for its short commands
    result = Result(config)
    opened = False

    def take(effect: Told, at_s: float) -> None:
        result.take(effect, at_s)
        if isinstance(effect, Say):
            write(effect.text, error=effect.error or asked.json)
        elif isinstance(effect, Figures) and result.is_whole and asked.quiet < _SUMMARY_ONLY:
            for line in ("", *result.conclusion()):
                write(line, error=asked.json)

    def note_opened() -> None:
        nonlocal opened
        opened = True

    try:
        status = run(Omping(config, random.SystemRandom()), via, take, opened=note_opened)
    except BrokenPipeError:  # the reader of our lines has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if not opened:
            write(f"omping: Can't create/bind unicast socket: {error.strerror}", error=True)
            return _USAGE
        write(f"omping: Cannot receive message, or join: {error.strerror}", error=True)
        return _BROKE
    if asked.json:
        write(json.dumps(result.as_json(status)))
    return status


if __name__ == "__main__":
    sys.exit(main())
