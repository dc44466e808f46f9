"""The lines of omping 0.0.5, in its words and numbers; times are in milliseconds there.

One difference: where omping divides nothing by nothing (every query was taken back, as the peer had stopped),
it prints a loss of -2147483648 %, and here it is 0 %.
"""

from __future__ import annotations

from harness.protocols.probes.omping_config import Mode
from harness.protocols.probes.omping_remote import Remote, Tally
from harness.protocols.probes.program import Cast, Say
from harness.wire.membership import Address

WAITING = "waiting for response msg"
STOPPED_BY_SERVER = "server told us to stop"
ALL_SENT = "given amount of query messages was sent"
NUMBERS_EXHAUSTED = "maximum number of query messages exhausted"
VERSION_RECEIVED = "remote version received"
_NEVER_ANSWERED = "response message never received"
_MS = 1000.0
_PRINTABLE = range(ord(" "), 0x7F)


class Lines:
    """Writes lines that begin with a peer's name, all names as wide as the longest."""

    def __init__(self, remotes: tuple[Remote, ...]) -> None:
        self._remotes = remotes
        self._width = max((len(remote.name) for remote in remotes), default=0)

    def of(self, remote: Remote, text: str) -> Say:
        """Say something of a peer."""
        return Say(text=f"{remote.name:<{self._width}} : {text}")

    def joined(self, remote: Remote, mode: Mode, group: Address) -> Say:
        """Say that a peer answered, and is asked from now on."""
        source = remote.address if mode is Mode.SSM else "*"
        return self.of(remote, f"joined (S,G) = ({source}, {group}), pinging")

    def answer(
        self,
        remote: Remote,
        cast: Cast,
        *,
        sequence: int,
        size: int,
        distance: int | None,
        trip_s: float | None,
        duplicate: bool,
        averages: bool,
    ) -> Say:
        """Say that an answer came, with the mean and the loss up to now if ``averages``."""
        text = f"{cast.value:>9}, seq={sequence}{' (dup)' if duplicate else ''}, size={size} bytes"
        if distance is not None:
            text += f", dist={distance}"
        if trip_s is not None:
            text += f", time={trip_s * _MS:.3f}ms"
        if averages:
            text += f" ({_average(remote, cast, trip_s)}{_loss_so_far(remote, cast)}% loss)"
        return self.of(remote, text)

    def summary(self) -> list[Say]:
        """Say how it stands with every peer, behind an empty line."""
        said = [Say(text="")]
        for remote in self._remotes:
            if not remote.tallies[Cast.UNICAST].received:
                said.append(self.of(remote, _NEVER_ANSWERED))
                continue
            said += [self.of(remote, _figures(remote, cast, tally)) for cast, tally in remote.tallies.items()]
        return said

    def versions(self) -> list[Say]:
        """Say what every peer calls itself, behind an empty line."""
        said = [Say(text="")]
        for remote in self._remotes:
            if remote.info is None:
                said += [self.of(remote, "response message not received"), Say(text="")]
            else:
                said.append(self.of(remote, _escaped(remote.info)))
        return said


def loss_percent(sent: int, received: int) -> int:
    """Return the loss as omping rounds it, towards 0; 0 if more came than was sent."""
    if received > sent or sent == 0:
        return 0
    return int((1.0 - received / sent) * 100.0)


def _average(remote: Remote, cast: Cast, trip_s: float | None) -> str:
    return "" if trip_s is None else f"{remote.tallies[cast].trips.mean_s * _MS:.3f} avg, "


def _loss_so_far(remote: Remote, cast: Cast) -> int:
    """Of answers to everybody only those since the first that came."""
    tally = remote.tallies[cast]
    sent = remote.sent
    if cast is not Cast.UNICAST and tally.first is not None:
        sent = max(0, sent - tally.first + 1)
    return loss_percent(sent, tally.received)


def _figures(remote: Remote, cast: Cast, tally: Tally) -> str:
    sent, received, trips = remote.sent, tally.received, tally.trips
    times = (0.0,) * 4
    if trips.count:
        times = (trips.least_s, trips.mean_s, trips.most_s, trips.deviation_s(sample=True))
    duplicates = f"+{tally.duplicates}" if tally.duplicates else ""
    text = f"{cast.value:>9}, xmt/rcv/%loss = {sent}/{received}{duplicates}/{loss_percent(sent, received)}%"
    if cast is not Cast.UNICAST and tally.first is not None and tally.first > 1:
        since = loss_percent(max(0, sent - tally.first + 1), received)
        text += f" (seq>={tally.first} {since}%)"
    return f"{text}, min/avg/max/std-dev = {'/'.join(f'{time_s * _MS:.3f}' for time_s in times)}"


def _escaped(info: bytes) -> str:
    r"""Return bytes of a peer's as omping prints them: \\ and \xNN for what is no plain ASCII."""
    return "".join(
        _ESCAPES.get(byte) or (chr(byte) if byte in _PRINTABLE else f"\\x{byte:02X}") for byte in info
    )


_ESCAPES = {ord("\\"): "\\\\"}
