"""What was sent against what a record shows of it."""

from __future__ import annotations

from typing import Any

from conformance.resources import Record, Resource
from conformance.suite.outcome import Violation, differences


def require_shown(summary: str, resource: Resource, sent: Any, record: Record) -> None:
    """Raise Violation unless what was sent is what the record shows; where the server completes a value, that and more.

    `sent` is the body of one member, or a list of just one. What the resource hides is left out.
    """
    if isinstance(sent, list):
        (sent,) = sent  # some operations take a list of new members; the suite sends one
    visible = {key: value for key, value in sent.items() if key not in resource.hidden}
    wrong = [
        difference
        for difference in differences(visible, {key: record.get(key) for key in visible})
        if not (difference.is_addition and difference.where.partition(".")[0] in resource.completed)
    ]
    if wrong:
        raise Violation(
            f"{summary}: {', '.join(d.where for d in wrong)}",
            expected={d.where: d.expected for d in wrong},
            observed={d.where: d.observed for d in wrong},
        )
