"""Runs of several targets side by side: one table of target by profile, in Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from conformance.catalogue import Profile
from conformance.verdicts.document import Document
from conformance.verdicts.markdown import literal
from conformance.verdicts.model import Verdict

_SIGNS: Final = {
    Verdict.PASSED: "",
    Verdict.WAIVED: "w",
    Verdict.FAILED: "f",
    Verdict.COULD_NOT_RUN: "c",
}
"""What stands behind a number: of those that pass nothing, as they are most."""

LEGEND: Final = (
    "In each cell: checks that passed, then those waived (w), failed (f) and that could not run (c), where there are "
    "any. Checks that do not apply to a target are not counted."
)


def table(documents: Sequence[Document]) -> str:
    """A line a document, in their order: the target, a cell a profile, operations that answered 2xx, result, time.

    Ends with a line break; what the cells hold is said by LEGEND.
    """
    heads = ["server", *(profile.value for profile in Profile), "operations", "result", "seconds"]
    rows = [_row(document) for document in documents]
    return "\n".join(_line(cells) for cells in (heads, ["---"] * len(heads), *rows)) + "\n"


def _row(document: Document) -> list[str]:
    counts = Counter((entry.profile, entry.verdict) for entry in document.verdicts)
    answered = sum(operation.succeeded for operation in document.operations.values())
    return [
        # What a server says of itself is data: it must not begin another cell.
        literal(" ".join(filter(None, (document.target.server or "unknown", document.target.version)))),
        *(_cell(counts, profile) for profile in Profile),
        f"{answered} of {len(document.operations)}",
        document.result.value,
        f"{document.run.seconds:.0f}",
    ]


def _cell(counts: Counter[tuple[Profile, Verdict]], profile: Profile) -> str:
    passed, *others = (f"{counts[profile, verdict]}{sign}" for verdict, sign in _SIGNS.items())
    return " ".join([passed, *(number for number in others if not number.startswith("0"))])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
