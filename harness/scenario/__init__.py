"""Scenario files: the language, its values, and reading them with every mistake in its place.

Knows nothing of ports, addresses or labs: names stay names here, and ``harness.plan`` resolves them.
"""
