"""Generated rules of both syntaxes: the kernel and the evaluator say the same of every packet."""

import pytest
from firewall_stage import firewall_stage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_packet_filter import differences, in_chain
from test_packet_filter import pytestmark as _needs

from harness.plan.firewall import read_rules

pytestmark = _needs
EXAMPLES = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def stage():
    with firewall_stage() as made:
        yield made


PORTS = ("67", "698", "5353", "5404", "5405", "5404:5405", "5405:", ":5404")
V4 = ("10.0.0.1", "10.0.0.0/24", "10.0.0.2", "224.0.0.0/4", "239.192.0.1", "224.0.0.0/24", "10.0.0.255")
V6 = ("fe80::/10", "fd00::/64", "fd00::1", "fd00::2", "ff00::/8", "ff15::1:2", "ff02::/16")
KINDS = ("MULTICAST", "LOCAL", "UNICAST")
STATES = ("NEW", "INVALID", "UNTRACKED", "ESTABLISHED", "NEW,UNTRACKED", "RELATED,ESTABLISHED")


def maybe_not(words):
    return st.sampled_from(("", "! ")).map(lambda sign: sign + words)


def one_of(template, values):
    """An option with one of some values, perhaps negated."""
    return st.sampled_from(values).flatmap(lambda value: maybe_not(template.format(value)))


def matches(version):
    """Conditions of one iptables rule: the protocol first, then what may follow it."""
    addresses = V4 if version == 4 else V6
    hops = "-m ttl {}--ttl-{} {}" if version == 4 else "-m hl {}--hl-{} {}"
    with_ports = st.tuples(
        st.just("-p udp"),
        st.one_of(
            st.just(""),
            one_of("--dport {}", PORTS),
            one_of("--sport {}", ("40000", "5353", "1024:")),
            one_of("--dports {}", ("5404,5405", "67,5000:5404", "698")).map("-m multiport {}".format),
            one_of("--ports {}", ("5353,5405", "68")).map("-m multiport {}".format),
        ),
    ).map(" ".join)
    other = one_of("-p {}", ("igmp", "udp", "icmp") if version == 4 else ("icmpv6", "udp", "58"))
    protocol = st.one_of(st.just(""), with_ports, other)
    more = st.one_of(
        one_of("-d {}", addresses),
        one_of("-s {}", addresses),
        one_of("--dst-type {}", KINDS).map("-m addrtype {}".format),
        one_of("--src-type {}", KINDS).map("-m addrtype {}".format),
        one_of("--pkt-type {}", ("unicast", "broadcast", "multicast")).map("-m pkttype {}".format),
        one_of("--ctstate {}", STATES).map("-m conntrack {}".format),
        one_of("--length {}", ("0:128", "88:1000", "48")).map("-m length {}".format),
        st.builds(
            hops.format,
            st.sampled_from(("", "! ")),
            st.just("eq"),
            st.sampled_from((1, 32, 64, 255)),
        ),
        one_of("--mark {}", ("0", "7")).map("-m mark {}".format),
    )
    return st.tuples(protocol, st.lists(more, max_size=2, unique_by=_key)).map(
        lambda found: " ".join((found[0], *found[1]))
    )


def _option(words):
    """An option may stand once in a rule, and so may a match."""
    return words.lstrip("! ").split()[:2] if words.lstrip("! ").startswith("-m") else words.lstrip("! ")[:2]


def _key(words):
    return str(_option(words))


def rules(version):
    chains = st.sampled_from(("INPUT", "OUTPUT", "C", "D"))
    targets = st.sampled_from(("ACCEPT", "DROP", "DROP", "RETURN", "C", "D", "LOG", "REJECT"))
    filtered = st.builds(
        lambda chain, how, found, target: f"{how} {chain} {found} -j {target}",
        chains,
        st.sampled_from(("-A", "-A", "-I")),
        matches(version),
        targets,
    ).filter(_jumps_downward)
    early = st.builds(
        "-t {} -A PREROUTING {} -j {}".format,
        st.just("mangle"),
        matches(version),
        st.sampled_from(("DROP", "ACCEPT", "MARK --set-mark 7")),
    )
    raw = st.builds(
        "-t raw -A PREROUTING {} -j {}".format, matches(version), st.sampled_from(("NOTRACK", "DROP"))
    )
    policy = st.builds(
        "-P {} {}".format, st.sampled_from(("INPUT", "OUTPUT")), st.sampled_from(("DROP", "ACCEPT"))
    )
    return st.lists(st.one_of(filtered, filtered, filtered, early, raw, policy), min_size=1, max_size=6)


