"""The backends: each takes a plan, runs it and hands out observations. ``base`` is their seam."""
