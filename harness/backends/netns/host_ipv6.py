"""IPv6 of a host in a lab: addresses from the first moment, and not a word that nobody asked for.

A stack as it comes takes a second to find out that nobody has its address, asks for routers, and repeats its
reports at its own pace (RFC 4862, RFC 4861, RFC 9777). Here addresses are set by hand without that test, and
what netlink cannot set is written to the namespace's defaults before eth0 is there. Files are those of the
kernel's Documentation/networking/ip-sysctl.rst.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv6Address, IPv6Interface

from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg

from harness.backends.netns.messages import RTM_DELADDR, RTM_NEWADDR, Template, encode_change, encode_new

MLDV1_REPORT_INTERVAL_MS = 10_000
MLDV2_REPORT_INTERVAL_MS = 1_000
"""The kernel's defaults of mldv1_ and mldv2_unsolicited_report_interval."""

_DEFAULTS = "/proc/sys/net/ipv6/conf/default"
_IFA_F_NODAD = 0x02
_NO_ADDRESS = 1
"""IN6_ADDR_GEN_MODE_NONE"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostIPv6:
    """Addresses of a host's eth0. ``mld_version`` 0 follows the querier. ``quiet``: asks for no routers."""

    link_local: IPv6Address
    address: IPv6Address
    prefix_length: int
    mldv1_ms: int = MLDV1_REPORT_INTERVAL_MS
    mldv2_ms: int = MLDV2_REPORT_INTERVAL_MS
    mld_version: int = 0
    quiet: bool = True


def write_defaults(host: HostIPv6) -> None:
    """Give the interfaces that will be in this namespace their settings. Raises OSError."""
    settings = {
        "mldv1_unsolicited_report_interval": host.mldv1_ms,
        "mldv2_unsolicited_report_interval": host.mldv2_ms,
    }
    if host.quiet:
        settings["router_solicitations"] = 0
    if host.mld_version:
        settings["force_mld_version"] = host.mld_version
    for name, value in settings.items():
        _write(f"{_DEFAULTS}/{name}", value)


def enable_on(interface: str) -> None:
    """Switch IPv6 on for one interface of a namespace where it is off by default; it gets no address.

    Raises OSError.
    """
    for name, value in (("router_solicitations", 0), ("addr_gen_mode", _NO_ADDRESS), ("disable_ipv6", 0)):
        _write(f"/proc/sys/net/ipv6/conf/{interface}/{name}", value)


def _write(path: str, value: int) -> None:
    # A namespace has thousands of these; Path and text files would double the price.
    file = os.open(path, os.O_WRONLY)
    try:
        os.write(file, str(value).encode("ascii"))
    finally:
        os.close(file)


@cache
def _template(index: int, prefix_length: int, *, gone: bool) -> Template:
    sentinel = bytes(range(0x21, 0x31))
    message = ifaddrmsg()
    message["family"] = socket.AF_INET6
    message["prefixlen"] = prefix_length
    message["index"] = index
    message["flags"] = _IFA_F_NODAD
    message["attrs"] = [("IFA_ADDRESS", str(IPv6Address(sentinel)))]
    image = encode_change(message, RTM_DELADDR) if gone else encode_new(message, RTM_NEWADDR)
    return Template(image, {"address": sentinel})


def address(index: int, interface: IPv6Interface, *, gone: bool = False) -> bytearray:
    """Return the message that gives a link an IPv6 address that is used at once, or takes it away."""
    template = _template(index, interface.network.prefixlen, gone=gone)
    return template.stamp(address=interface.ip.packed)


def addresses(index: int, host: HostIPv6) -> tuple[bytearray, ...]:
    """Return the messages that give a host its addresses."""
    return (
        address(index, IPv6Interface((host.link_local, 64))),
        address(index, IPv6Interface((host.address, host.prefix_length))),
    )
