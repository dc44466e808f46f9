"""A host's own firewall, evaluated: iptables, ip6tables and nft without a kernel.

Commands go in as they would be run, packets as data; out comes whether a packet passes and by which words.
Standard library only, no I/O. A lab test holds it against the real tools and the kernel.
"""
