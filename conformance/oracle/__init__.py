"""The oracle: what a query over a world's records must return. Pure functions: no HTTP, no pytest."""

from conformance.oracle.filters import matches, select
from conformance.oracle.operators import OPERATORS, UnknownOperatorError, holds, like_pattern
from conformance.oracle.paging import page_trouble
from conformance.oracle.sorting import Unordered, first_disorder

__all__ = [
    "OPERATORS",
    "UnknownOperatorError",
    "Unordered",
    "first_disorder",
    "holds",
    "like_pattern",
    "matches",
    "page_trouble",
    "select",
]
