"""From what a run saw to verdicts on what was expected. Pure."""
