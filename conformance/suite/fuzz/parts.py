"""A request taken apart, so that each part can be exchanged by itself, and put together again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from conformance.contract import Operation

Request = tuple[str, str, bytes, Mapping[str, str]]
"""Method, URL, body, headers."""

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


class _Absent:
    def __repr__(self) -> str:
        return "(absent)"


ABSENT: Final = _Absent()
"""Stands where there is no value, which null is one of."""


@dataclass(frozen=True)
class Parts:
    """What fills the path, the query, and the decoded body: `bytes` for one that is no JSON, ABSENT for none."""

    path: Mapping[str, str]
    query: Mapping[str, tuple[str, ...]]
    body: Any = ABSENT


def taken_apart(operation: Operation, base_url: str, url: str, content: bytes) -> Parts:
    """The parts of a request with `operation`. What is missing in the path is left out."""
    split = urlsplit(url)
    fixed = _PLACEHOLDER.split(operation.path)
    pattern = "([^/]*)".join(map(re.escape, fixed[::2]))
    match = re.fullmatch(pattern, split.path.removeprefix(urlsplit(base_url).path))
    values = match.groups() if match else ()
    query: dict[str, tuple[str, ...]] = {}
    for name, value in parse_qsl(split.query, keep_blank_values=True, errors="surrogateescape"):
        query[name] = (*query.get(name, ()), value)
    path = {name: unquote(value, errors="surrogateescape") for name, value in zip(fixed[1::2], values, strict=False)}
    return Parts(path, query, _decoded(content))


def put_together(operation: Operation, base_url: str, parts: Parts) -> Request:
    """The request that has these parts."""
    path = _PLACEHOLDER.sub(
        lambda match: quote(parts.path.get(match[1], ""), safe="", errors="surrogateescape"), operation.path
    )
    query = urlencode(parts.query, doseq=True, errors="surrogateescape")
    if parts.body is ABSENT:
        content = b""
    else:
        content = parts.body if isinstance(parts.body, bytes) else json.dumps(parts.body).encode()
    headers = {"content-type": "application/json"} if content else {}
    return operation.method, f"{base_url}{path}{'?' if query else ''}{query}", content, headers


def _decoded(content: bytes) -> Any:
    if not content:
        return ABSENT
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content
