"""Codecs: bytes to messages and back. Standard library only; no I/O, no clock, no state."""
