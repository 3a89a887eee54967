"""A requirement explained, as text."""

from __future__ import annotations

import textwrap

from conformance.catalogue.requirements import Requirement

_WIDTH = 96


def explain(requirement: Requirement) -> str:
    """The rule, where it is from, how it was read, when it does not apply, and what breaks it."""
    parts = [
        f"{requirement.id}: {requirement.title}",
        f"{requirement.level}, profile {requirement.profile}",
        _paragraph("Rule", requirement.text),
        _paragraph("Source", requirement.source),
    ]
    if requirement.rationale:
        parts.append(_paragraph("How it is read", requirement.rationale))
    parts += [_paragraph("Not applicable where", condition) for condition in requirement.conditions.values()]
    parts.append(_paragraph("A fault that it catches", requirement.fault))
    parts.append(_paragraph("Run it alone", f"prefect-conformance run --select {requirement.id}"))
    return "\n\n".join([f"{parts[0]}\n{parts[1]}", *parts[2:]])


def _paragraph(title: str, text: str) -> str:
    return f"{title}\n{textwrap.fill(text, _WIDTH, initial_indent='  ', subsequent_indent='  ')}"
