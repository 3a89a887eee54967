"""What has changed from one contract to another, and what of that breaks a client of the first.

A change breaks whoever kept to the old contract and can stop working under the new one: what may be asked has become
less, or what may be answered has become more. That is the rule of oasdiff (https://github.com/oasdiff/oasdiff, its
documents BREAKING-CHANGES and CHECKS), the reference of the field, and this is how it is applied here:

- Lost, and breaking: an operation; a parameter or field of a request; an operator, operand, related collection or sort
  key of a query; a value of an enumeration, or a type, that a request may have. Prefect's servers refuse fields that
  they do not know, so that a client which still sends one gets 422.
- Demanded, and breaking: a parameter, field or body that a request could be without.
- A field of an answer that is lost is breaking, required or not: oasdiff lets an optional one go, and Prefect's answers
  carry every field every time, whatever the document calls required. So is a documented answer (2xx) that is lost.
- An answer that may now have another value or type (null among them), or be without a field, is breaking: clients that
  are generated from the document, and Prefect's own, refuse what it did not name.
- All else is not: what can be asked in addition, what is answered in addition, an answer that promises more.

Types are JSON's, and null is not compared where one document names it nowhere. Not compared are statuses other than
2xx, formats, defaults and bounds (`maxLength`), and what the filters of a query require.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.contract import comparison
from conformance.contract.comparison import Difference, Kind
from conformance.contract.contract import Contract


@dataclass(frozen=True)
class ContractChange:
    """One change of an operation: `what` says it in a few words, `breaking` whether it breaks a client."""

    operation: str
    what: str
    breaking: bool


def changes(before: Contract, after: Contract) -> list[ContractChange]:
    """Every change, the breaking ones first, then in the order of the contracts."""
    return sorted(_changes(before, after), key=lambda change: not change.breaking)


def _changes(before: Contract, after: Contract) -> Iterator[ContractChange]:
    yield from (ContractChange(label, "lost", breaking=True) for label in comparison.operations(before, after))
    yield from (ContractChange(label, "new", breaking=False) for label in comparison.operations(after, before))
    for label in before.operations:
        if label not in after.operations:
            continue
        # Where a schema leads to the same place twice, once is enough.
        yield from dict.fromkeys(_of(before, after, label))


def _of(before: Contract, after: Contract, label: str) -> Iterator[ContractChange]:
    less = list(comparison.differences(before, after, label))
    more = list(comparison.differences(after, before, label))
    lost, new = ({found.place for found in side if found.kind is Kind.GONE} for side in (less, more))
    for found in less:
        # What is new in an answer needs no word on whether it is always there.
        if not (found.kind is Kind.OPTIONAL and found.answered and found.place in new):
            yield ContractChange(label, _less(found, new), breaking=found.kind is Kind.GONE or not found.answered)
    demanded = {found.place for found in less if found.kind is Kind.OPTIONAL and not found.answered}
    for found in more:
        known = lost if found.kind is Kind.OPTIONAL else demanded if found.kind is Kind.GONE else frozenset()
        if found.place not in known:
            yield ContractChange(label, _more(found), breaking=found.kind is not Kind.GONE and found.answered)
    if label in before.queries and label in after.queries:
        for asked in comparison.operators(before, after, label):
            yield ContractChange(label, f"can't be asked by {asked} any more", breaking=True)
        for asked in comparison.operators(after, before, label):
            yield ContractChange(label, f"can be asked by {asked}", breaking=False)


def _less(found: Difference, new: set[str]) -> str:
    """What the first contract allows in a place and the second does not."""
    match found.kind:
        case Kind.GONE:
            return f"{found.place} is lost"
        case Kind.OPTIONAL if found.answered:
            return f"{found.place} is always there"
        case Kind.OPTIONAL:
            return f"{found.place} is {'new and ' if found.place in new else ''}required"
        case _:
            return f"{found.place} {'is no longer' if found.answered else 'can no longer be'} {_named(found)}"


def _more(found: Difference) -> str:
    """What the second contract allows in a place and the first does not."""
    match found.kind:
        case Kind.GONE:
            return f"{found.place} is new"
        case Kind.OPTIONAL if found.answered:
            return f"{found.place} may be left out"
        case Kind.OPTIONAL:
            return f"{found.place} is no longer required"
        case _:
            return f"{found.place} {'may' if found.answered else 'can'} be {_named(found)}"


def _named(found: Difference) -> str:
    return f"of type {found.what}" if found.kind is Kind.TYPE and found.what != "anything" else str(found.what)
