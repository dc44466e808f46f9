"""The scenario files here are inputs of the golden tests, and many are wrong: they are not to be run."""

collect_ignore_glob = ["*.scenario.yaml"]
