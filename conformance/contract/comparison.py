"""Two contracts side by side: what the first one has and the second one has not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.contract.contract import Contract
from conformance.contract.grammar import Query
from conformance.contract.operations import Operation
from conformance.contract.schemas import Schema

_DEEPEST = 8
"""Levels of fields that are compared. Schemas may refer to themselves; what clients name lies above."""


def operations(one: Contract, other: Contract) -> Iterator[str]:
    """The operations of `one` that `other` lacks."""
    return (label for label in one.operations if label not in other.operations)


def additions(frozen: Contract, own: Contract) -> tuple[str, ...]:
    """What a target promises beyond the frozen contract, a line each; a whole operation is one."""
    new = list(operations(own, frozen))
    found = [f"operation {label}" for label in new]
    for label in own.operations:
        if label not in new:
            queried = own.queries.keys() & frozen.queries.keys()
            asked = operators(own, frozen, label) if label in queried else []
            found += [f"{label}: {what}" for what in (*fields(own, frozen, label), *asked, *values(own, frozen, label))]
    return tuple(found)


def fields(one: Contract, other: Contract, operation: str) -> list[str]:
    """The parameters, fields and documented answers (2xx) of an operation that `other` lacks, by their places.

    What filters and sorts a query is its grammar's: `operators` compares it.
    """
    return [place for place, what in _differences(one, other, operation) if what is None]


def values(one: Contract, other: Contract, operation: str) -> list[str]:
    """The values of enumerations of an operation that `other` lacks, each with its place."""
    return [f"{place}: {what}" for place, what in _differences(one, other, operation) if what is not None]


def operators(one: Contract, other: Contract, operation: str) -> list[str]:
    """What a query of `one` can be asked by and `other`'s can't: collections, operators, operands, sort keys."""
    theirs = other.queries.get(operation)
    have = set(_askable(theirs)) if theirs is not None else set()
    return [name for name in _askable(one.queries[operation]) if name not in have]


def _askable(query: Query) -> Iterator[str]:
    for name, filter_ in query.filters.items():
        if name:
            yield name
        for path in sorted(filter_.combinable):
            yield ".".join(part for part in (name, path, "operator") if part)
        for path, criterion in filter_.criteria.items():
            for operator, kind in criterion.operators.items():
                place = ".".join(part for part in (name, path, operator) if part)
                yield place
                yield from (f"{place}: {option}" for option in kind.options)
    yield from (f"sort: {key}" for key in query.sorts)


def _differences(one: Contract, other: Contract, label: str) -> Iterator[tuple[str, Any]]:
    """Places in an operation that differ: a field that is gone, with None, or one value of an enumeration."""
    ours, theirs = one.operations[label], other.operations[label]
    walk = _Walk(one, other)
    known = {(parameter.name, parameter.where): parameter for parameter in theirs.parameters}
    for number, parameter in enumerate(ours.parameters):
        place = f"{parameter.where} {parameter.name}"
        if parameter.where == "path":
            # Only its place in the path counts; that another name stands there changes nothing for a client.
            rest = [p for p in theirs.parameters if p.where == "path"]
            found = rest[number] if number < len(rest) else None
        else:
            found = known.get((parameter.name, parameter.where))
        if found is None:
            yield place, None
        else:
            yield from walk.of(place, parameter.schema, found.schema)
    if ours.body is not None:
        if theirs.body is None:
            yield "body", None
        else:
            yield from walk.of("body", ours.body, theirs.body, leave=_asked(one, label))
    yield from _answers(walk, ours, theirs)


def _asked(contract: Contract, label: str) -> frozenset[str]:
    query = contract.queries.get(label)
    return frozenset() if query is None else frozenset(query.filters) | {"sort"}


def _answers(walk: _Walk, ours: Operation, theirs: Operation) -> Iterator[tuple[str, Any]]:
    for status, media in ours.answers.items():
        if not status.startswith("2"):
            continue
        for kind, schema in media.items() or [("", {})]:
            place = f"answer {status}"
            if status not in theirs.answers or (kind and kind not in theirs.answers[status]):
                yield f"{place} {kind}".strip(), None
            elif kind:
                yield from walk.of(place, schema, theirs.answers[status][kind])


class _Walk:
    """Goes down two schemas together."""

    def __init__(self, one: Contract, other: Contract) -> None:
        self._one = one
        self._other = other

    def of(
        self, place: str, ours: Schema, theirs: Schema, *, leave: frozenset[str] = frozenset(), depth: int = 0
    ) -> Iterator[tuple[str, Any]]:
        """Where they differ. `leave`: fields at the top that are not looked at."""
        here, there = _flat(self._one, ours), _flat(self._other, theirs)
        if there.open:
            return  # anything may stand there
        yield from ((place, value) for value in here.values if there.values and value not in there.values)
        if depth == _DEEPEST:
            return
        for name, schema in here.fields.items():
            below = f"{place}.{name}"
            if name in leave:
                continue
            if name not in there.fields:
                if not there.any_field:
                    yield below, None
                continue
            yield from self.of(below, schema, there.fields[name], depth=depth + 1)
        if here.items is not None and there.items is not None:
            yield from self.of(f"{place}[]", here.items, there.items, depth=depth + 1)


@dataclass
class _Flat:
    """What may stand in a place, its alternatives taken together. `open`: anything; `any_field`: fields of any name."""

    fields: dict[str, Schema] = field(default_factory=dict)
    values: list[Any] = field(default_factory=list)
    items: Schema | None = None
    open: bool = False
    any_field: bool = False


def _flat(contract: Contract, schema: Schema) -> _Flat:
    found = _Flat()
    waiting = [(schema, 0)]
    while waiting:
        raw, depth = waiting.pop()
        part = contract.resolve(raw)
        options = [option for keyword in ("allOf", "anyOf", "oneOf") for option in part.get(keyword, ())]
        waiting += [(option, depth + 1) for option in options if depth < _DEEPEST]
        found.fields |= part.get("properties", {})
        found.values += [*part.get("enum", ()), *([part["const"]] if "const" in part else [])]
        if isinstance(items := part.get("items"), Mapping):
            found.items = items
        if part.get("type") == "object" or "additionalProperties" in part:
            extra = part.get("additionalProperties")
            found.any_field |= bool(extra) or (extra is None and not part.get("properties"))
        found.open |= not options and not any(key in part for key in ("type", "enum", "const", "properties"))
    return found
