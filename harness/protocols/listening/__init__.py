"""What an interface hears of IGMP, MLD, PIM and multicast: frames in, events and a summary out.

``listener.Listener`` is the machine: no I/O, no clock, and no memory that grows without a bound. ``words``
and ``data`` say the same for people and for programs.
"""
