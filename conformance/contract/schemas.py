"""JSON Schemas of a document: references followed, and validators compiled once each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError, relevance
from jsonschema.validators import extend

from conformance.contract.formats import FORMATS

Schema = Mapping[str, Any]

_MOST: Final = 20_000
"""Errors of one body that are looked at: the largest page has fewer, and a hundred thousand rows of junk have more."""


def resolve(document: Schema, schema: Any) -> Schema:
    """Follow `$ref`, and the wrappers that FastAPI puts around one (`allOf` of one, `anyOf` with null).

    Returns the schema meant, with the wrapper's own keywords (`default`, `description`) on top of it. One that is a
    boolean, as OpenAPI 3.1 has them too, says nothing: it is an empty one.
    """
    seen: set[str] = set()
    while True:
        if not isinstance(schema, Mapping):
            return {}
        inner: Schema | None = None
        if isinstance(reference := schema.get("$ref"), str):
            if reference in seen:
                return {}
            seen.add(reference)
            inner = pointer(document, reference)
        else:
            for keyword in ("allOf", "anyOf", "oneOf"):
                options = [option for option in alternatives(schema, keyword) if option.get("type") != "null"]
                if len(options) == 1:
                    inner = options[0]
        if inner is None:
            return schema
        wrapper = {k: v for k, v in schema.items() if k not in ("$ref", "allOf", "anyOf", "oneOf")}
        schema = {**inner, **wrapper}


def alternatives(schema: Schema, keyword: str) -> list[Schema]:
    """The schemas under `anyOf` or its like; what is none of them is left out."""
    options = schema.get(keyword, ())
    return [option for option in options if isinstance(option, Mapping)] if isinstance(options, list | tuple) else []


def reference_name(schema: Any) -> str | None:
    """The name of the component that `schema` refers to, through the wrappers that `resolve` sees through."""
    if not isinstance(schema, Mapping):
        return None
    if isinstance(reference := schema.get("$ref"), str):
        return reference.rpartition("/")[2]
    for keyword in ("allOf", "anyOf", "oneOf"):
        options = [option for option in alternatives(schema, keyword) if option.get("type") != "null"]
        if len(options) == 1:
            return reference_name(options[0])
    return None


def pointer(document: Schema, reference: str) -> Schema:
    """What a local reference (`#/components/schemas/Flow`) points to; an empty schema where nothing is there."""
    node: Any = document
    for part in reference.removeprefix("#/").split("/"):
        node = node.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(node, Mapping) else {}
    return node if isinstance(node, Mapping) else {}


@dataclass(frozen=True)
class Mismatch:
    """One place where a value breaks its schema. `where` is a path such as `[0].state.name`."""

    where: str
    rule: str
    message: str


class BodyValidator:
    """A response body's schema, compiled once.

    The schema may refer to `components` of its document. A `null` that the document does not allow is
    told apart from every other mismatch: documents up to 2.20 leave `nullable` out throughout, and one
    cause would otherwise hide all others. `components` is what `as_components` makes of the document, for whoever has
    many validators of it.
    """

    def __init__(self, document: Schema, schema: Schema, components: Schema | None = None) -> None:
        root = _as_json_schema(schema, openapi_30=_is_30(document))
        root = {**root, "components": as_components(document) if components is None else components}
        self._strict = Draft202012Validator(root, format_checker=_FORMAT_CHECKER)
        self._null_tolerant = _NullTolerant(root, format_checker=_FORMAT_CHECKER)

    def mismatches(self, value: Any) -> list[Mismatch]:
        """Where `value` breaks the schema, nulls left aside. Empty where it fits."""
        if self._strict.is_valid(value):
            return []
        return _sorted(islice(self._null_tolerant.iter_errors(value), _MOST))

    def nulls(self, value: Any) -> list[Mismatch]:
        """Where `value` is null although the schema has no null there."""
        if self._strict.is_valid(value):
            return []
        errors = islice(self._strict.iter_errors(value), _MOST)
        leaves = (leaf for error in errors for leaf in _leaves(error))
        return _sorted(leaf for leaf in leaves if leaf.instance is None)


def as_components(document: Schema) -> Schema:
    """The components of a document, which are most of it, in the terms of JSON Schema 2020-12."""
    found: Schema = _as_json_schema(document.get("components", {}), openapi_30=_is_30(document))
    return found


def _is_30(document: Schema) -> bool:
    return str(document.get("openapi", "")).startswith("3.0")


def _sorted(errors: Iterator[ValidationError]) -> list[Mismatch]:
    found = {Mismatch(_where(error), _rule(error), _message(error)): None for error in map(_deepest, errors)}
    return sorted(found, key=lambda mismatch: (mismatch.where, mismatch.rule))


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    if not error.context or error.instance is None:
        yield error
        return
    for inner in error.context:
        yield from _leaves(inner)


def _deepest(error: ValidationError) -> ValidationError:
    """Of the branches of an `anyOf`, the one that came furthest: what it lacked is what is wrong.

    Where a property of the value says by a word which branch is meant, the others are none that it could have fitted.
    """
    while error.context:
        others = {
            inner.relative_schema_path[0]
            for inner in error.context
            if inner.validator in ("const", "enum") and inner.relative_path
        }
        meant = [inner for inner in error.context if inner.relative_schema_path[0] not in others]
        error = min(meant or error.context, key=lambda inner: (-len(inner.absolute_path), relevance(inner)))
    return error


def _where(error: ValidationError) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    return "".join(steps).removeprefix(".") or "(the whole body)"


def _rule(error: ValidationError) -> str:
    return str(error.validator)


_LONGEST_MESSAGE = 200
"""Characters; jsonschema's messages quote the whole value."""


def _message(error: ValidationError) -> str:
    return error.message if len(error.message) <= _LONGEST_MESSAGE else f"{error.message[:_LONGEST_MESSAGE]}…"


def _tolerant(keyword: Any) -> Any:
    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if instance is not None:
            yield from keyword(validator, value, instance, schema) or ()

    return check


_NullTolerant = extend(
    Draft202012Validator, {name: _tolerant(keyword) for name, keyword in Draft202012Validator.VALIDATORS.items()}
)

_FORMAT_CHECKER = FormatChecker(formats=())
for _name, _matches in FORMATS.items():
    _FORMAT_CHECKER.checks(_name)(_matches)


def _as_json_schema(schema: Any, *, openapi_30: bool) -> Any:
    """A schema in the terms of JSON Schema 2020-12.

    Documents up to 2.20 give a tuple as a list of `items`, as older drafts did, also where they call themselves
    OpenAPI 3.1. OpenAPI 3.0 has keywords of its own: `nullable` and boolean exclusive bounds.
    """
    if isinstance(schema, list):
        return [_as_json_schema(item, openapi_30=openapi_30) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    converted = {key: _as_json_schema(value, openapi_30=openapi_30) for key, value in schema.items()}
    if isinstance(converted.get("items"), list):
        converted["prefixItems"] = converted.pop("items")
    return _without_keywords_of_30(converted) if openapi_30 else converted


def _without_keywords_of_30(converted: dict[str, Any]) -> dict[str, Any]:
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(converted.get(exclusive), bool) and converted.pop(exclusive) and bound in converted:
            converted[exclusive] = converted.pop(bound)
    if converted.get("nullable") is True:
        return {"anyOf": [{key: value for key, value in converted.items() if key != "nullable"}, {"type": "null"}]}
    return converted
