"""``ssmpingd``: answers ssmping and asmping, on IPv4 and IPv6, until it is interrupted."""

from __future__ import annotations

from collections.abc import Sequence

from harness.protocols.probes.ssmping import SsmpingServer, SsmpingServerConfig
from harness.sockets.driver import Driver
from harness.sockets.groups import Via
from harness.sockets.loop import Loop
from harness.tools.running import until_ended
from harness.tools.ssmping_arguments import SSMPINGD, Arguments
from harness.tools.ssmping_output import Output, begin, failed

_VERSIONS = (4, 6)


def main(words: Sequence[str] | None = None) -> int:
    """Run ssmpingd with these arguments (None: the process's own) and return its status."""
    return begin(SSMPINGD, words, _serve)


def _serve(asked: Arguments) -> int:
    output, loop = Output(asked.json), Loop()
    servers = {version: SsmpingServer(SsmpingServerConfig(version=version)) for version in _VERSIONS}
    drivers = list[Driver]()
    refused: OSError | None = None
    try:
        for server in servers.values():
            try:
                drivers.append(Driver(server, loop, output, via=Via()))
            except OSError as error:
                refused = error
                failed("bind", error)
        if not drivers:
            assert refused is not None, "either there is a driver or a reason why not"
            return failed("both v4 and v6 binds failed", refused)
        until_ended(drivers, loop)
    finally:
        for driver in drivers:
            driver.close()
        loop.close()
    output.tell(
        {"tool": "ssmpingd", "status": 0}
        | {
            f"ipv{version}": {
                "requests": server.served.requests,
                "received_bytes": server.served.received_bytes,
                "sent_bytes": server.served.sent_bytes,
                "longer_answers": server.served.longer,
                "longer_answers_withheld": server.served.withheld,
            }
            for version, server in servers.items()
        }
    )
    return 0
