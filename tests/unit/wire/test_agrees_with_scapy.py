"""The codecs of IGMP and MLD against those of scapy, in both directions and to the byte."""

from hypothesis import given, settings
from hypothesis import strategies as st
from scapy_words import built, read, rebuilt
from wire_messages import ADDRESSES_V4, ADDRESSES_V6, IGMP_MESSAGES, MLD_MESSAGES

from harness.wire import ethernet, igmp, ipv4, ipv6, mld

MAC = bytes.fromhex("52cccccccc03")
FEW = settings(max_examples=60)
CASES = st.tuples(IGMP_MESSAGES, ADDRESSES_V4) | st.tuples(MLD_MESSAGES, ADDRESSES_V6)


def frame_of(message, source):
    build = igmp.igmp_frame if source.version == 4 else mld.mld_frame
    return build(message, source_mac=MAC, source=source)


def payload_of(frame):
    outer = ethernet.decode(frame)
    codec = ipv4 if outer.ethertype == ethernet.ETHERTYPE_IPV4 else ipv6
    return codec.decode(outer.payload).payload


def parsed(frame):
    found = igmp.parse_igmp_frame(frame) or mld.parse_mld_frame(frame)
    assert found is not None
    return found


@FEW
@given(CASES)
def test_scapy_reads_what_we_write(case):
    message, source = case
    assert read(frame_of(message, source)) == message


@FEW
@given(CASES)
def test_scapy_puts_the_same_lengths_and_checksums_into_what_we_write(case):
    frame = frame_of(*case)
    at = len(frame) - len(payload_of(frame)) + 2
    damaged = frame[:at] + bytes(byte ^ 0xFF for byte in frame[at : at + 2]) + frame[at + 2 :]
    assert rebuilt(damaged) == frame


@FEW
@given(CASES)
def test_we_read_what_scapy_writes(case):
    message, source = case
    ours = parsed(frame_of(message, source))
    frame = built(
        message,
        source_mac=MAC,
        source=source,
        destination=ours.destination,
        destination_mac=frame_of(message, source)[:6],
    )
    assert parsed(frame) == ours
