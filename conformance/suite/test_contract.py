"""The contract: what the target's release promised, and whether its document still does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from conformance.contract import Contract, Operation, Query, comparison
from conformance.suite.check import check
from conformance.suite.outcome import NotApplicable, Violation


def promised(contract: Contract) -> Mapping[str, Operation]:
    """Every operation of the contract that the target is compared with."""
    return {} if contract.frozen is None else contract.frozen.operations


def asked(contract: Contract) -> Mapping[str, Query]:
    """Every query of that contract."""
    return {} if contract.frozen is None else contract.frozen.queries


@check("contract.operations", on=promised)
def test_no_operation_is_lost(subject: Operation, contract: Contract) -> None:
    if subject.label not in contract.whole.operations:
        raise Violation("the target's document does not have the operation")


@check("contract.fields", on=promised)
def test_no_field_is_lost(subject: Operation, contract: Contract) -> None:
    _require_nothing_lost(subject, contract, comparison.fields)


@check("contract.operators", on=asked)
def test_no_operator_is_lost(subject: Query, contract: Contract) -> None:
    _require_nothing_lost(subject.operation, contract, comparison.operators)


@check("contract.values", on=promised)
def test_no_value_is_lost(subject: Operation, contract: Contract) -> None:
    _require_nothing_lost(subject, contract, comparison.values)


_MOST_NAMED = 4
"""Lost things that a summary names."""


def _require_nothing_lost(
    subject: Operation, contract: Contract, compare: Callable[[Contract, Contract, str], list[str]]
) -> None:
    assert contract.frozen is not None
    own = contract.whole  # a feature that is switched off is in the document all the same
    if subject.label not in own.operations:
        raise NotApplicable("gone")
    lost = compare(contract.frozen, own, subject.label)
    if lost:
        more = f" and {len(lost) - _MOST_NAMED} more" if len(lost) > _MOST_NAMED else ""
        raise Violation(
            f"the target's document does not have {', '.join(lost[:_MOST_NAMED])}{more}",
            expected=lost,
            findings=tuple(lost),
        )