def _jumps_downward(rule):
    """No loops: built-in chains may jump to C and D, C to D only."""
    words = rule.split()
    chain, target = words[1], words[-1]
    return target not in ("C", "D") or chain in ("INPUT", "OUTPUT") or (chain, target) == ("C", "D")


@EXAMPLES
@given(four=rules(4), six=rules(6))
def test_iptables(stage, four, six):
    commands = tuple(
        command
        for tool, found in (("iptables", four), ("ip6tables", six))
        for line in ("-N C", "-N D", *found)
        for command in read_rules(tool, line)
    )
    assert differences(stage, commands) == []


def values(*words):
    """A comparison with one of some values or with a set of them."""
    one = st.sampled_from(words)
    several = st.lists(one, min_size=1, max_size=2, unique=True).map(lambda some: f"{{ {', '.join(some)} }}")
    return st.builds("{}{}".format, st.sampled_from(("", "!= ")), st.one_of(one, several))


OF_A_PROTOCOL = st.one_of(
    values("igmp", "udp", "icmpv6").map("meta l4proto {}".format),
    values("igmp", "udp").map("ip protocol {}".format),
    values("udp", "icmpv6", "0").map("ip6 nexthdr {}".format),
    values("ipv4", "ipv6").map("meta nfproto {}".format),
    values("224.0.0.0/24", "239.192.0.1", "10.0.0.1-10.0.0.2").map("ip daddr {}".format),
    values("10.0.0.0/24", "0.0.0.0").map("ip saddr {}".format),
    values("ff02::/16", "ff15::1:2", "fd00::2").map("ip6 daddr {}".format),
    values("membership-query", "membership-report-v2").map("igmp type {}".format),
    values("mld-listener-query", "mld2-listener-report").map("icmpv6 type {}".format),
    values("1", "32-64").map("ip ttl {}".format),
    values("1", "255").map("ip6 hoplimit {}".format),
    values("5405", "5404", "68-698").map("udp dport {}".format),
    values("5353", "40000").map("udp sport {}".format),
    st.sampled_from(("ip ttl < 64", "udp dport >= 5405", "ip daddr < 224.0.0.2")),
    st.just("ip daddr 239.192.0.0/16 udp dport 5404"),
    st.just("ip6 saddr fe80::/10 udp sport 5353"),
)
"""Of these a rule has one: nft refuses what contradicts itself."""
OF_ALL = st.one_of(
    values("multicast", "broadcast", "host").map("pkttype {}".format),
    values("multicast", "broadcast", "local", "unicast").map("fib daddr type {}".format),
    values("local", "unicast", "broadcast").map("fib saddr type {}".format),
    values("new", "untracked", "invalid").map("ct state {}".format),
    values("128", "48-100").map("meta length {}".format),
    values("7", "0").map("meta mark {}".format),
    st.just("meta length > 128"),
)
NFT_CONDITIONS = st.tuples(st.one_of(st.just(""), OF_A_PROTOCOL), st.lists(OF_ALL, max_size=2)).map(
    lambda found: " ".join((found[0], *found[1]))
)
NFT_VERDICTS = st.sampled_from(
    ("accept", "drop", "drop", "counter drop", "return", "jump d", "goto d", "mark set 7", "log", "reject")
)
NFT_MAPS = st.sampled_from(
    ("udp dport vmap { 5405 : drop, 5404 : accept }", "ip protocol vmap { igmp : drop, udp : jump d }")
)
NFT_RULES = st.lists(
    st.one_of(st.builds("{} {}".format, NFT_CONDITIONS, NFT_VERDICTS), NFT_MAPS), min_size=1, max_size=4
)


@EXAMPLES
@given(
    first=NFT_RULES,
    called=NFT_RULES,
    hook=st.sampled_from(("input", "output", "prerouting", "postrouting")),
    policy=st.sampled_from(("accept", "drop")),
)
def test_nft(stage, first, called, hook, policy):
    ends = [rule for rule in called if not any(word in rule for word in ("jump d", "goto d"))]
    if hook in ("prerouting", "postrouting"):
        first, ends = ([one for one in some if "reject" not in one] for some in (first, ends))
    chain = "chain d {\n" + "".join(f"  {rule}\n" for rule in ends) + " }"
    text = in_chain("\n  ".join(first), hook=hook, policy=policy, before=chain)
    assert differences(stage, read_rules("nft", text)) == []
