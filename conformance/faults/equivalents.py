"""Servers that say the same in another way: what no check may mind.

Each is a liberty that the documents leave to a server: JSON objects are unordered (RFC 8259, 4) and may hold more than
the contract names; the names of HTTP's header fields know no case (RFC 9110, 5.1); no rule promises a tie-breaker, the
wording of an error, or a time to answer in.
"""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import httpx

from conformance.faults.bends import Json, response
from conformance.faults.fault import Bend, Request, Response, Upstream

_PAGE: Final = 200
"""Rows that a server gives at once, at most."""

_DOCUMENT: Final = "/openapi.json"

_WORDS: Final = frozenset({"detail", "exception_message", "message", "msg"})
"""Keys of an error's body whose text is for people."""

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", re.ASCII)

_NAPS: Final = ((101, 1.0), (7, 0.1))
"""Every so many answers come so many seconds later."""


@dataclass(frozen=True)
class Equivalent:
    """A server that is as good as the real one behind it. `bend` is how it differs on the wire."""

    id: str
    title: str
    bend: Bend = field(repr=False)


def at_once(equivalents: Iterable[Equivalent]) -> Equivalent:
    """All of them in one, the first the nearest to the server."""
    chosen = tuple(equivalents)

    async def bend(request: Request, upstream: Upstream) -> Response:
        ask = upstream
        for one in chosen:
            ask = partial(_through, one.bend, ask)
        return await ask(request)

    return Equivalent("at-once", "; ".join(one.title for one in chosen), bend)


async def _through(bend: Bend, upstream: Upstream, request: Request) -> Response:
    return await bend(request, upstream)


def _json(edit: Callable[[Json], Json]) -> Bend:
    """The JSON value of any answer, whatever its status, is told in another way.

    But for the document: the order in which it names things decides which of many bad bodies are tried on a server that
    accepts some of them, and other bodies find other errors of the server's own.
    """

    def retold(request: Request, answer: Response) -> Response:
        value = _value(answer)
        return answer if value is None or request.path == _DOCUMENT else answer.with_json(edit(value))

    return response(retold)


def _value(answer: Response) -> Json:
    """The JSON that an answer is; None where it says that it is something else, if only some text of a user's."""
    types = [value for name, value in answer.headers if name.lower() == b"content-type"]
    return answer.json if any(kind.startswith(b"application/json") for kind in types) else None


def _reversed(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(value)}
    return [_reversed(item) for item in value] if isinstance(value, list) else value


