"""State machines: bytes and times in, effects out. Standard library only; no I/O, no clock."""
