"""What became of each check between two runs: regressed, fixed, new, gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from conformance.verdicts.document import Document, Entry
from conformance.verdicts.model import Verdict


class Change(StrEnum):
    """What became of a check.

    A regression is a check that was in order and no longer is. One that the first run did not make, or that did not
    apply there, is new, whatever it says: whether the second run may pass is decided by that run's own result.
    """

    REGRESSED = "regressed"
    FIXED = "fixed"
    WAIVED = "waived since"
    OTHERWISE = "failing otherwise"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True)
class Changed:
    """A check whose verdict is another one: in which run it was what, None where it was not made."""

    change: Change
    requirement: str
    subject: str
    before: Entry | None
    after: Entry | None


_IN_ORDER = frozenset({Verdict.PASSED, Verdict.WAIVED})
_BROKEN = frozenset({Verdict.FAILED, Verdict.COULD_NOT_RUN})


def compare(before: Document, after: Document) -> list[Changed]:
    """The checks that changed from one run to another: by change in the order of Change, then as the runs have them."""
    order = list(Change)
    return sorted(_changes(before, after), key=lambda changed: order.index(changed.change))


def _changes(before: Document, after: Document) -> Iterator[Changed]:
    olds = {(entry.requirement, entry.subject): entry for entry in before.verdicts}
    news = {(entry.requirement, entry.subject): entry for entry in after.verdicts}
    for requirement, subject in dict.fromkeys([*olds, *news]):
        old, new = olds.get((requirement, subject)), news.get((requirement, subject))
        change = _change(old, new)
        if change is not None:
            yield Changed(change, requirement, subject, old, new)


def _change(old: Entry | None, new: Entry | None) -> Change | None:
    was, is_ = _decided(old), _decided(new)
    if was is None or is_ is None:
        if was is is_:
            return None
        return Change.NEW if was is None else Change.GONE
    if was in _IN_ORDER and is_ in _BROKEN:
        return Change.REGRESSED
    if is_ is Verdict.PASSED and was is not Verdict.PASSED:
        return Change.FIXED
    if is_ is Verdict.WAIVED and was is not Verdict.WAIVED:
        return Change.WAIVED
    return Change.OTHERWISE if was in _BROKEN and _said(old) != _said(new) else None


def _decided(entry: Entry | None) -> Verdict | None:
    """The verdict of a check that was made and applied."""
    return None if entry is None or entry.verdict is Verdict.NOT_APPLICABLE else entry.verdict


def _said(entry: Entry | None) -> tuple[Verdict, str] | None:
    return None if entry is None else (entry.verdict, entry.summary)
