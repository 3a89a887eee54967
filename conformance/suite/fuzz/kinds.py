"""What kind of value a value is, in words that are the same for every random one of its kind."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from conformance.contract import Contract
from conformance.contract.formats import is_date_time
from conformance.contract.schemas import Schema
from conformance.suite.operands import NOBODY

_LONG = 1000
"""Characters from which on a text is called long."""

_HUGE = 2**31
"""Numbers from which on a number, or one below zero, is called huge."""

_YEARS: Final = (2, 9998)
"""The first year and the last one whose instants are in the calendar whatever the zone."""

_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


def kind(value: Any) -> str:
    """The kind of a JSON value, of the bytes of a body that is no JSON, or of ABSENT."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value)
    if isinstance(value, list | dict) and not value:
        return f"empty {_NAMES[type(value)]}"
    return _NAMES.get(type(value), "missing")


_NAMES: Mapping[type, str] = {
    type(None): "null",
    bool: "boolean",
    bytes: "no JSON",
    list: "array",
    dict: "object",
}


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "not finite"
    if abs(value) >= _HUGE:
        return "huge number"
    return f"{'negative ' if value < 0 else ''}{'integer' if value == int(value) else 'fraction'}"


def _text(value: str) -> str:
    traits = {
        "lone surrogate": re.search("[\ud800-\udfff]", value),
        "NUL": "\0" in value,
        "control character": re.search(r"[\x01-\x1f\x7f-\x9f]", value),
        "long text": len(value) > _LONG,
        "empty text": not value,
        "id": _UUID.fullmatch(value),
        "instant at the end of the calendar": is_date_time(value) and _at_an_end(value),
        "instant": is_date_time(value),
        "text beyond ASCII": not value.isascii(),
    }
    return next((name for name, present in traits.items() if present), "text")


def _at_an_end(instant: str) -> bool:
    return not _YEARS[0] <= int(instant[:4]) <= _YEARS[1]


def options(contract: Contract, schema: Schema) -> list[Schema]:
    """The schema itself, or the alternatives that it has."""
    resolved = contract.resolve(schema)
    alternatives = [*resolved.get("anyOf", ()), *resolved.get("oneOf", ())]
    return [option for a in alternatives for option in options(contract, a)] if alternatives else [resolved]


def plain(contract: Contract, schema: Schema, depth: int = 4) -> Any:
    """The plainest value that fits a schema; None where nothing is known of it."""
    option = options(contract, schema)[0]
    for value in (option.get("const"), *option.get("enum", ())[:1], option.get("default")):
        if value is not None:
            return value
    if option.get("type") == "object":
        return lowest(contract, option, depth)
    if option.get("type") == "array" and option.get("minItems") and depth:
        return [plain(contract, option.get("items", {}), depth - 1)]
    if option.get("type") == "string":
        formats = {"uuid": NOBODY, "date-time": "2031-05-01T12:00:00Z"}
        return formats.get(option.get("format", ""), "a" * max(1, option.get("minLength", 1)))
    number = max(1, option.get("minimum", 1))
    return {"integer": number, "number": number, "boolean": False, "array": []}.get(str(option.get("type")))


def lowest(contract: Contract, option: Schema, depth: int = 4) -> dict[str, Any]:
    """The plainest object of a schema: nothing but what it requires."""
    properties = option.get("properties", {})
    return {
        name: plain(contract, properties.get(name, {}), depth - 1) if depth else None
        for name in option.get("required", ())
    }


def fitting(contract: Contract, schema: Schema, value: Any) -> Schema:
    """Of a schema's alternatives the one that a list or an object is most likely meant for; {} where none is."""
    if isinstance(value, list):
        return next((option for option in options(contract, schema) if option.get("type") == "array"), {})
    found = [option for option in options(contract, schema) if option.get("type") == "object"]
    return max(found, key=lambda option: _likeness(contract, option, value), default={})


def _likeness(contract: Contract, option: Schema, value: dict[str, Any]) -> tuple[int, int]:
    properties = {name: contract.resolve(schema) for name, schema in option.get("properties", {}).items()}
    wrong = sum(
        ("const" in properties[name] and properties[name]["const"] != inner)
        or (isinstance(inner, str) and inner not in properties[name].get("enum", (inner,)))
        for name, inner in value.items()
        if name in properties
    ) + sum(name not in value for name in option.get("required", ()))
    return -wrong, len(value.keys() & properties.keys())
