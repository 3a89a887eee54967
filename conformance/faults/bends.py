"""The parts that faults are put together from: which exchanges they touch, and what they do to them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from conformance.faults.fault import Bend, Request, Response, Upstream

Json = Any


def on(operation: str, bend: Bend) -> Bend:
    """`bend` for the requests of one operation (`GET /flows/{id}`), whose placeholders take any segment."""
    method, _, path = operation.partition(" ")

    async def where_it_fits(request: Request, upstream: Upstream) -> Response:
        touched = request.method == method and _pattern(path).fullmatch(request.path)
        return await (bend(request, upstream) if touched else upstream(request))

    return where_it_fits


def where_it_can(bend: Bend) -> Bend:
    """`bend`, but for what it fails at: then the server's last answer to it, or to the request, is the answer."""

    async def bend_or_leave(request: Request, upstream: Upstream) -> Response:
        given: list[Response] = []
        trouble: list[Exception] = []

        async def ask(asked: Request) -> Response:
            try:
                given.append(await upstream(asked))
            except Exception as error:
                trouble.append(error)
                raise
            return given[-1]

        try:
            return await bend(request, ask)
        except Exception:
            if trouble:
                raise  # not the bend has failed
            return given[-1] if given else await upstream(request)

    return bend_or_leave


def sent(edit: Callable[[Request], Request]) -> Bend:
    """The server is asked something else."""

    async def ask_otherwise(request: Request, upstream: Upstream) -> Response:
        return await upstream(edit(request))

    return ask_otherwise


def asked(edit: Callable[[Json], Json]) -> Bend:
    """The JSON object in the body of the request is another. One that is none is left as it is."""

    def edited(request: Request) -> Request:
        body = request.json
        if not isinstance(body, dict):
            return request
        other = edit(body)
        return request if other == body else request.with_json(other)

    return sent(edited)


def response(edit: Callable[[Request, Response], Response]) -> Bend:
    """The answer is another, whatever its status."""

    async def answer_otherwise(request: Request, upstream: Upstream) -> Response:
        return edit(request, await upstream(request))

    return answer_otherwise


def answered(edit: Callable[[Json], Json]) -> Bend:
    """The JSON value of a 2xx answer is another."""
    return told(lambda _, value: edit(value))


def told(edit: Callable[[Json, Json], Json]) -> Bend:
    """The JSON value of a 2xx answer is another, depending on the body of the request (an empty object for none)."""

    async def answer_otherwise(request: Request, upstream: Upstream) -> Response:
        answer = await upstream(request)
        if not answer.is_success or (value := answer.json) is None:
            return answer
        body = request.json
        return answer.with_json(edit(body if isinstance(body, dict) else {}, value))

    return answer_otherwise


def status(before: int, after: Response) -> Bend:
    """Where the server answers the status `before`, it answers `after`."""
    return response(lambda _, answer: after if answer.status == before else answer)


def instead(answer: Response) -> Bend:
    """The server is not asked at all."""

    async def answer_at_once(request: Request, upstream: Upstream) -> Response:
        return answer

    return answer_at_once


async def read(path: str, upstream: Upstream) -> Json:
    """What the server shows at `path` now, None where it shows nothing."""
    answer = await upstream(Request("GET", path))
    return answer.json if answer.is_success else None


async def read_by(path: str, body: Json, upstream: Upstream) -> Json:
    """What the server answers to a query at `path`, None where it refuses it."""
    answer = await upstream(Request("POST", path).with_json(body))
    return answer.json if answer.is_success else None


def operand(body: Json, cell: str) -> Json:
    """What a query's body has at a place in its filter (`flows.name.like_`), None where it has nothing there."""
    node = body
    for step in cell.split("."):
        node = node.get(step) if isinstance(node, dict) else None
    return node


@cache
def _pattern(path: str) -> re.Pattern[str]:
    fixed = re.split(r"\{[^{}]*\}", path)
    return re.compile("[^/]+".join(map(re.escape, fixed)))
