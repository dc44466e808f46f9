"""Generated messages of IGMP and MLD that their codecs can say."""

from functools import partial
from ipaddress import IPv4Address, IPv6Address

from hypothesis import strategies as st

from harness.wire.membership import GroupRecord, Leave, Query, RecordReport, RecordType, Report
from harness.wire.timecode import LONG, SHORT

ADDRESSES_V4 = st.integers(0, 2**32 - 1).map(IPv4Address)
ADDRESSES_V6 = st.integers(0, 2**128 - 1).map(IPv6Address)
GROUPS_V4 = st.integers(0xE0000100, 0xEFFFFFFF).map(IPv4Address)
GROUPS_V6 = st.integers(0xFF << 120, (1 << 128) - 1).map(IPv6Address)


def times_of(code):
    """Units that a code holds exactly."""
    mantissa = st.integers(1 << code.mantissa_bits, (2 << code.mantissa_bits) - 1)
    floating = st.builds(lambda m, e: m << (e + 3), mantissa, st.integers(0, 7))
    return st.integers(0, code.floating_from - 1) | floating


def _query(version, units_per_second, group, units, **rest):
    return Query(version=version, group=group, max_response_s=units / units_per_second, **rest)


def _with_sources(version, units_per_second, code, groups, addresses):
    return st.builds(
        partial(_query, version, units_per_second),
        st.none() | groups,
        times_of(code),
        sources=st.lists(addresses, max_size=5).map(tuple),
        robustness=st.integers(0, 7),
        query_interval_s=times_of(SHORT).map(float),
        suppress=st.booleans(),
    )


def _record_reports(groups, addresses):
    sources = st.lists(addresses, max_size=5).map(tuple)
    records = st.builds(GroupRecord, type=st.sampled_from(RecordType), group=groups, sources=sources)
    return st.builds(RecordReport, records=st.lists(records, max_size=5).map(tuple))


IGMP_MESSAGES = st.one_of(
    st.just(Query(version=1)),
    st.builds(partial(_query, 2, 10), st.none() | GROUPS_V4, st.integers(1, 255)),
    _with_sources(3, 10, SHORT, GROUPS_V4, ADDRESSES_V4),
    st.builds(Report, version=st.sampled_from((1, 2)), group=GROUPS_V4),
    st.builds(Leave, group=GROUPS_V4),
    _record_reports(GROUPS_V4, ADDRESSES_V4),
)
MLD_MESSAGES = st.one_of(
    st.builds(partial(_query, 1, 1000), st.none() | GROUPS_V6, st.integers(0, 65535)),
    _with_sources(2, 1000, LONG, GROUPS_V6, ADDRESSES_V6),
    st.builds(Report, version=st.just(1), group=GROUPS_V6),
    st.builds(Leave, group=GROUPS_V6),
    _record_reports(GROUPS_V6, ADDRESSES_V6),
)
