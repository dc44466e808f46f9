"""A run's verdicts as JSON data, for ``--json`` and other programs. Keys may be added, none is redefined."""

from __future__ import annotations

from typing import Any

from harness.explanation import Explanation, Hop, lines
from harness.plan.model import Plan
from harness.verdicts.judge import overall
from harness.verdicts.model import Matrix, Verdict


def as_json(plan: Plan, verdicts: tuple[Verdict, ...]) -> dict[str, Any]:
    """Return what a run came to as JSON-compatible data.

    Times are the customer's seconds. A row of a matrix is a text with a sign for each receiver: ``#`` heard
    everything, ``+`` some, ``.`` nothing, blank not judged.
    """
    return {
        "name": plan.name,
        "title": plan.title,
        "file": str(plan.file),
        "variant": plan.variant,
        "role": plan.role,
        "seed": plan.seed,
        "speed": plan.speed,
        "status": overall(verdicts).value,
        "expectations": [_verdict(verdict) for verdict in verdicts],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    where, first = verdict.expectation.where, verdict.first_wrong
    return {
        "file": str(where.file),
        "line": where.line,
        "text": where.text,
        "why": where.why,
        "status": verdict.status.value,
        "expected": verdict.expected,
        "got": verdict.got,
        "first_wrong": None
        if first is None
        else {"sender": first.sender, "receiver": first.receiver, "at_s": first.at_s, "what": first.what},
        "cause": verdict.cause,
        "explanation": None if verdict.explanation is None else explanation_data(verdict.explanation),
        "machine": verdict.machine,
        "matrix": None if verdict.matrix is None else _matrix(verdict.matrix),
    }


def explanation_data(found: Explanation) -> dict[str, Any]:
    """Return an explanation as JSON-compatible data; ``lines`` are those of a report."""
    return {
        "stream": found.stream,
        "group": found.group,
        "sender": found.sender,
        "receiver": found.receiver,
        "at_s": found.at_s,
        "delivered": found.delivered,
        "summary": found.summary,
        "hops": [_hop(hop) for hop in found.hops],
        "lines": list(lines(found)),
    }


def _hop(hop: Hop) -> dict[str, Any]:
    return {
        "kind": hop.kind.value,
        "device": hop.device,
        "port": hop.port,
        "passes": hop.passes,
        "why": hop.why,
        "rule": hop.rule,
        "because": list(hop.because),
        "knew": hop.knew,
    }


def _matrix(matrix: Matrix) -> dict[str, Any]:
    return {
        "senders": list(matrix.senders),
        "receivers": list(matrix.receivers),
        "rows": ["".join(cell.value for cell in row) for row in matrix.rows],
        "wrong": [list(pair) for pair in matrix.wrong],
    }
