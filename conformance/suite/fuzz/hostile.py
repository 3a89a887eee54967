"""Values that no schema rules out and that programs trip over, one at a time in a body that is legal but for it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from conformance.contract import Contract
from conformance.contract.schemas import Schema

_NESTED = 100
"""Levels of nesting: far from what a parser of JSON has to refuse, and more than anybody writes."""

_LONG = 20_000
"""Characters of a long text."""

_TEXTS: Mapping[str, str] = {
    "NUL": "\x00",
    "lone surrogate": "\ud800",
    "marks of direction": "\u202e\u200f\u2066",
    "beyond the basic plane": "\U0001f600",
    "long": "x" * _LONG,
}

_INSTANTS: Mapping[str, str] = {
    "first instant": "0001-01-01T00:00:00Z",
    "before the first instant in UTC": "0001-01-01T00:00:00+14:00",
    "after the last instant in UTC": "9999-12-31T23:59:59-14:00",
}

_INTEGERS: Mapping[str, int] = {
    "beyond 32 bits": 2**31,
    "beyond 64 bits": 2**63,
    "below 64 bits": -(2**63) - 1,
}


def values(contract: Contract, schema: Schema, unique: str) -> Iterator[tuple[str, Any]]:
    """Kind and value of what to put where `schema` stands; texts begin with `unique`, so that each is a new one.

    Nothing for a place that takes a closed set of values, or a format that leaves no room.
    """
    for option in _options(contract, schema):
        match option.get("type"):
            case "string" if option.get("format") == "date-time":
                yield from _INSTANTS.items()
            case "string" if not option.keys() & {"format", "enum", "const"}:
                yield from ((kind, unique + text) for kind, text in _TEXTS.items() if _fits(option, unique + text))
            case "integer":
                yield from _INTEGERS.items()
            case "object" if "properties" not in option:
                yield "NUL in a key", {f"{unique}\x00": 1}
                yield "lone surrogate inside", {unique: "\ud800"}
                yield "beyond 64 bits inside", {unique: 2**64}
                yield "nested", _nested(unique)
            case "array" if any(o.get("type") == "string" for o in _options(contract, option.get("items") or {})):
                yield "NUL in an element", [f"{unique}\x00"]
                yield "lone surrogate in an element", [f"{unique}\ud800"]


def twice(body: Mapping[str, Any]) -> bytes:
    """The body with each of its keys twice."""
    members = ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in body.items())
    return f"{{{members}, {members}}}".encode()


def _fits(schema: Schema, text: str) -> bool:
    return len(text) <= schema.get("maxLength", len(text)) and re.search(schema.get("pattern", ""), text) is not None


def _options(contract: Contract, schema: Schema) -> Iterator[Schema]:
    """The schema itself, or the alternatives that it has."""
    resolved = contract.resolve(schema)
    alternatives = [*resolved.get("anyOf", ()), *resolved.get("oneOf", ())]
    # Older generations wrap a reference that has a description.
    if len(resolved.get("allOf", ())) == 1:
        alternatives += resolved["allOf"]
    if not alternatives:
        yield resolved
    for alternative in alternatives:
        yield from _options(contract, alternative)


def _nested(unique: str) -> dict[str, Any]:
    value: Any = 1
    for _ in range(_NESTED):
        value = {unique: value}
    return {unique: value}
