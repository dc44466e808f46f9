"""Plans: variants with every name, port, address and moment resolved, and their texts.

Pure from end to end: no I/O, no clock, no chance. Knows the scenario language and the vendors' profiles.
"""
