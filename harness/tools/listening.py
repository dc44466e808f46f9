"""What is listened to: an interface in real time, or a capture; both feed the same machine.

Nothing is sent: sockets are those of ``harness.sockets.ear``, and there is no other. Decides nothing of what
was heard, and knows neither words nor exit codes but those of its own troubles.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from harness.errors import ExitCode, HarnessError, HostError
from harness.protocols.listening import words
from harness.protocols.listening.events import Event
from harness.protocols.listening.listener import Listener
from harness.protocols.listening.summary import Lacking, Summary
from harness.sockets.ear import Ear
from harness.sockets.interfaces import Interface, above
from harness.sockets.loop import Alarm, Loop
from harness.sockets.memberships import memberships
from harness.wire import pcap
from harness.wire.malformed import Malformed
from harness.wire.membership import Address

_PROGRESS_EVERY_S = {True: 1.0, False: 10.0}
"""On a terminal, where the line is rewritten, and elsewhere."""
_OWN_EVERY_S = 5.0
_PCAPNG = b"\x0a\x0d\x0d\x0a"

Tell = Callable[[Event], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How long, until how many general queries (None: any number), and whether to tell how far it is."""

    for_s: float
    count: int | None
    progress: bool


class Source(Protocol):
    """Where frames come from."""

    @property
    def name(self) -> str:
        """What to call it."""
        ...

    def own(self) -> tuple[Address, ...] | None:
        """Return the groups that the listening host is in; None where nobody can know."""
        ...

    def listen(self, listener: Listener, request: Request, tell: Tell) -> tuple[bool, Summary]:
        """Feed the listener to the end; return whether it was interrupted, and the summary."""
        ...


class BadCaptureError(HarnessError):
    """The capture cannot be read: says why, and what makes one that can."""

    exit_code = ExitCode.BAD_INPUT


# --- an interface -----------------------------------------------------------------------------------------


class Live:
    """An interface of this network namespace."""

    def __init__(self, interface: Interface, every: tuple[Interface, ...]) -> None:
        self.name = interface.name
        self._kind, self._running = interface.kind, interface.running
        self._ports = [one.name for one in every if one.master == interface.index]
        self._stack = (interface.name, *(one.name for one in above(interface, every)))
        if not interface.up:
            raise HostError(f"{self.name} is down and hears nothing", f"ip link set {self.name} up")

    def own(self) -> tuple[Address, ...]:
        """Return the groups of the interface and of what stands on it: its bridge, its VLANs."""
        by_name = memberships()
        return tuple(group for name in self._stack for group in by_name.get(name, ()))

    def listen(self, listener: Listener, request: Request, tell: Tell) -> tuple[bool, Summary]:
        """Listen for the time that was asked for. Raises HostError without the right to."""
        session = _Session(self._open(), listener, request, tell, self)
        try:
            interrupted = session.run()
        finally:
            session.close()
        lost = tuple(
            Lacking(count=count, what=f"of {what} that came faster than they could be read")
            for count, what in ((session.ear.lost_messages, "messages"), (session.ear.lost_data, "data"))
            if count
        )
        return interrupted, listener.summary(session.listened_s, lost, (*self._notes(), *session.notes))

    def _open(self) -> Ear:
        try:
            return Ear(self.name, all_groups=self._kind != "bridge")
        except PermissionError as error:
            raise HostError(f"capturing on {self.name} is not permitted", _cure()) from error
        except OSError as error:
            if error.errno == errno.EAFNOSUPPORT:
                raise HostError("this kernel has no packet sockets", "modprobe af_packet") from error
            raise HostError(
                f"{self.name} cannot be listened to: {error.strerror}", "look at it with: ip -d link"
            ) from error

    def _notes(self) -> Iterator[str]:
        if not self._running:
            yield f"{self.name} had no carrier when this began: nothing can be heard without"
        if self._kind == "bridge":
            ports = f" ({', '.join(self._ports)})" if self._ports else ""
            yield (
                f"{self.name} is a bridge, and what it keeps from this host is not heard; listen to its port"
                f"{ports} for what the switch sends"
            )


