"""Messages of IGMP and MLD built and read by scapy, an implementation that shares nothing with the codecs.

Scapy shows times as the codes on the wire; they are put in and taken
out as such here, by the formula of RFC 9776 section 4.1.7 in other words than the codec's.
"""

from ipaddress import IPv4Address, IPv6Address

from scapy.layers.igmp import IGMP_MQ, IGMP_MR, IGMPv2_LG, IGMPv2_MR, IGMPv3_MQ, IGMPv3_MR, IGMPv3_MR_Group
from scapy.layers.inet import IP, IPOption_Router_Alert
from scapy.layers.inet6 import (
    ICMPv6MLDMultAddrRec,
    ICMPv6MLDone,
    ICMPv6MLQuery,
    ICMPv6MLQuery2,
    ICMPv6MLReport,
    ICMPv6MLReport2,
    IPv6,
    IPv6ExtHdrHopByHop,
    RouterAlert,
)
from scapy.layers.l2 import Ether

from harness.wire.membership import GroupRecord, Leave, Query, RecordReport, RecordType, Report


def meaning(code, mantissa_bits):
    """What a code with that many bits of mantissa stands for."""
    leading = 1 << mantissa_bits + 3
    if code < leading:
        return code
    exponent = code // (1 << mantissa_bits) % 8
    return (code % (1 << mantissa_bits) + (1 << mantissa_bits)) * 8 * 2**exponent


CODE_OF = {bits: {meaning(code, bits): code for code in range(16 << bits)} for bits in (4, 12)}


def built(message, *, source_mac, source, destination, destination_mac):
    """A whole frame by scapy, its checksums and lengths too."""
    outer = Ether(src=source_mac.hex(":"), dst=destination_mac.hex(":"))
    if source.version == 4:
        inner = IP(src=str(source), dst=str(destination), ttl=1, tos=0xC0, options=[IPOption_Router_Alert()])
        return bytes(outer / inner / _igmp(message))
    alert = IPv6ExtHdrHopByHop(options=[RouterAlert()])
    return bytes(outer / IPv6(src=str(source), dst=str(destination), hlim=1) / alert / _mld(message))


def read(frame):
    """The message that scapy reads in a frame."""
    layers = Ether(frame)
    return _read_igmp(layers[IP].payload) if IP in layers else _read_mld(layers[IPv6ExtHdrHopByHop].payload)


def rebuilt(frame):
    """The frame as scapy writes it again after every length and checksum was taken out."""
    layers = Ether(frame)
    layer = layers
    while layer:
        for name in ("chksum", "cksum", "len", "plen", "ihl", "numsrc", "numgrp"):
            if name in layer.fields and not isinstance(layer, IPv6ExtHdrHopByHop):
                del layer.fields[name]
        layer = layer.payload
    layers.clear_cache()
    return bytes(layers)


def _igmp(message):
    match message:
        case Query(version=3):
            return IGMPv3_MQ(
                mrcode=round(message.max_response_s * 10),
                gaddr=str(message.group or "0.0.0.0"),
                s=int(message.suppress),
                qrv=message.robustness,
                qqic=CODE_OF[4][round(message.query_interval_s)],
                srcaddrs=[str(source) for source in message.sources],
            )
        case Query():
            tenths = 0 if message.version == 1 else round(message.max_response_s * 10)
            return IGMP_MQ(mrcode=tenths, gaddr=str(message.group or "0.0.0.0"))
        case Report():
            return (IGMP_MR if message.version == 1 else IGMPv2_MR)(gaddr=str(message.group))
        case Leave():
            return IGMPv2_LG(gaddr=str(message.group))
        case RecordReport():
            return IGMPv3_MR(
                records=[
                    IGMPv3_MR_Group(
                        rtype=int(record.type),
                        maddr=str(record.group),
                        srcaddrs=[str(source) for source in record.sources],
                    )
                    for record in message.records
                ]
            )


def _mld(message):
    match message:
        case Query(version=2):
            return ICMPv6MLQuery2(
                mrd=CODE_OF[12][round(message.max_response_s * 1000)],
                mladdr=str(message.group or "::"),
                S=int(message.suppress),
                QRV=message.robustness,
                QQIC=CODE_OF[4][round(message.query_interval_s)],
                sources=[str(source) for source in message.sources],
            )
        case Query():
            return ICMPv6MLQuery(mrd=round(message.max_response_s * 1000), mladdr=str(message.group or "::"))
        case Report():
            return ICMPv6MLReport(mladdr=str(message.group))
        case Leave():
            return ICMPv6MLDone(mladdr=str(message.group))
        case RecordReport():
            return ICMPv6MLReport2(
                records_number=len(message.records),
                records=[
                    ICMPv6MLDMultAddrRec(
                        rtype=int(record.type),
                        dst=str(record.group),
                        sources=[str(source) for source in record.sources],
                        sources_number=len(record.sources),
                    )
                    for record in message.records
                ],
            )


def _read_igmp(packet):
    match packet:
        case IGMPv3_MQ():
            return Query(
                version=3,
                group=_group(IPv4Address(packet.gaddr)),
                max_response_s=meaning(int(packet.mrcode), 4) / 10,
                sources=tuple(IPv4Address(source) for source in packet.srcaddrs),
                robustness=packet.qrv,
                query_interval_s=float(meaning(packet.qqic, 4)),
                suppress=bool(packet.s),
            )
        case IGMP_MQ() if packet.mrcode == 0:
            return Query(version=1)
        case IGMP_MQ():
            return Query(
                version=2, group=_group(IPv4Address(packet.gaddr)), max_response_s=int(packet.mrcode) / 10
            )
        case IGMP_MR() | IGMPv2_MR():
            return Report(version=1 if packet.type == 0x12 else 2, group=IPv4Address(packet.gaddr))
        case IGMPv2_LG():
            return Leave(group=IPv4Address(packet.gaddr))
        case IGMPv3_MR():
            return RecordReport(
                records=tuple(
                    _record(record, record.maddr, record.srcaddrs, IPv4Address) for record in packet.records
                )
            )


def _read_mld(packet):
    match packet:
        case ICMPv6MLQuery2():
            return Query(
                version=2,
                group=_group(IPv6Address(packet.mladdr)),
                max_response_s=meaning(packet.mrd, 12) / 1000,
                sources=tuple(IPv6Address(source) for source in packet.sources),
                robustness=packet.QRV,
                query_interval_s=float(meaning(packet.QQIC, 4)),
                suppress=bool(packet.S),
            )
        case ICMPv6MLQuery():
            return Query(
                version=1, group=_group(IPv6Address(packet.mladdr)), max_response_s=packet.mrd / 1000
            )
        case ICMPv6MLReport():
            return Report(version=1, group=IPv6Address(packet.mladdr))
        case ICMPv6MLDone():
            return Leave(group=IPv6Address(packet.mladdr))
        case ICMPv6MLReport2():
            return RecordReport(
                records=tuple(
                    _record(record, record.dst, record.sources, IPv6Address)
                    for record in _unchained(packet.records)
                )
            )


def _unchained(records):
    """Scapy reads each record of MLD as the payload of the one before."""
    for record in records:
        while isinstance(record, ICMPv6MLDMultAddrRec):
            yield record
            record = record.payload  # noqa: PLW2901


def _group(address):
    return None if int(address) == 0 else address


def _record(record, group, sources, family):
    return GroupRecord(
        type=RecordType(record.rtype),
        group=family(group),
        sources=tuple(family(source) for source in sources),
    )
