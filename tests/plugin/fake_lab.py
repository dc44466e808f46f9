"""A backend without a kernel for tests of what stands above backends: it emits the records of a perfect lab.

Everything that a plan's streams send arrives in time. What shall go wrong stands in the variant's name:
``lost`` (nothing arrives), ``broken`` (LabError), ``crash`` (the process ends), ``bug`` (an exception that
nobody expects), ``toolless`` (a program is missing), ``late`` (this machine disturbs the first run),
``slow`` (takes the scenario's real time), ``stopped`` (the user interrupts), ``parts`` (in virtual time
nothing arrives from 5 s on), ``uncertain`` (this machine disturbs a lab's first run, after what is judged).
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from harness.backends.base import Emit, Options
from harness.errors import HostError, LabError
from harness.observations.model import Arrived, Impaired, Membership, Phase, Sent
from harness.plan.model import Cast, Plan, PlanStream
from harness.run import backends

NAMES = ("fake", "fake-hostless", "fake-virtual")


class FakeBackend:
    """Delivers everything, at once, unless the variant's name says otherwise."""

    name = "fake"
    virtual = False

    def refusals(self, plan: Plan) -> tuple[str, ...]:
        if plan.speed > 900:
            return (f"every node: a timer is too short at speed {plan.speed:g}",)
        return ()

    def check_host(self) -> None:
        pass

    def check_tools(self, plan: Plan) -> None:
        if plan.variant == "toolless":
            raise HostError("iptables is not installed", "apt-get install iptables")

    def run(self, plan: Plan, options: Options, emit: Emit) -> None:
        began_s = time.monotonic()
        emit(Phase(name="build", real_s=0.0))
        self._note(options.folder, f"{os.getpid()}\n")
        match plan.variant:
            case "broken":
                raise LabError("netlink: the kernel refused it")
            case "crash":
                os.abort()
            case "bug":
                raise ZeroDivisionError("a mistake in the lab")
            case "stopped":
                raise KeyboardInterrupt
            case _:
                pass
        emit(Phase(name="run", real_s=0.01))
        try:
            self._walk(plan, options, emit, began_s)
        finally:
            emit(Phase(name="tear down", real_s=time.monotonic() - began_s))
            self._note(options.folder, "torn down\n")

    def _walk(self, plan: Plan, options: Options, emit: Emit, began_s: float) -> None:
        first = not options.folder.name.endswith("-alone")
        late = first and plan.variant == "late"
        dropped = first and plan.variant == "uncertain" and not self.virtual
        if late:
            emit(Impaired(at_s=0.5, what="late", late_s=0.2 * plan.speed))
        if late or dropped:
            emit(Impaired(at_s=0.5 if late else 10.2, what="backlog", count=7))
        if plan.variant == "slow":
            while time.monotonic() < began_s + plan.duration_s / plan.speed:
                emit(Membership(at_s=0.0, node=plan.nodes[0].name, stream=1, joined=True))
                time.sleep(0.01)
        lost = late or plan.variant == "lost"
        parts = plan.variant == "parts" and self.virtual
        lost_from_s = 0.0 if lost else 5.0 if parts else 10.0 if dropped else plan.duration_s
        for stream in plan.streams:
            _deliver(plan, stream, emit, lost_from_s)
        if options.hold and not self.virtual:
            emit(Phase(name="hold", real_s=1.0, detail="nsenter --net=/proc/1/fd/9"))
            while True:
                time.sleep(1.0)

    def _note(self, folder: Path, text: str) -> None:
        """Leave a trace that outlives this process."""
        with (folder / "fake.log").open("a", encoding="ascii") as file:
            file.write(text)


class VirtualBackend(FakeBackend):
    """The same in virtual time; it leaves nothing behind."""

    name = "fake-virtual"
    virtual = True

    def _note(self, folder: Path, text: str) -> None:
        pass


class HostlessBackend(FakeBackend):
    """No machine can run it."""

    name = "fake-hostless"

    def check_host(self) -> None:
        raise HostError("network namespaces are missing", "run as root")


def _deliver(plan: Plan, stream: PlanStream, emit: Emit, lost_from_s: float) -> None:
    if stream.cast is Cast.MULTICAST:
        for node in stream.receivers:
            emit(Membership(at_s=0.0, node=node, stream=stream.number, joined=True))
    for sequence in range(stream.sequence_at(plan.duration_s)):
        at_s = stream.sent_at(sequence)
        for sender in stream.senders:
            emit(Sent(at_s=at_s, stream=stream.number, sender=sender, first=sequence, count=1))
            hosts = tuple(name for name in stream.receivers if name != sender)
            if at_s < lost_from_s and hosts:
                emit(Arrived(at_s=at_s, stream=stream.number, sender=sender, sequence=sequence, hosts=hosts))


def register() -> None:
    """Make the fakes known."""
    backends.register("fake", FakeBackend)
    backends.register("fake-hostless", HostlessBackend)
    backends.register("fake-virtual", VirtualBackend)
