"""The places of a JSON value that a schema has a name for: fields, items of lists, values of maps, at every depth.

What stands in `anyOf`, `oneOf` and `allOf` is taken together, as one place: a value goes where it fits, and which of
two alternatives a field came by is not told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from conformance.contract.formats import FORMATS
from conformance.contract.schemas import Schema, alternatives, reference_name, resolve

_DEEPEST: Final = 8
"""Levels of fields. Schemas may refer to themselves; what clients name lies above."""

_Trail = frozenset[str]
"""The components that one came through."""


@dataclass
class Place:
    """A place in a value, and what may stand there.

    `fields` are those that the schema names, `items` what a list holds, `extra` the values of a map, whose keys are
    data. `values`: those of an enumeration, or true and false. `formats`: the formats of strings that can be checked.
    Whoever counts places notes a number with each, with each of its values and each of its formats.
    """

    fields: dict[str, Place] = field(default_factory=dict)
    items: Place | None = None
    extra: Place | None = None
    values: list[Any] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    number: int | None = None
    numbers: tuple[int, ...] = ()

    def walk(self, at: str = "") -> Iterator[tuple[str, Place]]:
        """Every place from here down by its name (`results[].state.name`; `*` is any key of a map), this one first."""
        yield at, self
        for name, below in self.fields.items():
            yield from below.walk(f"{at}.{name}" if at else name)
        if self.items is not None:
            yield from self.items.walk(f"{at}[]")
        if self.extra is not None:
            yield from self.extra.walk(f"{at}.*" if at else "*")


def places(document: Schema, schema: Schema, *, leaves: frozenset[str] = frozenset()) -> Place:
    """The place that `schema` describes, and those below it. `leaves`: fields at the top below which nothing is named.

    A component that refers to itself is followed once.
    """
    return _place(document, [(schema, frozenset())], 0, leaves)


def _place(
    document: Schema, schemas: Iterable[tuple[Schema, _Trail]], depth: int, leaves: frozenset[str] = frozenset()
) -> Place:
    found = Place()
    fields: dict[str, list[tuple[Schema, _Trail]]] = {}
    items: list[tuple[Schema, _Trail]] = []
    extra: list[tuple[Schema, _Trail]] = []
    for part, trail in (one for known in schemas for one in _parts(document, *known)):
        properties = part.get("properties")
        for name, below in properties.items() if isinstance(properties, Mapping) else ():
            fields.setdefault(name, []).append((below, trail))
        if isinstance(inner := part.get("items"), Mapping):
            items.append((inner, trail))
        if isinstance(inner := part.get("additionalProperties"), Mapping):
            extra.append((inner, trail))
        for value in _domain(part):
            # True is 1 to Python, and not to JSON.
            if not any(value is known or (value == known and type(value) is type(known)) for known in found.values):
                found.values.append(value)
        found.formats += [kind for kind in FORMATS if kind == part.get("format") and kind not in found.formats]
    if depth < _DEEPEST:
        for name, belows in fields.items():
            found.fields[name] = Place() if name in leaves else _place(document, belows, depth + 1)
        found.items = _place(document, items, depth + 1) if items else None
        found.extra = _place(document, extra, depth + 1) if extra else None
    return found


def _parts(document: Schema, schema: Schema, trail: _Trail) -> Iterator[tuple[Schema, _Trail]]:
    """A schema and its alternatives, references followed."""
    name = reference_name(schema)
    if name is not None:
        if name in trail:
            return
        trail |= {name}
    part = resolve(document, schema)
    yield part, trail
    for keyword in ("allOf", "anyOf", "oneOf"):
        for option in alternatives(part, keyword):
            yield from _parts(document, option, trail)


def _domain(part: Schema) -> list[Any]:
    """The values that may stand there, where they can be counted; null is none."""
    if isinstance(part.get("enum"), list):
        return [value for value in part["enum"] if value is not None]
    if part.get("const") is not None:
        return [part["const"]]
    return [True, False] if part.get("type") == "boolean" else []
