"""The subjects of the checks: which operations, queries and criteria of a contract a rule is about."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.contract import Contract, Operation
from conformance.suite.check import Subjects


def every_operation(contract: Contract) -> Mapping[str, Operation]:
    """Every operation of the contract."""
    return contract.operations


def with_method(method: str) -> Subjects:
    """Every operation of one method."""

    def of_that_method(contract: Contract) -> Mapping[str, Operation]:
        return {label: operation for label, operation in contract.operations.items() if operation.method == method}

    return of_that_method


def first_of(*operations: str) -> Subjects:
    """Those of some operations that a contract has."""
    return lambda contract: {label: label for label in operations if label in contract.operations}
