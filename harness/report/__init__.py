"""What a person or a program reads after a run: text for the terminal, JSON data."""

from harness.report.data import as_json, explanation_data
from harness.report.terminal import render, summary_line

__all__ = ["as_json", "explanation_data", "render", "summary_line"]
