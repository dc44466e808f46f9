"""Reproduce, explain and fix networks that eat a cluster's multicast."""

__version__ = "0.1.0"
