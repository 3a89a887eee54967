"""What each operator of the filter grammar means on one value of a record.

The sources are the REST Guidelines ("Common examples include …") and, for the operators that they do
not name, the descriptions in the OpenAPI documents. A null satisfies no operator but `is_null_`, as in
SQL: the guidelines do not say otherwise, and the catalogue grades what rests on that alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from conformance.oracle.text import query


class UnknownOperatorError(LookupError):
    """The grammar has an operator that the suite has no meaning for."""


def any_(value: Any, wanted: list[Any]) -> bool:
    """The field matches any of the values; a list does if it holds one of them."""
    if isinstance(value, list):
        return bool(set(value) & set(wanted))
    return value is not None and value in wanted


def not_any_(value: Any, unwanted: list[Any]) -> bool:
    """The field has none of the values. A null is left out, unless nothing is unwanted."""
    if not unwanted:
        return True
    return value is not None and not any_(value, unwanted)


def all_(value: Any, wanted: list[Any]) -> bool:
    """The field holds all of the values."""
    return set(wanted) <= set(value or ())


def is_null_(value: Any, wanted: bool) -> bool:
    """The field is null, or is not. A list without elements counts as null ("flows without tags")."""
    return (value is None or value == []) is wanted


def eq_(value: Any, wanted: Any) -> bool:
    """The field equals the value."""
    return value is not None and value == wanted


def before_(value: Any, limit: str) -> bool:
    """The instant is less than or equal to the value."""
    return value is not None and instant(value) <= instant(limit)


def after_(value: Any, limit: str) -> bool:
    """The instant is greater than or equal to the value."""
    return value is not None and instant(value) >= instant(limit)


def ge_(value: Any, limit: float) -> bool:
    """The number is greater than or equal to the value."""
    return value is not None and value >= limit


def le_(value: Any, limit: float) -> bool:
    """The number is less than or equal to the value."""
    return value is not None and value <= limit


def like_(value: Any, part: str) -> bool:
    """A case-insensitive partial match: the value stands somewhere in the field, as it is written."""
    return value is not None and part.casefold() in value.casefold()


def like_pattern(value: Any, pattern: str) -> bool:
    """A case-insensitive partial match in which `%` stands for any text and `_` for any character, as in SQL."""
    meant = "".join({"%": ".*", "_": "."}.get(character, re.escape(character)) for character in pattern)
    return value is not None and re.search(meant, value, re.IGNORECASE | re.DOTALL) is not None


def startswith_(value: Any, prefixes: Any) -> bool:
    """The field starts with the value, or with one of them, in upper or lower case."""
    wanted = prefixes if isinstance(prefixes, list) else [prefixes]
    return value is not None and value.casefold().startswith(tuple(text.casefold() for text in wanted))


def exists_(value: Any, wanted: bool) -> bool:
    """There is one, or there is none."""
    return (value is not None) is wanted


def exclude_keys(value: Any, unwanted: list[Any]) -> bool:
    """The key is none of the values."""
    return not_any_(value, unwanted)


# The filter of events names its operators without an underscore. An empty list restricts nothing there: no document
# says so, but all releases agree.


def since(value: Any, limit: str) -> bool:
    """The instant is the limit or later ("inclusive")."""
    return after_(value, limit)


def until(value: Any, limit: str) -> bool:
    """The instant is the limit or earlier ("inclusive")."""
    return before_(value, limit)


def among(value: Any, wanted: list[Any]) -> bool:
    """The field is one of the values."""
    return not wanted or any_(value, wanted)


def exclude_name(value: Any, unwanted: list[Any]) -> bool:
    """The field is none of the values."""
    return not_any_(value, unwanted)


def prefix(value: Any, prefixes: str | list[str]) -> bool:
    """The field starts with the value, or with one of the values, as they are written."""
    wanted = prefixes if isinstance(prefixes, str) else tuple(prefixes)
    return not prefixes or (value is not None and value.startswith(wanted))


def exclude_prefix(value: Any, prefixes: list[str]) -> bool:
    """The field starts with none of the values, as they are written."""
    return not prefixes or (value is not None and not value.startswith(tuple(prefixes)))


def resources_in_roles(value: Any, wanted: list[list[str]]) -> bool:
    """The resource's id and its role are one of the pairs."""
    return not wanted or (value is not None and list(value) in [list(pair) for pair in wanted])


def labels(value: Any, wanted: Mapping[str, str | list[str]]) -> bool:
    """The resource has each of the labels, with one of the values that are given for it.

    A `*` at the end of a value stands for any ending, a `!` before it for what does not match the rest.
    """
    return not wanted or (
        value is not None
        and all(
            any(_fits(value.get(label), pattern) for pattern in ([patterns] if isinstance(patterns, str) else patterns))
            for label, patterns in wanted.items()
        )
    )


def _fits(value: str | None, pattern: str) -> bool:
    if value is None:
        return False
    if pattern.startswith("!"):
        return not _fits(value, pattern[1:])
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern


def instant(value: str) -> datetime:
    """An RFC 3339 instant. One without a zone is UTC, as the API's own."""
    found = datetime.fromisoformat(value)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    operator.__name__: operator
    for operator in (
        any_, not_any_, all_, is_null_, eq_, before_, after_, ge_, le_, like_, startswith_, exists_, query,
        since, until, exclude_name, prefix, exclude_prefix, resources_in_roles, labels, exclude_keys,
    )
} | {"id": among, "name": among, "role": among, "id_prefix": prefix}  # fmt: skip
TAKING_OBJECTS = frozenset({"labels"})
"""Operators whose operand is an object."""
WHOLE = frozenset({"distinct"})
"""Operators that speak of the rows together and mean nothing on one record: a check of their own judges them."""

# Some criteria name what they read instead of an operator; each takes a list of values, of which one has to match.
PARTS = ("id_", "type_", "task_keys")


def holds(operator: str, value: Any, operand: Any) -> bool:
    """Whether a record's `value` satisfies an operator; an operand of null is no restriction.

    A tuple stands for alternatives, of which one has to. Raises UnknownOperatorError.
    """
    if operand is None:
        return True
    meaning = any_ if operator in PARTS else OPERATORS.get(operator)
    if meaning is None:
        raise UnknownOperatorError(operator)
    if isinstance(value, tuple):
        return any(meaning(alternative, operand) for alternative in value)
    return meaning(value, operand)
