"""Texts that people paste, read into facts: output of probe tools, of ``bridge`` and ``ip``, of switches.

Nothing here knows what a fact means; that is ``harness.diagnosis``. Standard library only, no I/O.
"""
