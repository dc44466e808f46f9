"""The payload of probes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.wire import probe
from harness.wire.malformed import Malformed

u16 = st.integers(0, 2**16 - 1)


@given(u16, u16, st.integers(0, probe.SEQUENCE_MODULUS - 1), st.integers(probe.MINIMUM_SIZE, 2000))
def test_probes_round_trip_at_any_size(stream, sender, sequence, size):
    buffer = bytearray(size)
    probe.pack_into(buffer, stream, sender, sequence)
    assert probe.parse(bytes(buffer)) == probe.Probe(stream=stream, sender=sender, sequence=sequence)
    assert probe.HEADER.unpack_from(buffer) == (probe.MAGIC, stream, sender, sequence)


@pytest.mark.parametrize("data", [b"", b"mcHP" + bytes(11), bytes(16), b"MCHP" + bytes(12)])
def test_other_datagrams_are_no_probes(data):
    with pytest.raises(Malformed):
        probe.parse(data)
