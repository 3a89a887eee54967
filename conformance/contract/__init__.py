"""The contract: the facts of an OpenAPI document that checks are made from, read once.

It imports no other room, and knows documents of every Prefect generation (OpenAPI 3.0 and 3.1, with
and without `/api` inside the paths).
"""

from conformance.contract.collections import Collection
from conformance.contract.contract import Contract, Reading
from conformance.contract.document import DocumentError
from conformance.contract.grammar import Criterion, Filter, Query, ValueType
from conformance.contract.operations import Operation, Parameter

__all__ = [
    "Collection",
    "Contract",
    "Criterion",
    "DocumentError",
    "Filter",
    "Operation",
    "Parameter",
    "Query",
    "Reading",
    "ValueType",
]
