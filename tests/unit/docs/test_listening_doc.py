"""The transcript of docs/listening.md comes out of the command."""

import re
import struct
import textwrap
from ipaddress import ip_address
from pathlib import Path

from harness.protocols.dialect import Dialect
from harness.tools.listen import main
from harness.wire import ethernet, ipv4
from harness.wire.membership import Query, Report
from harness.wire.pcap import PcapWriter

DOCUMENT = Path(__file__).parents[3] / "docs" / "listening.md"
GROUP = ip_address("239.192.3.20")
SHOWN = re.compile(r"^ {4}\$ mcast listen (.*)\n((?: {4}.*\n|\n)+)", re.MULTILINE)


def igmp(message, source, mac):
    return Dialect.IGMP.frame(message, source_mac=mac, source=ip_address(source))


def datagram():
    packet = ipv4.Ipv4Packet(
        source=ip_address("10.0.0.2"),
        destination=GROUP,
        protocol=17,
        ttl=1,
        payload=struct.pack("!HHHH", 40000, 5405, 8, 0),
    )
    frame = ethernet.EthernetFrame(
        destination=ethernet.multicast_mac(GROUP),
        source=b"\2\0\0\0\0\2",
        ethertype=ethernet.ETHERTYPE_IPV4,
        payload=ipv4.encode(packet),
    )
    return ethernet.encode(frame)


def test_transcript_of_a_querier_that_falls_silent(tmp_path, monkeypatch, capsys):
    query = igmp(Query(), "10.0.0.254", b"\2\0\0\0\0\xfe")
    report = igmp(Report(version=2, group=GROUP), "10.0.0.1", b"\2\0\0\0\0\1")
    story = (
        (0.0, b"\xff" * 6 + b"\2\0\0\0\0\1\x08\x06" + bytes(28)),
        (0.4, report),
        (3.1, query),
        (5.0, report),
        (9.0, datagram()),
        (128.1, query),
        (130.0, report),
        (400.0, datagram()),
    )
    with (tmp_path / "eth0.pcap").open("wb") as file:
        writer = PcapWriter(file)
        for at_s, frame in story:
            writer.write(frame, 1_700_000_000 + at_s)
    asked, shown = SHOWN.search(DOCUMENT.read_text(encoding="utf-8")).groups()
    monkeypatch.chdir(tmp_path)
    assert main(asked.split()) == 0
    assert capsys.readouterr().out == textwrap.dedent(shown).rstrip("\n") + "\n"
