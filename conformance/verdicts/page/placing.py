"""Where a verdict stands on the page: its anchor, and the resource in whose column it is."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from conformance.verdicts.document import Document, Entry
from conformance.verdicts.page.text import line

OTHER: Final = "other"
"""The column of what belongs to no resource, and of the resources beyond the first ones."""

_MOST_COLUMNS: Final = 40
_OPERATION: Final = re.compile(r"[A-Z]+ (/.*?)(?:: .*)?")
"""An operation, and perhaps which case of it: `GET /observed-states: NAME_ASC`."""
_VERSION: Final = re.compile(r"v[0-9]+")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*")


@dataclass(frozen=True)
class Placed:
    """A verdict, its anchor and its resource."""

    entry: Entry
    anchor: str
    resource: str


def anchor(requirement: str, subject: str) -> str:
    """The `id` of a verdict on the page, the same in every run: `v-` and twelve hexadecimal digits."""
    named = f"{requirement}\n{subject}".encode("utf-8", "replace")
    return f"v-{hashlib.sha256(named).hexdigest()[:12]}"


def place(document: Document) -> tuple[list[Placed], list[str]]:
    """Each verdict with its place, and the resources: those with most verdicts first, `OTHER` last where there is any.

    A resource is the first segment of an operation's path, or what the contract calls so and a subject begins with.
    """
    known = resources(document.operations)
    # Many requirements are judged on one subject.
    of: dict[str, str] = {}
    for entry in document.verdicts:
        if entry.subject not in of:
            of[entry.subject] = resource(entry.subject, known)
    return _columns([Placed(e, anchor(e.requirement, e.subject), of[e.subject]) for e in document.verdicts])


def resources(operations: Iterable[str]) -> set[str]:
    """The resources of a contract, by the labels of its operations."""
    return {_of_path(found[1]) for name in operations if (found := _OPERATION.fullmatch(name))}


def resource(subject: str, known: Container[str]) -> str:
    """Which of the `known` resources a subject is about; OTHER where that can't be said."""
    if operation := _OPERATION.fullmatch(subject):
        return _of_path(operation[1])
    # `flow_runs.start_time.before_`, `flow_runs RUNNING`, `flows, deployments`, `work_pools/queues`.
    named = _NAME.match(subject)
    first = _of_path(named[0]) if named else OTHER
    return first if first in known else OTHER


def _columns(placed: Iterable[Placed]) -> tuple[list[Placed], list[str]]:
    found = list(placed)
    number = Counter(one.resource for one in found)
    several = number.pop(OTHER, 0)
    ranked = sorted(number, key=lambda name: (-number[name], name))
    columns = ranked[:_MOST_COLUMNS]
    if len(ranked) > _MOST_COLUMNS or several:
        kept = set(columns)
        found = [one if one.resource in kept else Placed(one.entry, one.anchor, OTHER) for one in found]
        columns.append(OTHER)
    return found, columns


def _of_path(path: str) -> str:
    """`flows` of `/flows/{id}`, `v2/concurrency_limits` of `/v2/concurrency_limits/`."""
    segments = path.strip("/").split("/")
    first = segments[:2] if _VERSION.fullmatch(segments[0]) else segments[:1]
    name = line("/".join(first), 60)
    return OTHER if not name or "{" in name else name


def by_requirement(placed: Iterable[Placed]) -> Mapping[str, list[Placed]]:
    """The verdicts of each requirement, in their order."""
    found: dict[str, list[Placed]] = {}
    for one in placed:
        found.setdefault(one.entry.requirement, []).append(one)
    return found
