"""Parity of lab and model: the same random scenarios in both."""
