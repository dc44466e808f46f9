"""``ssmping`` and ``asmping``: unicast and multicast from one host, as ssmping 0.9.1 asks for it.

They run with nothing but Python, as an ordinary user. Lines, errors and exit codes are the originals'.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from harness.protocols.probes.ssmping import SsmpingClient, SsmpingConfig
from harness.protocols.probes.ssmping_config import DEFAULT_PORT
from harness.sockets.groups import Via
from harness.tools.figures import as_json
from harness.tools.ssmping_arguments import (
    ASMPING,
    SSMPING,
    Arguments,
    Host,
    host_and_group,
    own_address,
    unicast,
)
from harness.tools.ssmping_output import Output, begin, failed
from harness.wire.membership import Address

_PID_BITS = 0xFFFFFFFF


def main(words: Sequence[str] | None = None) -> int:
    """Run ssmping with these arguments (None: the process's own) and return its status."""
    return begin(SSMPING, words, _ssmping)


def main_asmping(words: Sequence[str] | None = None) -> int:
    """Run asmping with these arguments (None: the process's own) and return its status."""
    return begin(ASMPING, words, _asmping)


def _ssmping(asked: Arguments) -> int:
    host = unicast(asked.names[0], asked.version)
    return _ping(asked, host, None)


def _asmping(asked: Arguments) -> int:
    return _ping(asked, *host_and_group(asked.names, asked.version))


def _ping(asked: Arguments, host: Host, group: Address | None) -> int:
    try:
        local = own_address(host, DEFAULT_PORT)
    except OSError as error:
        return failed("connect", error)
    config = SsmpingConfig(
        server=host.address,
        local=local,
        pid=os.getpid() & _PID_BITS,
        group=group,
        count=asked.count,
        wants_version=asked.wants_version,
        size=asked.size,
    )
    client = SsmpingClient(config)
    joins = "Failed to join multicast channel" if group is None else "Failed to join multicast group"
    output = Output(asked.json)
    status = output.run(client, asked.via if asked.via.index else Via(index=host.index), "bind", joins)
    output.tell(
        {
            "tool": config.name,
            "status": status,
            "server": str(config.server),
            "local": str(config.local),
            "group": str(config.joined),
            "source": None if config.source is None else str(config.source),
            "period_s": config.period_s,
            "size": config.size,
            "server_version": client.server_version,
            "answered": any(figures.received for figures in output.figures),
        }
        | {figures.cast.value: as_json(figures) for figures in output.figures}
    )
    return status
