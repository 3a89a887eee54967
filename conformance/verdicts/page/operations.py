"""The operations by the statuses that they answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from conformance.verdicts.document import Account, Document
from conformance.verdicts.page.text import line

_MOST_STATUSES: Final = 24
_REST: Final = "other"


@dataclass(frozen=True)
class Operation:
    """One operation. `statuses` are those of the table's columns."""

    name: str
    calls: int
    statuses: Mapping[str, int]
    unheard: int
    account: Account
    ineligible: str
    requirements: int


@dataclass(frozen=True)
class Operations:
    """All of them, and the columns of their table."""

    every: Sequence[Operation]
    statuses: Sequence[str]
    called: int
    answered: int

    @property
    def unanswered(self) -> Sequence[Operation]:
        """Those that never answered 2xx, and are to."""
        return [one for one in self.every if one.account is Account.UNANSWERED]

    @property
    def ineligible(self) -> Sequence[Operation]:
        """Those that never answered 2xx, and are not to."""
        return [one for one in self.every if one.account is Account.INELIGIBLE]


def shape(document: Document) -> Operations:
    """The operations of a document, in its order."""
    seen: Counter[str] = Counter()
    for operation in document.operations.values():
        seen.update(operation.statuses)
    # A server may answer any of 900 statuses; a table of that many columns tells nobody anything.
    columns = sorted(status for status, _ in sorted(seen.items(), key=lambda item: -item[1])[:_MOST_STATUSES])
    rest = [_REST] if len(seen) > _MOST_STATUSES else []
    every = []
    for name, operation in document.operations.items():
        told = {status: operation.statuses[status] for status in columns if operation.statuses.get(status)}
        answered = sum(operation.statuses.values())
        if beyond := answered - sum(told.values()):
            told[_REST] = beyond
        every.append(
            Operation(
                name=line(name),
                calls=operation.calls,
                statuses=told,
                unheard=operation.calls - answered,
                account=operation.account,
                ineligible=line(operation.ineligible or ""),
                requirements=len(operation.requirements),
            )
        )
    return Operations(
        every=every,
        statuses=[*columns, *rest],
        called=sum(one.calls > 0 for one in every),
        answered=sum(one.account is Account.ANSWERED for one in every),
    )
