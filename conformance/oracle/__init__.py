"""The oracle: what a query over a world's records must return. Pure functions: no HTTP, no pytest."""

from conformance.oracle.filters import is_criterion, matches, select
from conformance.oracle.household import Household, Member
from conformance.oracle.operators import OPERATORS, WHOLE, UnknownOperatorError, holds, like_pattern
from conformance.oracle.paging import page_trouble
from conformance.oracle.sorting import Unordered, first_disorder

__all__ = [
    "OPERATORS",
    "WHOLE",
    "Household",
    "Member",
    "UnknownOperatorError",
    "Unordered",
    "first_disorder",
    "holds",
    "is_criterion",
    "like_pattern",
    "matches",
    "page_trouble",
    "select",
]
