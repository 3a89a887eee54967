"""The operations ledger before a run: for each operation of a contract, what tests it, or why nothing can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from conformance.catalogue import Operations
from conformance.contract import Contract, Operation
from conformance.resources import RESOURCES, Resource, Workshop, address
from conformance.suite.check import declarations

DOCUMENT_ONLY = frozenset({"routes", "contract"})
"""Chapters that judge the document and call nothing."""


def tested(contract: Contract) -> Mapping[str, tuple[str, ...]]:
    """Operation -> the requirements whose checks are about it by its name, and call it."""
    found: dict[str, list[str]] = {label: [] for label in contract.operations}
    for _, declared in declarations():
        if declared.requirement.partition(".")[0] not in DOCUMENT_ONLY:
            for name in contract.derive(declared.subjects):
                if name in found:
                    found[name].append(declared.requirement)
    return {label: tuple(requirements) for label, requirements in found.items()}


def unaccounted(contract: Contract, ledger: Operations, shop: Workshop) -> Iterator[str]:
    """A line for each operation that the suite does not test, or knows no member for; empty where all is well.

    `shop` is a workshop of the contract's generation.
    """
    checks = tested(contract)
    for label, operation in contract.operations.items():
        if label in ledger.ineligible or label in ledger.standalone:
            continue
        resource = about(operation)
        if resource is None:
            yield f"{label} is about no known collection"
        elif operation.placeholders and not (resource.makeable and resource.exists(shop)):
            yield f"{label} is about {resource.name}, of which no member can be made"
        elif not checks[label]:
            yield f"{label} is tested by no requirement"


def about(operation: Operation) -> Resource | None:
    """The collection that an operation is about: by the member in its path, or the name in front."""
    if operation.placeholders:
        found = address(operation.path)
        return found[0] if found else None
    path = "/".join(operation.segments)
    fitting = [name for name in RESOURCES if path == name or path.startswith(f"{name}/")]
    return RESOURCES[max(fitting, key=len)] if fitting else None
