"""Capture files."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.wire import pcap
from harness.wire.malformed import Malformed

frames = st.lists(st.tuples(st.binary(max_size=80), st.integers(0, 2**31 - 1), st.integers(0, 999_999)))


@given(frames, st.booleans())
def test_frames_come_back_in_order_with_their_times(written, nanoseconds):
    file = io.BytesIO()
    writer = pcap.PcapWriter(file, nanoseconds=nanoseconds)
    for frame, seconds, microseconds in written:
        writer.write(frame, seconds + microseconds / 1e6)
    file.seek(0)
    read = list(pcap.read(file))
    assert [captured.frame for captured in read] == [frame for frame, _, _ in written]
    assert [captured.time_s for captured in read] == pytest.approx(
        [seconds + microseconds / 1e6 for _, seconds, microseconds in written], abs=1e-6, rel=0
    )


def test_the_header_is_what_analysers_expect():
    """draft-ietf-opsawg-pcap section 4: magic, 2.4, no zone, snap length, Ethernet."""
    file = io.BytesIO()
    pcap.PcapWriter(file).write(b"\xaa" * 14, 1.5)
    assert (
        file.getvalue()
        == bytes.fromhex(
            "4d3cb2a1 0200 0400 00000000 00000000 00000400 01000000 01000000 0065cd1d 0e000000 0e000000"
        )
        + b"\xaa" * 14
    )


def test_big_endian_captures_are_read():
    head = struct.pack(">IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    record = struct.pack(">IIII", 7, 250000, 3, 3) + b"abc"
    assert list(pcap.read(io.BytesIO(head + record))) == [pcap.Captured(time_s=7.25, frame=b"abc")]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 24,
        struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 113),
        struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"\0" * 15,
        struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + struct.pack("<IIII", 0, 0, 4, 4) + b"abc",
        struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + struct.pack("<IIII", 0, 0, 2**31, 4),
    ],
)
def test_what_is_no_whole_capture_is_malformed(data):
    with pytest.raises(Malformed):
        list(pcap.read(io.BytesIO(data)))
