"""The situations that tell platforms apart, each run in a lab for any profile: ``mcast situations``.

``catalogue`` makes a scenario of a situation and a profile, ``outcome`` says in words what was seen, and
``table`` sets the words side by side. Nothing here knows what a platform is supposed to do: every word comes
from a run.
"""