def _records(value: Json, edit: Callable[[dict[str, Json]], dict[str, Json]]) -> Json:
    """The objects that the API itself describes: the answer, the rows in it, a run's state. What is in them is data."""
    if isinstance(value, list):
        return [_records(item, edit) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {
        key: _records(value[key], edit)
        for key in ("results", "state", "events")
        if isinstance(value.get(key), dict | list)
    }
    return edit({**value, **inner})


def _grown(value: Json) -> Json:
    return _records(
        value,
        lambda record: (
            {**record, "x_region": "eu-1", "x_links": {"self": None}} if {"id", "created"} <= record.keys() else record
        ),
    )


def _with_offset(value: Json) -> Json:
    def respelt(record: dict[str, Json]) -> dict[str, Json]:
        return {
            key: f"{item[:-1]}+00:00" if isinstance(item, str) and _INSTANT.fullmatch(item) else item
            for key, item in record.items()
        }

    return _records(value, respelt)


def _reworded(request: Request, answer: Response) -> Response:
    value = _value(answer)
    # What stands in a refused question for a token, Prefect's own client reads: it tells that none is needed.
    if answer.status < httpx.codes.BAD_REQUEST or value is None or request.path == "/csrf-token":
        return answer
    return answer.with_json(_other_words(value))


def _other_words(value: Json) -> Json:
    if isinstance(value, dict):
        return {
            key: "Not so." if key in _WORDS and isinstance(item, str) else _other_words(item)
            for key, item in value.items()
        }
    return [_other_words(item) for item in value] if isinstance(value, list) else value


def _spelt(_: Request, answer: Response) -> Response:
    value = _value(answer)
    if value is None:
        return answer
    try:
        return answer.with_body(json.dumps(value, indent="\t", ensure_ascii=False).encode())
    except UnicodeEncodeError:
        return answer  # half a surrogate pair can only stand there escaped


async def _ties_turned(request: Request, upstream: Upstream) -> Response:
    """Rows that are equal under the sort key stand the other way round, on all pages alike."""
    body = request.json
    collection, _, asked = request.path.strip("/").rpartition("/")
    if not (
        isinstance(body, dict) and isinstance(body.get("sort"), str) and asked in ("filter", "paginate") and collection
    ):
        return await upstream(request)
    answer = await upstream(request)
    if not answer.is_success:
        return answer
    turned = _turned(await _all_rows(request, body, upstream), body["sort"])
    shown = answer.json
    if isinstance(shown, list):
        return answer.with_json(turned[body.get("offset") or 0 :][: len(shown)])
    first = (shown["page"] - 1) * shown["limit"]
    return answer.with_json({**shown, "results": turned[first:][: len(shown["results"])]})


async def _all_rows(request: Request, body: dict[str, Json], upstream: Upstream) -> list[Json]:
    """The whole of a query's answer, page by page."""
    everything = {key: item for key, item in body.items() if key not in ("limit", "offset", "page")}
    rows: list[Json] = []
    for number in itertools.count():
        place = {"page": number + 1} if request.path.rstrip("/").endswith("paginate") else {"offset": number * _PAGE}
        shown = (await upstream(request.with_json({**everything, "limit": _PAGE, **place}))).json
        found = shown if isinstance(shown, list) else shown["results"]
        rows += found
        if len(found) < _PAGE:
            break
    return rows


def _turned(rows: list[Json], sort: str) -> list[Json]:
    """Each series of rows with one value under `sort` (`NAME_ASC`) reversed.

    Rows without one stay: some keys take another field in its place.
    """
    key = sort.lower().removesuffix("_asc").removesuffix("_desc")
    series = itertools.groupby(enumerate(rows), lambda row: _place(row[1], key, row[0]))
    return [row for _, tied in series for _, row in reversed(list(tied))]


def _place(row: Json, key: str, number: int) -> tuple[str, Any]:
    value = row.get(key) if isinstance(row, dict) else None
    return ("alone", number) if value is None else ("tied", value)


def _compressed(request: Request, answer: Response) -> Response:
    wanted = b",".join(value for name, value in request.headers if name.lower() == b"accept-encoding")
    if (
        b"gzip" not in wanted
        or not answer.body
        or any(name.lower() == b"content-encoding" for name, _ in answer.headers)
    ):
        return answer
    packed = replace(answer, headers=(*answer.headers, (b"content-encoding", b"gzip")))
    return packed.with_body(gzip.compress(answer.body, 1))


def _chunked(_: Request, answer: Response) -> Response:
    if not answer.body:
        return answer
    kept = tuple(header for header in answer.headers if header[0].lower() != b"content-length")
    return replace(answer, headers=(*kept, (b"transfer-encoding", b"chunked")))


def _shouted(_: Request, answer: Response) -> Response:
    return replace(answer, headers=tuple((name.upper(), value) for name, value in answer.headers))


def _described(_: Request, answer: Response) -> Response:
    """More headers, and the content type with the parameter that says what JSON is encoded in anyway."""
    headers = tuple(
        (
            name,
            b"application/json; charset=utf-8"
            if (name.lower(), value) == (b"content-type", b"application/json")
            else value,
        )
        for name, value in answer.headers
    )
    return replace(answer, headers=(*headers, (b"x-request-id", b"7f3c"), (b"cache-control", b"no-store")))


def _napping() -> Bend:
    answers = itertools.count(1)

    async def later(request: Request, upstream: Upstream) -> Response:
        number = next(answers)
        await asyncio.sleep(next((seconds for every, seconds in _NAPS if number % every == 0), 0))
        return await upstream(request)

    return later


EQUIVALENTS: Final = (
    Equivalent("turned-ties", "another order among equals under the sort key", _ties_turned),
    Equivalent("turned-keys", "the keys of each object in another order", _json(_reversed)),
    Equivalent("more-fields", "fields that the contract does not name", _json(_grown)),
    Equivalent("offset-for-z", "instants that end in +00:00 for Z", _json(_with_offset)),
    Equivalent("other-words", "errors in other words", response(_reworded)),
    Equivalent("spelt-json", "JSON with white space and unescaped text", response(_spelt)),
    Equivalent("described", "more headers, and a charset in the content type", response(_described)),
    Equivalent("delays", "answers that take up to a second", _napping()),
    Equivalent("gzip", "compressed bodies", response(_compressed)),
    Equivalent("chunked", "bodies in chunks, of no announced length", response(_chunked)),
    Equivalent("shouted-headers", "names of headers in capitals", response(_shouted)),
)
"""In the order in which `at_once` puts them together: what is said, how it is written, how it is sent."""
