"""The codec of omping: every packet of a capture of the real one, and whatever bytes may come."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.wire import omping, pcap, tlv
from harness.wire.malformed import Malformed
from harness.wire.omping import Kind, Message, Option, Prefix, Stamp

CAPTURE = Path(__file__).parent / "captures" / "omping-3-nodes.pcap"
GROUP = IPv4Address("232.43.211.234")


def _captured():
    """Destination address and payload of every datagram of omping."""
    found = []
    with CAPTURE.open("rb") as file:
        for captured in pcap.read(file):
            packet = captured.frame[14:]
            if captured.frame[12:14] == b"\x08\x00" and packet[9] == 17:
                head = (packet[0] & 15) * 4
                size = int.from_bytes(packet[head + 4 : head + 6], "big")
                found.append((IPv4Address(packet[16:20]), packet[head + 8 : head + size]))
    return found


PACKETS = _captured()
QUERY = next(data for _, data in PACKETS if data[0] == Kind.QUERY)


def test_the_capture_has_messages_of_every_kind():
    kinds = [chr(data[0]) for _, data in PACKETS]
    assert {kind: kinds.count(kind) for kind in "ISQA"} == {"I": 6, "S": 4, "Q": 12, "A": 30}


@pytest.mark.parametrize("data", [data for _, data in PACKETS], ids=range(len(PACKETS)))
def test_what_omping_sent_packs_to_the_same_bytes(data):
    message = omping.parse(data)
    assert omping.pack(message) == data
    assert message.version == 2
    assert len(message.client_id) == 24


def test_what_a_query_of_omping_says():
    message = omping.parse(QUERY)
    assert message == Message(
        kind=Kind.QUERY,
        client_id=bytes.fromhex("265b00000a4d000153f1a29429f9635d7014a25d960c10c3"),
        sequence=1,
        client_time=Stamp(seconds=0x6B033BEF, microseconds=0x1778A),
        group=GROUP,
        session=bytes.fromhex("255b00003bf01a429dad30e46cd45be0"),
    )


def test_what_an_init_of_omping_says():
    message = omping.parse(PACKETS[0][1])
    assert message.kind is Kind.INIT
    assert message.prefixes == (Prefix(address=GROUP, length=32),)


def test_queries_are_written_as_omping_writes_them():
    for data in (data for _, data in PACKETS if data[0] == Kind.QUERY):
        message = omping.parse(data)
        stamp = message.client_time
        stamp_us = stamp.seconds * 10**6 + stamp.microseconds
        assert (
            omping.query(message.client_id, message.sequence, stamp_us, message.group, message.session)
            == data
        )


def test_answers_are_written_as_omping_writes_them():
    queries = [data for _, data in PACKETS if data[0] == Kind.QUERY]
    answers = [data for _, data in PACKETS if data[0] == Kind.ANSWER]
    for data in queries:
        asked = omping.read_query(data)
        assert asked.plain
        written = omping.answer(data, 64, plain=True)
        assert written == omping.answer(data, 64, plain=False)
        assert answers.count(written) == 2, "one by unicast, one by multicast"
        assert omping.read_answer(written) == _slow_answer(written)


def _slow_answer(data):
    message = omping.parse(data)
    stamp = message.client_time
    sent_us = None if stamp is None else stamp.seconds * 10**6 + stamp.microseconds
    return omping.Answer(message.client_id, message.sequence, sent_us, message.ttl)


def test_answers_begin_with_the_client_id():
    beginning = omping.beginning_of_answers(bytes.fromhex("265b00000a4d0001"))
    to_node1 = [data for _, data in PACKETS if data[0] == Kind.ANSWER and data.startswith(beginning)]
    assert len(to_node1) == 9


# --- what is not omping's ---------------------------------------------------------------------------------


def test_options_of_an_impossible_length_are_not_there():
    options = [(kind, b"x") for kind in Option if kind not in (Option.VERSION, Option.TTL)]
    message = omping.parse(b"Q" + tlv.pack(options))
    assert message == Message(kind=Kind.QUERY, version=None, client_id=b"x", server_info=b"x", session=b"x")


def test_empty_options_are_not_there():
    message = omping.parse(b"A" + tlv.pack((kind, b"") for kind in Option))
    assert message == Message(kind=Kind.ANSWER, version=None)


def test_unknown_options_are_passed_over_and_copied_into_answers():
    data = omping.pack(omping.parse(QUERY)) + tlv.pack([(77, b"seventy-seven")])
    asked = omping.read_query(data)
    assert not asked.plain
    answer = omping.answer(data, 64)
    assert (77, b"seventy-seven") in list(tlv.parse(answer))
    assert omping.parse(answer).session is None


def test_the_last_of_repeated_options_counts_and_prefixes_are_a_list():
    first, second = Prefix(address=GROUP, length=32), Prefix(address=IPv6Address("ff3e::"), length=16)
    head = omping.pack(Message(kind=Kind.INIT, client_id=b"a", prefixes=(first, second)))
    assert omping.parse(head + tlv.pack([(Option.CLIENT_ID, b"b")])) == Message(
        kind=Kind.INIT, client_id=b"b", prefixes=(first, second)
    )


@pytest.mark.parametrize(
    ("prefix", "group", "covered"),
    [
        ("232.43.211.234/32", "232.43.211.234", True),
        ("232.43.211.234/32", "232.43.211.235", False),
        ("232.0.0.0/8", "232.43.211.234", True),
        ("233.0.0.0/8", "232.43.211.234", False),
        ("0.0.0.0/0", "239.1.2.3", True),
        ("0.0.0.0/0", "ff3e::4321:1234", False),
        ("ff00::/9", "ff3e::4321:1234", True),
        ("ff80::/9", "ff3e::4321:1234", False),
    ],
)
def test_prefixes_cover_groups(prefix, group, covered):
    address, _, length = prefix.partition("/")
    found = Prefix(address=ip_address(address), length=int(length))
    assert found.covers(ip_address(group)) is covered


def test_a_prefix_may_leave_out_the_bytes_behind_its_length():
    data = b"I" + tlv.pack([(Option.PREFIX, bytes((0, 1, 8, 232)))])
    assert omping.parse(data).prefixes == (Prefix(address=IPv4Address("232.0.0.0"), length=8),)


@pytest.mark.parametrize("data", [b"", b"X", b"q", QUERY[:-1], b"I\0\0\0", b"I\0\0\xff\xff"])
def test_damaged_messages_are_malformed(data):
    with pytest.raises(Malformed):
        omping.parse(data)


@pytest.mark.parametrize("field", ["client_id", "session", "server_info"])
def test_what_would_be_read_as_absent_is_not_written(field):
    with pytest.raises(ValueError, match="at least one byte"):
        omping.pack(Message(kind=Kind.INIT, **{field: b""}))


# --- any bytes, any message -------------------------------------------------------------------------------

_NUMBERS = st.integers(0, omping.MOST_SEQUENCE)
_STAMPS = st.none() | st.builds(Stamp, seconds=_NUMBERS, microseconds=_NUMBERS)
_ADDRESSES = st.ip_addresses()
_TEXTS = st.none() | st.binary(min_size=1, max_size=40)


@st.composite
def _prefixes(draw):
    address = draw(_ADDRESSES)
    return Prefix(address=address, length=draw(st.integers(0, address.max_prefixlen)))


_MESSAGES = st.builds(
    Message,
    kind=st.sampled_from(Kind),
    version=st.none() | st.integers(0, 255),
    client_id=_TEXTS,
    sequence=st.none() | _NUMBERS,
    client_time=_STAMPS,
    group=st.none() | _ADDRESSES,
    requested=st.lists(st.integers(0, 65535), max_size=4).map(tuple),
    server_info=_TEXTS,
    prefixes=st.lists(_prefixes(), max_size=3).map(tuple),
    session=_TEXTS,
    ttl=st.none() | st.integers(0, 255),
    server_time=_STAMPS,
)


@given(_MESSAGES)
def test_any_message_packs_and_parses_back(message):
    assert omping.parse(omping.pack(message)) == message


_OPTIONS = st.lists(st.tuples(st.integers(0, 14), st.binary(max_size=24)), max_size=8)
_DATA = st.one_of(
    st.binary(max_size=200),
    _OPTIONS.map(lambda options: b"Q" + tlv.pack(options)),
    st.tuples(st.sampled_from([data for _, data in PACKETS]), st.integers(0, 90), st.binary(max_size=6)).map(
        lambda drawn: drawn[0][: drawn[1]] + drawn[2] + drawn[0][drawn[1] + len(drawn[2]) :]
    ),
)


@given(_DATA)
def test_any_bytes_are_a_message_or_malformed(data):
    try:
        message = omping.parse(data)
    except Malformed:
        for read in (omping.read_query, omping.read_answer):
            with pytest.raises(Malformed):
                read(data)
        return
    assert omping.parse(omping.pack(message)) == message


@given(_DATA)
def test_the_fixed_layouts_say_what_the_parser_says(data):
    try:
        message = omping.parse(data)
        asked = omping.read_query(data)
    except Malformed:
        return
    assert asked[:4] == (
        message.sequence,
        message.session,
        message.group is not None,
        Option.SERVER_TIME in message.requested,
    )
    answer = omping.answer(data, 64, plain=asked.plain)
    assert answer == omping.answer(data, 64, plain=False)
    assert omping.read_answer(answer) == _slow_answer(answer)
    if asked.session is not None and len(asked.session) == omping.SESSION_BYTES:
        assert len(answer) < len(data)
