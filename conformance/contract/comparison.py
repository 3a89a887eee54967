"""Two contracts side by side: what the first one has and the second one has not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

from conformance.contract.contract import Contract
from conformance.contract.excerpt import facts
from conformance.contract.grammar import Query
from conformance.contract.operations import Operation
from conformance.contract.schemas import Schema, alternatives, pointer

_DEEPEST = 8
"""Levels of fields that are compared. Schemas may refer to themselves; what clients name lies above."""


class Kind(Enum):
    """What one contract lets stand in a place and another doesn't: all of it, a value, a type, or nothing at all."""

    GONE = auto()
    VALUE = auto()
    TYPE = auto()
    OPTIONAL = auto()


@dataclass(frozen=True)
class Difference:
    """Something in `place` that one contract allows and another does not. `what` is the value or the type."""

    place: str
    kind: Kind
    what: Any = None

    @property
    def answered(self) -> bool:
        """Whether it is about an answer, and not about what is asked."""
        return self.place.startswith(_ANSWER)


_ANSWER: Final = "answer "


def operations(one: Contract, other: Contract) -> Iterator[str]:
    """The operations of `one` that `other` lacks."""
    return (label for label in one.operations if label not in other.operations)


def additions(frozen: Contract, own: Contract) -> tuple[str, ...]:
    """What a target promises beyond the frozen contract, a line each; a whole operation is one."""
    if facts(own.document) == facts(frozen.document):
        return ()  # as of every release itself; to look for them takes twenty times as long
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
    return [found.place for found in differences(one, other, operation) if found.kind is Kind.GONE]


def values(one: Contract, other: Contract, operation: str) -> list[str]:
    """The values of enumerations of an operation that `other` lacks, each with its place."""
    return [f"{found.place}: {found.what}" for found in differences(one, other, operation) if found.kind is Kind.VALUE]


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


def differences(one: Contract, other: Contract, label: str) -> Iterator[Difference]:
    """What `one` lets stand in an operation that both have, and `other` doesn't; what filters and sorts left aside.

    Types are JSON's; formats and bounds are not compared.
    """
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
            yield Difference(place, Kind.GONE)
        else:
            yield from walk.of(place, parameter.schema, found.schema)
    yield from _newly_required(ours, theirs)
    if ours.body is not None:
        if theirs.body is None:
            yield Difference("body", Kind.GONE)
        else:
            yield from walk.of("body", ours.body, theirs.body, leave=_asked(one, label))
    yield from _answers(walk, ours, theirs)


def _newly_required(ours: Operation, theirs: Operation) -> Iterator[Difference]:
    free = {(parameter.name, parameter.where) for parameter in ours.parameters if parameter.required}
    for parameter in theirs.parameters:
        if parameter.required and parameter.where != "path" and (parameter.name, parameter.where) not in free:
            yield Difference(f"{parameter.where} {parameter.name}", Kind.OPTIONAL)
    if theirs.body_required and not ours.body_required:
        yield Difference("body", Kind.OPTIONAL)


def _asked(contract: Contract, label: str) -> frozenset[str]:
    query = contract.queries.get(label)
    return frozenset() if query is None else frozenset(query.filters) | {"sort"}


def _answers(walk: _Walk, ours: Operation, theirs: Operation) -> Iterator[Difference]:
    for status, media in ours.answers.items():
        if not status.startswith("2"):
            continue
        for kind, schema in media.items() or [("", {})]:
            place = f"{_ANSWER}{status}"
            if status not in theirs.answers or (kind and kind not in theirs.answers[status]):
                yield Difference(f"{place} {kind}".strip(), Kind.GONE)
            elif kind:
                yield from walk.of(place, schema, theirs.answers[status][kind])


