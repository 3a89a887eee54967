"""Whether rows are in the order that a sort key names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from conformance.oracle.operators import instant
from conformance.resources import Record, Resource, World


@dataclass(frozen=True)
class Unordered:
    """Two neighbouring rows in the wrong order, and the values that they were to be sorted by."""

    first: Record
    second: Record
    first_value: Any
    second_value: Any


def first_disorder(resource: Resource, sort: str, rows: Sequence[Record], world: World) -> Unordered | None:
    """The first neighbours that break `sort` (`NAME_ASC`), None where the rows are in order.

    Equal values may stand in any order: no rule promises a tie-breaker. Nulls may come first or last, but
    together: which, no document says. Nor does one name a collation: text is out of order only where it is
    by code point and by the dictionary both. A tuple is a key of several fields, the first of which counts most.
    """
    read = resource.sort_reader(sort)
    descending = sort.endswith("_DESC")
    values = [(row, read(row, world)) for row in rows]
    nulls = [value is None for _, value in values]
    if any(nulls) and sum(a != b for a, b in pairwise(nulls)) > 1:
        at = next(i for i, (a, b) in enumerate(pairwise(nulls)) if a != b)
        return Unordered(values[at][0], values[at + 1][0], values[at][1], values[at + 1][1])
    present = [(row, value) for row, value in values if value is not None]
    for (first, a), (second, b) in pairwise(present):
        low, high = (b, a) if descending else (a, b)
        if all(key(low) > key(high) for key in ORDERS):
            return Unordered(first, second, a, b)
    return None


_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*", re.ASCII)


def _by_code_point(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_by_code_point, value))
    return instant(value) if isinstance(value, str) and _INSTANT.fullmatch(value) else value


def _by_dictionary(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_by_dictionary, value))
    if not isinstance(value, str) or _INSTANT.fullmatch(value):
        return _by_code_point(value)
    plain = "".join(c for c in unicodedata.normalize("NFKD", value.casefold()) if not unicodedata.combining(c))
    return "".join(c for c in plain if c.isalnum())


ORDERS = (_by_code_point, _by_dictionary)
"""The two orders of values: text is ordered for certain only where both agree."""
