"""Bodies that a writing operation must refuse, made from what its document says of a legal one. Nothing is sent here.

Each differs from a legal body in one place, so that what refuses it can only be meant for that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

from conformance.contract import Contract, Operation
from conformance.contract.schemas import BodyValidator, Schema
from conformance.suite.bad_bodies import wrong_values
from conformance.suite.fuzz import kinds

Path = tuple[str | int, ...]

_DEPTH: Final = 5
"""Steps from the body to the innermost place that is tried."""

_FEW: Final = 2
"""Values of different kinds that are tried in place of one of another type; inside of a field it is one."""

_KEY: Final = "red"
"""A key for objects that take any."""


class _Absent:
    def __repr__(self) -> str:
        return "(absent)"


ABSENT: Final = _Absent()
"""In place of a value: the key is left out."""


@dataclass(frozen=True)
class Place:
    """A place in a body, and the schema of what stands there. `value` is what a legal body has there, or ABSENT.

    `scene` is what has to be put into the legal body for the place to be in it, outermost first.
    """

    path: Path
    schema: Schema
    value: Any = ABSENT
    scene: tuple[tuple[Path, Any], ...] = ()

    @property
    def name(self) -> str:
        """As findings call it: `schedules[].slug`; elements and free keys are not told apart."""
        return "".join("[]" if isinstance(step, int) else f".{step}" for step in self.path).removeprefix(".")

    def stage(self, legal: Any) -> Any:
        """The legal body that has the place."""
        return reduce(lambda body, put: with_value(body, *put), self.scene, legal)


@dataclass(frozen=True)
class Wrong:
    """A value that must not stand in a place: `kind` says in words what is wrong with it, whatever it is exactly."""

    place: Place
    kind: str
    value: Any

    @property
    def name(self) -> str:
        """As findings call it: `limit: negative integer`."""
        return f"{self.place.name or 'body'}: {self.kind}"

    def body(self, legal: Any) -> Any:
        """A legal body but for it."""
        return with_value(self.place.stage(legal), self.place.path, self.value)


Maker = Callable[[Contract, Place], Iterator[Wrong]]


def with_value(body: Any, path: Path, value: Any) -> Any:
    """`body` with another value at `path`, or, for ABSENT, without the key there."""
    if not path:
        return value
    step, *rest = path
    if isinstance(step, int):
        return [with_value(inner, tuple(rest), value) if n == step else inner for n, inner in enumerate(body)]
    inside = body if isinstance(body, Mapping) else {}
    if not rest and value is ABSENT:
        return {key: inner for key, inner in inside.items() if key != step}
    return {**inside, step: with_value(inside.get(step), tuple(rest), value)}


def wrong_bodies(contract: Contract, operation: Operation, legal: Any, make: Maker) -> list[Wrong]:
    """What `make` has for every place of the operation's body, as far as the document does not allow it.

    Of some schemas only the whole says what it allows: another alternative than the one that is meant may take it.
    """
    validator = BodyValidator(contract.document, operation.body or {})
    found = []
    for place in places(contract, Place((), operation.body or {}, legal)):
        if made := list(make(contract, place)):
            before = validator.mismatches(made[0].place.stage(legal))
            found += [wrong for wrong in made if set(validator.mismatches(wrong.body(legal))) - set(before)]
    return found


def has(contract: Contract, operation: Operation, make: Maker) -> bool:
    """Whether `make` has something for the plainest body that the document allows."""
    root = Place((), operation.body or {}, kinds.plain(contract, operation.body or {}))
    return any(True for place in places(contract, root) for _ in make(contract, place))


# Where


def places(contract: Contract, place: Place, above: tuple[Schema, ...] = ()) -> Iterator[Place]:
    """The place itself, and those inside of it. An object in another one of its kind (`above`) is not looked into."""
    yield place
    found, value, scene = _filled(contract, place)
    properties = found.get("properties", {})
    if len(place.path) == _DEPTH or any(properties is other for other in above):
        return
    for inner in _inside(place, found, value, scene):
        yield from places(contract, inner, (*above, properties) if properties else above)


def _inside(place: Place, found: Schema, value: Any, scene: tuple[tuple[Path, Any], ...]) -> Iterator[Place]:
    if isinstance(value, list):
        if value:
            yield Place((*place.path, 0), found["items"], value[0], scene)
        return
    properties: Mapping[str, Schema] = found.get("properties", {})
    for name, schema in properties.items():
        yield Place((*place.path, name), schema, value.get(name, ABSENT), scene)
    others = found.get("additionalProperties")
    if isinstance(others, Mapping) and not properties:
        for key in list(value)[:1]:
            yield Place((*place.path, key), others, value[key], scene)


def _filled(contract: Contract, place: Place) -> tuple[Schema, Any, tuple[tuple[Path, Any], ...]]:
    """Of a place that can have others in it: the alternative that is meant, a legal value of it, and its scene.

    The value is what the legal body has there, or else the plainest one with something in it.
    """
    value = place.value
    if isinstance(value, Mapping | list):
        found = kinds.fitting(contract, place.schema, value)
    else:
        found = next((o for o in kinds.options(contract, place.schema) if o.get("type") in ("array", "object")), {})
        value = kinds.plain(contract, found) if found else {}
    elements, others = found.get("items"), found.get("additionalProperties")
    if isinstance(value, list):
        schema = elements if isinstance(elements, Mapping) else {}
        value = value if value or not schema else [kinds.plain(contract, schema)]
        value = value if schema else []
    elif not value and isinstance(others, Mapping) and others and not found.get("properties"):
        value = {_KEY: kinds.plain(contract, others)}
    there = value == place.value and type(value) is type(place.value)
    return found, value, place.scene if there else (*place.scene, (place.path, value))


def _alternatives(contract: Contract, place: Place) -> list[Schema]:
    return [option for option in kinds.options(contract, place.schema) if option.get("type") != "null"]


# What is wrong there


def missing(contract: Contract, place: Place) -> Iterator[Wrong]:
    """Nothing for a key that the document requires."""
    found, value, scene = _filled(contract, place)
    for name in found.get("required", ()):
        if name in value:
            schema = found.get("properties", {}).get(name, {})
            yield Wrong(Place((*place.path, name), schema, value[name], scene), "missing", ABSENT)


def mistyped(contract: Contract, place: Place) -> Iterator[Wrong]:
    """Values of types that no alternative of the schema has, however kindly they are read."""
    if not place.path:
        return  # a body that is no object is another matter
    of_each = [_mistyped(option) for option in _alternatives(contract, place)]
    if not of_each:
        return
    found: dict[str, Any] = {}
    for value in of_each[0]:
        if all(_among(value, values) for values in of_each[1:]):
            found.setdefault(kinds.kind(value), value)
    outermost = sum(isinstance(step, str) for step in place.path) < 2
    for kind, value in list(found.items())[: _FEW if outermost else 1]:
        yield Wrong(place, kind, value)


def _mistyped(option: Schema) -> list[Any]:
    """Values of another kind than an alternative, none of them empty: many a program takes that for nothing."""
    if "enum" in option or "const" in option:
        return [*_FULL.values()]
    kind = str(option.get("type"))
    if kind == "object":
        return list(_NO_OBJECTS)
    wrong = wrong_values(option["format"] if kind == "string" and option.get("format") in _FORMATS else kind)
    return [_FULL.get(type(value), value) for value in wrong if value != ""]


_FORMATS: Final = ("uuid", "date-time")

_FULL: Final[Mapping[type, Any]] = {dict: {_KEY: 1}, list: [_KEY]}

_NO_OBJECTS: Final = (_KEY, "three", 1, [_KEY])


def _among(value: Any, values: list[Any]) -> bool:
    return any(type(value) is type(other) and value == other for other in values)


def unknown_options(contract: Contract, place: Place) -> Iterator[Wrong]:
    """Words that an enumeration lacks."""
    for option in _alternatives(contract, place):
        known = tuple(option.get("enum", [option["const"]] if "const" in option else ()))
        texts = tuple(value for value in known if isinstance(value, str))
        if known:
            words = (value for value in wrong_values("enum", texts) if isinstance(value, str))
            for kind, value in zip(("unknown word", "other case"), words, strict=False):
                yield Wrong(place, kind, value)


def beyond_bounds(contract: Contract, place: Place) -> Iterator[Wrong]:
    """The nearest values beyond each bound, and a text that a pattern has no match in."""
    for option in _alternatives(contract, place):
        match option.get("type"):
            case "integer" | "number":
                yield from (Wrong(place, kind, value) for kind, value in _numbers(option))
            case "string":
                yield from (Wrong(place, kind, value) for kind, value in _texts(option))
            case "array":
                yield from (Wrong(place, kind, value) for kind, value in _lists(contract, option))


def _numbers(option: Schema) -> Iterator[tuple[str, float]]:
    for keyword, step, kind in (("minimum", -1, "too small"), ("maximum", 1, "too large")):
        bound, exclusive = option.get(keyword), option.get(f"exclusive{keyword.capitalize()}")
        if exclusive is True:  # as OpenAPI 3.0 says it
            bound, exclusive = None, bound
        # What the document itself puts there is no mistake, even on a bound of its own.
        if isinstance(exclusive, int | float) and exclusive is not False and exclusive != option.get("default"):
            yield f"{kind}, on the bound", _whole(exclusive)
        if isinstance(bound, int | float):
            yield kind, _whole(bound + step)


def _whole(number: float) -> float:
    return int(number) if number == int(number) else number


def _texts(option: Schema) -> Iterator[tuple[str, str]]:
    if least := option.get("minLength"):
        yield "too short", "a" * (least - 1)
    if (most := option.get("maxLength")) is not None:
        yield "too long", "a" * (most + 1)
    if (pattern := option.get("pattern")) is not None:
        lengths = range(option.get("minLength", 0), option.get("maxLength", 100) + 1)
        fitting = (text for text in _UNLIKELY if len(text) in lengths and not re.search(pattern, text))
        yield from (("not of the pattern", text) for text in list(fitting)[:1])


_UNLIKELY: Final = ("a/b", "a b%", "A&B", "a!b", "-", "a", "1", "")
"""Texts of which most patterns have no match in one."""


def _lists(contract: Contract, option: Schema) -> Iterator[tuple[str, list[Any]]]:
    element = kinds.plain(contract, option.get("items", {}))
    if least := option.get("minItems"):
        yield "too few", [element] * (least - 1)
    if (most := option.get("maxItems")) is not None:
        yield "too many", [element] * (most + 1)
