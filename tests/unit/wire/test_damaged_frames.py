"""What a switch is given by accident or malice: every parser reads it, refuses it, or leaves it alone."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_messages import ADDRESSES_V4, ADDRESSES_V6, IGMP_MESSAGES, MLD_MESSAGES

from harness.wire import ethernet, igmp, ipv6, mld, pim
from harness.wire.checksum import pseudo_header, with_checksum
from harness.wire.malformed import Malformed
from harness.wire.membership import ControlFrame, Query, Report

MAC = bytes.fromhex("52cccccccc03")
PARSERS = (igmp.parse_igmp_frame, mld.parse_mld_frame, pim.parse_hello)
HELLOS = st.builds(
    pim.Hello, source=ADDRESSES_V4 | ADDRESSES_V6, hold_time_s=st.integers(0, 65534).map(float)
)
VALID = st.one_of(
    st.builds(lambda m, s: igmp.igmp_frame(m, source_mac=MAC, source=s), IGMP_MESSAGES, ADDRESSES_V4),
    st.builds(lambda m, s: mld.mld_frame(m, source_mac=MAC, source=s), MLD_MESSAGES, ADDRESSES_V6),
    HELLOS.map(lambda hello: pim.hello_frame(hello, source_mac=MAC)),
)
MANY = settings(max_examples=300)


def weighed(frame):
    """What each parser makes of a frame; nothing but Malformed may come out of one."""
    found = []
    for parse in PARSERS:
        try:
            read = parse(frame)
        except Malformed as error:
            found.append(str(error))
        else:
            assert read is None or isinstance(read, ControlFrame | pim.Hello)
            found.append(read)
    return found


@st.composite
def mutated(draw):
    """A valid frame with bytes changed, cut out, put in, and perhaps its end missing."""
    frame = bytearray(draw(VALID))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(frame) - 1, 0)))
        match draw(st.sampled_from(("change", "remove", "insert", "cut"))):
            case "change" if frame:
                frame[at] = draw(st.integers(0, 255))
            case "remove":
                del frame[at : at + draw(st.integers(1, 8))]
            case "insert":
                frame[at:at] = draw(st.binary(min_size=1, max_size=8))
            case "cut":
                del frame[at:]
    return bytes(frame)


@MANY
@given(st.binary(max_size=120))
def test_arbitrary_bytes(frame):
    assert len(weighed(frame)) == len(PARSERS)


@MANY
@given(
    st.sampled_from((ethernet.ETHERTYPE_IPV4, ethernet.ETHERTYPE_IPV6)),
    st.binary(max_size=120),
    st.sampled_from((b"\x45", b"\x46", b"\x60")),
)
def test_arbitrary_packets(ethertype, rest, first):
    assert len(weighed(ethernet.HEADER.pack(bytes(6), MAC, ethertype) + first + rest)) == len(PARSERS)


@MANY
@given(mutated())
def test_mutated_frames(frame):
    assert len(weighed(frame)) == len(PARSERS)


@MANY
@given(st.binary(min_size=1, max_size=100), st.sampled_from((130, 131, 132, 143)))
def test_any_mld_with_a_right_checksum_is_read_or_malformed(rest, kind):
    """A right checksum lets the counts and lengths behind it through to the parser."""
    data = bytes([kind]) + rest + bytes(3)
    source = destination = mld.ALL_NODES
    before = pseudo_header(source, destination, len(data), ipv6.PROTOCOL_ICMPV6)
    try:
        mld.decode(with_checksum(data, before=before), source=source, destination=destination)
    except Malformed as error:
        assert str(error)


@MANY
@given(VALID, st.integers(0, 200))
def test_a_frame_cut_short_is_never_read(frame, length):
    """Where the header is whole, what is missing is missed: no parser makes up the rest."""
    cut = frame[: min(length, len(frame) - 1)]
    assert not any(isinstance(read, ControlFrame | pim.Hello) for read in weighed(cut))


@given(VALID, st.binary(min_size=1, max_size=46))
def test_padding_is_never_part_of_a_message(frame, padding):
    assert weighed(frame + padding) == weighed(frame)


@pytest.mark.parametrize(
    "frame",
    [
        igmp.igmp_frame(
            Report(version=2, group=IPv4Address("239.192.1.1")),
            source_mac=MAC,
            source=IPv4Address("10.0.0.1"),
        ),
        igmp.igmp_frame(Query(), source_mac=MAC, source=IPv4Address("10.0.0.1")),
    ],
)
def test_a_short_frame_is_padded_to_60_bytes_by_network_cards(frame):
    assert len(frame) < 60
    assert weighed(frame.ljust(60, b"\0")) == weighed(frame)
