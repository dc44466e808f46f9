"""nft without a kernel: what its texts make of a host's tables, what is ruled, what is refused."""

from ipaddress import ip_address, ip_interface

import pytest

from harness.plan.firewall import read_rules
from harness.protocols.firewall.host import HostFirewall, problems
from harness.protocols.firewall.packet import Direction, Packet

OWN = (ip_interface("10.0.0.2/24"), ip_interface("fe80::2/64"))
DATAGRAM = Packet(
    protocol=17,
    source=ip_address("10.0.0.1"),
    destination=ip_address("239.192.0.1"),
    source_port=40000,
    destination_port=5405,
    size=128,
)
QUERY = Packet(
    protocol=2,
    source=ip_address("10.0.0.1"),
    destination=ip_address("224.0.0.1"),
    message_type=0x11,
    size=32,
)
SHIPPED = """\
#!/usr/sbin/nft -f
flush ruleset
define CLUSTER = { 5404, 5405 }
table inet filter {
    set trusted {
        type ipv4_addr
        flags interval
        elements = { 10.0.0.0/24, 192.0.2.1 }
    }
    chain input {
        type filter hook input priority filter; policy drop;
        iif "lo" accept comment "own"
        ct state vmap { established : accept, related : accept, invalid : drop }
        tcp dport { 22, 80 } ct state new limit rate 5/minute accept
        ip saddr @trusted udp dport $CLUSTER counter jump cluster
    }
    chain cluster {
        ip daddr 239.192.0.0/16 accept
    }
}
"""


def ruling(text, packet, direction=Direction.IN):
    return HostFirewall.of(read_rules("nft", text), OWN).rule(direction, packet)


def base(rule):
    return f"table inet f {{ chain c {{ type filter hook input priority 0; {rule}; }} }}"


def test_a_ruleset_as_it_is_found():
    assert ruling(SHIPPED, DATAGRAM).by == "nft add rule inet filter cluster ip daddr 239.192.0.0/16 accept"
    dropped = ruling(SHIPPED, QUERY)
    assert (dropped.passes, dropped.by) == (False, "nft chain inet filter input: policy drop")
    assert ruling(SHIPPED, QUERY, Direction.OUT).passes


def test_a_drop_in_any_base_chain_is_final():
    text = (
        base("udp dport 5405 accept") + "table ip g { chain c { type filter hook input priority 9; drop; } }"
    )
    assert ruling(text, DATAGRAM).by == "nft add rule ip g c drop"


def test_calls_are_the_same_as_blocks():
    calls = (
        "nft add table f\nnft add chain f c '{ type filter hook input priority 0; policy drop; }'\n"
        "nft add rule f c ip protocol igmp accept"
    )
    assert ruling(calls, QUERY).passes
    assert not ruling(calls, DATAGRAM).passes


def test_later_elements_of_a_set_count():
    text = (
        "add table f\nadd set f s { type ipv4_addr; }\n"
        "add chain f c { type filter hook input priority 0; }\n"
        "add rule f c ip daddr @s drop\nadd element f s { 239.192.0.1 }"
    )
    assert not ruling(text, DATAGRAM).passes


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (base("limit rate 5/second accept"), 'cannot evaluate "limit"'),
        (base("ip daddr 239.192.0.1 queue num 3"), 'cannot evaluate "queue"'),
        (base("th dport 5405 drop"), 'cannot evaluate "th dport"'),
        (base("udp dport 5405 & 1 == 1 drop"), 'cannot evaluate "&"'),
        (base("udp dport nonsense drop"), 'cannot evaluate "nonsense"'),
        (base("udp dport vmap @decisions"), 'cannot evaluate "vmap @"'),
        (base("jump nowhere"), "finds no chain nowhere"),
        (base("udp dport @nothing drop"), "finds no set @nothing"),
        (base("udp dport $NOTHING drop"), 'finds no definition of "$NOTHING"'),
        ("add rule inet absent c drop", "finds no table inet absent"),
        ("table inet f { chain c { drop;", "finds no end to nft's ruleset"),
        (
            "table netdev f { chain c { type filter hook ingress device eth0 priority 0; } }",
            "cannot evaluate",
        ),
        ("table ip f { chain c { ip6 daddr ff02::1 drop; } }", "finds another family than its table has"),
        ("table ip f { chain c { jump c; } }", "finds a jump back to itself"),
    ],
)
def test_what_cannot_be_evaluated_is_named(text, problem):
    found = problems(read_rules("nft", text))
    assert found
    assert found[0].startswith(problem)


@pytest.mark.parametrize(
    "text",
    [
        base("tcp dport 22 limit rate 5/second accept"),
        base('limit rate 5/second log prefix "x"'),
        "table inet f { chain c { type filter hook forward priority 0; limit rate 5/second drop; } }",
        "table inet f { chain c { limit rate 5/second drop; } }",
    ],
)
def test_what_can_never_matter_is_no_problem(text):
    assert problems(read_rules("nft", text)) == ()