class _Session:
    """One time of listening: sockets, timers, progress."""

    def __init__(self, ear: Ear, listener: Listener, request: Request, tell: Tell, live: Live) -> None:
        self.ear = ear
        self.notes: list[str] = []
        self.listened_s = 0.0
        self._listener, self._request, self._tell, self._live = listener, request, tell, live
        self._loop = Loop()
        self._began_s = self._loop.now()
        self._alarm = Alarm(self._loop, lambda _due_s: self._take(self._listener.tick(self._now())))
        self._line = ProgressLine(on=request.progress)

    def run(self) -> bool:
        """Listen; return whether it was interrupted."""
        for sock in (self.ear.messages, self.ear.data):
            self._loop.watch(sock.fileno(), lambda sock=sock: self._read(sock))  # type: ignore[misc]
        self._again(_OWN_EVERY_S, lambda: self._listener.set_own(self._live.own()))
        self._again(self._line.every_s, self._show)
        self._alarm.set(self._due())
        interrupted = False
        try:
            self._loop.wait_until(self._is_enough, self._began_s + self._request.for_s)
        except KeyboardInterrupt:
            interrupted = True
        self.listened_s = min(self._now(), self._request.for_s) if not interrupted else self._now()
        self._take(self._listener.tick(self.listened_s))
        self._line.clear()
        self.ear.count_lost()
        return interrupted

    def close(self) -> None:
        """Let everything go."""
        self.ear.close()
        self._loop.close()

    def _now(self) -> float:
        return self._loop.now() - self._began_s

    def _is_enough(self) -> bool:
        return self._request.count is not None and self._listener.general_queries >= self._request.count

    def _again(self, every_s: float, do: Callable[[], None]) -> None:
        def ring() -> None:
            do()
            self._loop.call_at(self._loop.now() + every_s, ring)

        self._loop.call_at(self._loop.now() + every_s, ring)

    def _read(self, sock: socket.socket) -> None:
        try:
            for heard in self.ear.heard(sock):
                at_s = min(max(heard.at_s - self._began_s, 0.0), self._now())
                self._take(self._listener.hear(heard.frame, at_s, here=heard.here))
                if self._is_enough():
                    break
        except OSError as error:
            note = f"{self._live.name} failed at {words.moment(self._now())}: {error.strerror}"
            if len(self.notes) < 8:
                self.notes.append(note)
        self._alarm.set(self._due())

    def _due(self) -> float | None:
        due_s = self._listener.next_deadline()
        return None if due_s is None else self._began_s + due_s

    def _take(self, events: list[Event]) -> None:
        if events:
            self._line.clear()
        for event in events:
            self._tell(event)

    def _show(self) -> None:
        self._line.show(words.progress(self._listener, self._now(), self._request.for_s - self._now()))


class ProgressLine:
    """One line on stderr that is rewritten on a terminal, a plain line now and then elsewhere."""

    def __init__(self, *, on: bool) -> None:
        self._on = on
        self._rewrites = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._drawn = False
        self.every_s = _PROGRESS_EVERY_S[self._rewrites]

    def show(self, text: str) -> None:
        """Show this."""
        if self._on:
            sys.stderr.write(f"\r\033[K{text}" if self._rewrites else f"{text}\n")
            sys.stderr.flush()
            self._drawn = self._rewrites

    def clear(self) -> None:
        """Take it away, so that something else can be printed."""
        if self._drawn:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
            self._drawn = False


def _cure() -> str:
    python = Path(sys.executable).resolve()
    return (
        f"run as root, or give this Python the right: setcap cap_net_raw+ep {python}, or, for interfaces of "
        "a network namespace of your own: unshare --user --map-root-user --net"
    )


# --- a capture --------------------------------------------------------------------------------------------


class Capture:
    """A file in the pcap format, with frames of Ethernet. The first frame is second 0."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path

    @staticmethod
    def own() -> None:
        """Whose host it was is not in a capture."""
        return

    def listen(self, listener: Listener, request: Request, tell: Tell) -> tuple[bool, Summary]:
        """Hear the whole file, or what there is of it. Raises BadCaptureError for another format."""
        notes: list[str] = []
        last_s, interrupted = 0.0, False
        try:
            for at_s, frame in self._frames(notes):
                last_s = max(last_s, at_s)
                for event in listener.hear(frame, at_s):
                    tell(event)
                if request.count is not None and listener.general_queries >= request.count:
                    break
        except KeyboardInterrupt:
            interrupted = True
        return interrupted, listener.summary(last_s, notes=notes)

    def _frames(self, notes: list[str]) -> Iterator[tuple[float, bytes]]:
        began_s = None
        try:
            with self._path.open("rb") as file:
                self._refuse_pcapng(file)
                for captured in pcap.read(file):
                    if began_s is None:
                        began_s = captured.time_s
                    yield max(captured.time_s - began_s, 0.0), captured.frame
        except OSError as error:
            raise BadCaptureError(f"{self.name} cannot be read: {error.strerror}") from error
        except Malformed as error:
            if began_s is None:
                hint = "tcpdump -i IFACE -w FILE writes one that can be read"
                raise BadCaptureError(f"{self.name}: {error}; {hint}") from error
            notes.append(f"{error}: what follows is missing")

    def _refuse_pcapng(self, file: BinaryIO) -> None:
        if file.read(len(_PCAPNG)) == _PCAPNG:
            new = self._path.with_suffix(".pcap").name
            raise BadCaptureError(
                f"{self.name} is pcapng, and only pcap is read; convert it: "
                f"editcap -F pcap {self._path.name} {new}, or tcpdump -r {self._path.name} -w {new}"
            )
        file.seek(0)
