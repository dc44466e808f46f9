"""``mcast ssmping``: the probe tool, which takes all arguments itself."""

from harness.cli.probe_tool import probe_tool

command = probe_tool("ssmping")
