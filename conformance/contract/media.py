"""Media types as headers and documents write them (RFC 9110, 8.3.1)."""

from __future__ import annotations


def media_type(text: str) -> str:
    """The type that a `Content-Type` or a key of `content` names, without its parameters and in lower case."""
    return text.partition(";")[0].strip().lower()


def is_json(text: str) -> bool:
    """Whether it is JSON, or a type that is written in it (RFC 6839, 3.1)."""
    named = media_type(text)
    return named == "application/json" or named.endswith("+json")
