"""Whatever words a firewall is made of, it is read or refused with a sentence, and rules on every packet."""

from dataclasses import dataclass
from ipaddress import ip_address, ip_interface

from hypothesis import example, given
from hypothesis import strategies as st

from harness.protocols.firewall.host import HostFirewall, problems
from harness.protocols.firewall.packet import Direction, Packet

OWN = (ip_interface("10.0.0.2/24"), ip_interface("fd00::2/64"))
PACKETS = (
    Packet(
        protocol=17,
        source=ip_address("10.0.0.1"),
        destination=ip_address("239.192.0.1"),
        source_port=40000,
        destination_port=5405,
        size=2028,
        fragments=(1500, 548),
    ),
    Packet(
        protocol=58,
        source=ip_address("fe80::1"),
        destination=ip_address("ff02::1"),
        message_type=130,
        hop_by_hop=True,
        size=72,
    ),
)


@dataclass(frozen=True)
class Call:
    tool: str
    arguments: tuple[str, ...] = ()
    text: str = ""


WORDS = """
-A -I -D -P -F -N -X -R -E -Z INPUT OUTPUT C -p udp igmp all tcp -s -d 224.0.0.0/4 10.0.0.1 ! -i -o eth0 eth+
-m multiport state addrtype u32 limit --dport --dports --sport=53 --state NEW --dst-type MULTICAST -j -g
ACCEPT DROP RETURN LOG MARK --set-mark 7 CT --notrack -t raw nat filter 1 5405 5404,5405 -c 0 --ports -4 -6
--comment x -w --icmp-type any --icmpv6-type -- - --x -m hl --hl-lt length --length : ,
"""
OPTIONS = WORDS.split()
MORE_WORDS = """
table chain rule set element ruleset add insert delete flush create ip ip6 inet f c d { { } } ; ; , = != <
type filter hook input output priority 0 -10 policy accept drop udp tcp dport sport daddr saddr protocol
igmp icmpv6 meta l4proto nfproto mark set 7 ct state new vmap : jump goto return @s $v define v elements
fib type local counter log prefix "x" limit rate 5/minute 224.0.0.0/4 ff02::/16 5405 1-9 . - * & index
"""
NFT_WORDS = MORE_WORDS.split()


def check(calls):
    found = problems(calls)
    assert all(isinstance(one, str) and one for one in found)
    if calls and not found:
        made = HostFirewall.of(calls, OWN)
        for packet in PACKETS:
            for direction in Direction:
                assert made.rule(direction, packet).passes in (True, False)


@given(st.lists(st.tuples(st.sampled_from(("iptables", "ip6tables")), st.lists(st.sampled_from(OPTIONS)))))
@example([("iptables", ["-N", "C"]), ("iptables", ["-A", "C", "-j", "C"])])
@example([("iptables", ["-A", "INPUT", "-j", "MARK", "--set-mark", "x"])])
def test_iptables(calls):
    check(tuple(Call(tool, tuple(words)) for tool, words in calls))


@given(st.lists(st.sampled_from(OPTIONS)), st.sampled_from(("*filter", "*raw", "*nothing")))
def test_iptables_restore(words, table):
    text = f"{table}\n:INPUT DROP [0:0]\n:C\n-A INPUT {' '.join(words)}\nCOMMIT\n"
    check((Call("iptables-restore", text=text),))


@given(st.lists(st.sampled_from([*NFT_WORDS, "\n"]), max_size=40))
def test_nft(words):
    check((Call("nft", text=" ".join(words)),))


@given(st.lists(st.sampled_from([word for word in NFT_WORDS if word not in "{}"]), max_size=12))
def test_rules_of_nft(words):
    hook = "type filter hook input priority 0;"
    text = f"table inet f {{\nchain d {{\n}}\nchain c {{\n{hook}\n{' '.join(words)}\n}}\n}}"
    check((Call("nft", text=text),))
