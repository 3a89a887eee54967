"""Operands for one operator of one criterion: values of the world that hit, and near misses that must not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta, timezone
from typing import Any

from conformance.contract import ValueType
from conformance.oracle.operators import instant
from conformance.suite import patterns
from conformance.suite.searches import searches

NOBODY = "00000000-0000-4000-8000-000000000000"
"""A UUID that no object has."""

_ELSEWHERE = timezone(timedelta(hours=5, minutes=30))
_MOST = 4
"""Values of the world that are tried an operator."""

_WILD = frozenset("%_\\")
"""What SQL's LIKE gives a meaning of its own."""


def operands(operator: str, takes: ValueType, values: Sequence[Any]) -> Iterator[Any]:
    """Operands for `operator`; `values` are what the world's records have there, nulls and lists included."""
    present = _distinct(value for value in values if value is not None)
    match operator:
        case "is_null_" | "exists_" | "eq_" if takes.kind == "boolean":
            yield from (True, False)
        case "any_" | "not_any_" | "id_" | "type_" | "id" | "name" | "role" | "exclude_name" | "exclude_keys":
            yield from _lists(takes, _distinct(_items(present)))
        case "all_":
            yield from _supersets(present)
        case "before_" | "after_" | "until" | "since":
            yield from _instants(present)
        case "ge_" | "le_":
            yield from sorted({number + step for number in present for step in (-1, 0, 1)})
        case "like_":
            yield from _parts(_distinct(_items(present)))
        case "eq_":
            yield from present[:_MOST]
        case "query":
            yield from searches(present)
        case _:
            yield from _fitting(takes, patterns.operands(operator, list(_parts_of(present))))


def loose_operands(operator: str, takes: ValueType, values: Sequence[Any]) -> Iterator[Any]:
    """Operands under which a comparison that heeds no case, or SQL's wildcards, finds too much."""
    present = list(_parts_of(value for value in values if value is not None))
    found = patterns.loose_labels(present) if operator == "labels" else patterns.loose_prefixes(present)
    yield from _fitting(takes, found)


def label_patterns(operator: str, takes: ValueType, values: Sequence[Any]) -> Iterator[Any]:
    """Operands for `labels` that are no plain values."""
    yield from patterns.label_patterns(list(_parts_of(value for value in values if value is not None)))


def _fitting(takes: ValueType, lists: Iterable[Any]) -> Iterator[Any]:
    """The lists, or each of their values where the operator takes one value only."""
    if takes.kind != "string" or takes.many:
        yield from lists
    else:
        yield from _distinct(value for values in lists for value in values)


def _lists(takes: ValueType, values: list[Any]) -> Iterator[list[Any]]:
    nobody = NOBODY if takes.kind == "uuid" else None if takes.kind == "enum" else "nobody-has-this"
    options = list(takes.options) or values
    for value in values[:_MOST]:
        yield [value]
    if len(values) > 1:
        yield [values[0], values[-1]]
        yield values[1:]
        yield [values[0], values[0]]
    if nobody is not None:
        yield [nobody]
        yield [*values[:1], nobody]
    yield from ([option] for option in options if takes.kind == "enum" and option not in values)
    if takes.kind == "string":
        # One character off, and the other case: neither is the value.
        yield from ([near] for value in values[:2] for near in (value[:-1], value.swapcase()) if near not in values)


def _supersets(present: list[Any]) -> Iterator[list[Any]]:
    for value in _distinct(tuple(value) for value in present if value)[:_MOST]:
        yield [value[0]]
        yield list(value)
        yield [value[0], "nobody-has-this"]
        if value[0] != value[0].swapcase():
            yield [value[0].swapcase()]


def _instants(present: list[Any]) -> Iterator[str]:
    moments = sorted(_distinct(instant(value) for value in present))
    # The first, the last, and two between: each exactly, and a microsecond to either side.
    chosen = _distinct([*moments[:1], *moments[len(moments) // 2 :][:2], *moments[-1:]])
    for moment in chosen:
        for step in (-1, 0, 1):
            yield (moment + timedelta(microseconds=step)).isoformat()
        yield moment.astimezone(_ELSEWHERE).isoformat()


def _parts(values: list[str]) -> Iterator[str]:
    for value in values:
        # What SQL takes for a wildcard, and letters beyond ASCII, are rules of their own.
        if _WILD & set(value) or not value.isascii():
            continue
        yield value
        yield value[len(value) // 2 :]
        yield value.upper()
    yield "nobody-has-this"


def empty(operator: str, takes: ValueType) -> Iterator[Any]:
    """The operand that asks for nothing: an empty list, an empty text."""
    if takes.many:
        yield []
    elif operator == "like_":
        yield ""


def wildcards(values: Sequence[Any]) -> Iterator[str]:
    """Parts of the values around what SQL takes for a wildcard, and such a character by itself."""
    for value in _distinct(_items(_distinct(value for value in values if value is not None))):
        for place, character in enumerate(value):
            if character in _WILD:
                yield value[max(0, place - 1) : place + 2]
    yield from sorted(_WILD)


def with_wildcards(values: Sequence[Any]) -> Iterator[str]:
    """Values with one character, and with all between two others, in SQL's wildcards; and such by themselves."""
    for value in _distinct(_items(_distinct(value for value in values if value is not None)))[:_MOST]:
        middle = len(value) // 2
        yield f"{value[:middle]}_{value[middle + 1 :]}"
        yield f"{value[0]}%{value[-1]}"
        yield f"{value[:middle]}__{value[middle + 1 :]}"
    yield from ("%", "_", "nobody%has-this")


def beyond_ascii(values: Sequence[Any]) -> Iterator[str]:
    """The words of the values that have letters beyond ASCII, as they are written."""
    for value in _distinct(_items(_distinct(value for value in values if value is not None))):
        yield from (word for word in re.findall(r"[^\W_]+", value) if not word.isascii())


def _parts_of(values: Iterable[Any]) -> Iterator[Any]:
    """Each value, and each of the alternatives of one that has several."""
    for value in values:
        yield from value if isinstance(value, tuple) else (value,)


def _items(values: Sequence[Any]) -> Iterator[Any]:
    for value in values:
        yield from value if isinstance(value, list | tuple) else (value,)


def _distinct(values: Any) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found
