"""What ``mcast listen`` shows while it waits."""

from ipaddress import ip_address

import pytest

from harness.protocols.dialect import Dialect
from harness.protocols.listening import words
from harness.protocols.listening.listener import Listener
from harness.tools.listening import ProgressLine
from harness.wire.membership import Query, Report


def test_how_long_and_what_was_heard_so_far():
    machine = Listener()
    assert words.progress(machine, 30.2, 99.8) == (
        "listened for 30 s, 100 s left: 0 queries, 0 reported groups, 0 streams"
    )
    router, host = ip_address("10.0.0.254"), ip_address("10.0.0.1")
    machine.hear(Dialect.IGMP.frame(Query(), source_mac=bytes(6), source=router), 1)
    report = Report(version=2, group=ip_address("239.1.1.1"))
    machine.hear(Dialect.IGMP.frame(report, source_mac=bytes(6), source=host), 2)
    assert words.progress(machine, 131, -1) == (
        "listened for 131 s, 0 s left: 1 query, 1 reported group, 0 streams"
    )


class Screen:
    def __init__(self, terminal):
        self.terminal, self.text = terminal, ""

    def isatty(self):
        return self.terminal

    def write(self, text):
        self.text += text

    def flush(self):
        pass


@pytest.mark.parametrize(
    ("terminal", "on", "shown"),
    [
        (True, True, "\r\033[Kone\r\033[Ktwo\r\033[K"),
        (False, True, "one\ntwo\n"),
        (True, False, ""),
    ],
)
def test_on_a_terminal_the_line_is_rewritten(terminal, on, shown, monkeypatch):
    screen = Screen(terminal)
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    line = ProgressLine(on=on)
    line.show("one")
    line.show("two")
    line.clear()
    line.clear()
    assert screen.text == shown