class _Walk:
    """Goes down two schemas together."""

    def __init__(self, one: Contract, other: Contract) -> None:
        self._one = one
        self._other = other
        self._untold = set() if one.names_null and other.names_null else {"null"}

    def of(
        self, place: str, ours: Schema, theirs: Schema, *, leave: frozenset[str] = frozenset(), depth: int = 0
    ) -> Iterator[Difference]:
        """Where they differ. `leave`: fields at the top that are not looked at."""
        here, there = _flat(self._one, ours), _flat(self._other, theirs)
        if there.open:
            return  # anything may stand there
        yield from self._freedoms(place, here, there, leave)
        if depth == _DEEPEST:
            return
        for name, schema in here.fields.items():
            below = f"{place}.{name}"
            if name in leave:
                continue
            if name not in there.fields:
                if not there.any_field:
                    yield Difference(below, Kind.GONE)
                continue
            yield from self.of(below, schema, there.fields[name], depth=depth + 1)
        if here.items is not None and there.items is not None:
            yield from self.of(f"{place}[]", here.items, there.items, depth=depth + 1)

    def _freedoms(self, place: str, here: _Flat, there: _Flat, leave: frozenset[str]) -> Iterator[Difference]:
        """What may stand, or may be missing, in a place of the one and not of the other."""
        for kind in ["anything"] if here.open else sorted(here.types - there.allowed - self._untold):
            yield Difference(place, Kind.TYPE, kind)
        if there.values:
            yield from (Difference(place, Kind.VALUE, value) for value in here.values if value not in there.values)
        if here.fields:
            missing = sorted(there.required - here.required - leave)
            yield from (Difference(f"{place}.{name}", Kind.OPTIONAL) for name in missing)


@dataclass
class _Flat:
    """What may stand in a place, its alternatives taken together. `open`: anything; `any_field`: fields of any name.

    `types` are the names that JSON Schema has for them, `required` the fields that no alternative can be without.
    """

    fields: dict[str, Schema] = field(default_factory=dict)
    values: list[Any] = field(default_factory=list)
    items: Schema | None = None
    open: bool = False
    any_field: bool = False
    types: set[str] = field(default_factory=set)
    required: frozenset[str] = frozenset()

    @property
    def allowed(self) -> set[str]:
        """The types that fit, named or not: an integer is a number."""
        return self.types | ({"integer"} if "number" in self.types else set())


_TYPES: Final = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


def _types(part: Schema) -> set[str]:
    """The types that a schema names, or that follow from its values or fields."""
    if "type" in part:
        return {part["type"]} if isinstance(part["type"], str) else set(part["type"])
    values = [*part.get("enum", ()), *([part["const"]] if "const" in part else [])]
    return {_TYPES.get(type(value), "null") for value in values} or ({"object"} if "properties" in part else set())


def _or_null(contract: Contract, schema: Any) -> bool:
    """Whether an alternative of a schema is null: `resolve` sees through that."""
    for _ in range(_DEEPEST if isinstance(schema, Mapping) else 0):
        options = [option for keyword in ("anyOf", "oneOf") for option in alternatives(schema, keyword)]
        if any(option.get("type") == "null" for option in options):
            return True
        if isinstance(reference := schema.get("$ref"), str):
            schema = pointer(contract.document, reference)
        elif len(alone := [*options, *alternatives(schema, "allOf")]) == 1:
            schema = alone[0]
        else:
            return False
    return False


def _flat(contract: Contract, schema: Schema) -> _Flat:
    found = _Flat()
    required: list[frozenset[str]] = []
    waiting = [(schema, 0)]
    while waiting:
        raw, depth = waiting.pop()
        part = contract.resolve(raw)
        options = [option for keyword in ("allOf", "anyOf", "oneOf") for option in part.get(keyword, ())]
        waiting += [(option, depth + 1) for option in options if depth < _DEEPEST]
        found.fields |= part.get("properties", {})
        found.types |= _types(part) | ({"null"} if _or_null(contract, raw) else set())
        if "properties" in part:
            required.append(frozenset(part.get("required", ())))
        found.values += [*part.get("enum", ()), *([part["const"]] if "const" in part else [])]
        if isinstance(items := part.get("items"), Mapping):
            found.items = items
        if part.get("type") == "object" or "additionalProperties" in part:
            extra = part.get("additionalProperties")
            found.any_field |= bool(extra) or (extra is None and not part.get("properties"))
        found.open |= not options and not any(key in part for key in ("type", "enum", "const", "properties"))
    found.required = frozenset.intersection(*required) if required else frozenset()
    return found
