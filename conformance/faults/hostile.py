"""Faults of the chapter on hostile values: what fails, what can't be read, and what stays though it was refused."""

from __future__ import annotations

from conformance.faults.bends import asked, on
from conformance.faults.fault import Fault, Request, Response, Upstream

_FAILED = Response.of(500, {"exception_message": "Internal Server Error"})
_REFUSED = Response.of(422, {"detail": [{"loc": ["body", "tags"], "msg": "no such tags", "type": "value_error"}]})
_MARK = "\u202e"


def _text(request: Request) -> str:
    """All that the body of the request says, its escapes resolved."""
    return repr(request.json)


async def _refuses_surrogates(request: Request, upstream: Upstream) -> Response:
    return _REFUSED if "\\ud800" in _text(request) else await upstream(request)


async def _fails_on_smileys(request: Request, upstream: Upstream) -> Response:
    return _FAILED if "\U0001f600" in _text(request) else await _refuses_surrogates(request, upstream)


async def _fails_on_marked_rows(request: Request, upstream: Upstream) -> Response:
    answer = await upstream(request)
    rows = answer.json
    marked = isinstance(rows, list) and any(_MARK in str(row.get("name")) for row in rows)
    return _FAILED if marked else answer


async def _refuses_and_creates(request: Request, upstream: Upstream) -> Response:
    await upstream(request)
    return _REFUSED if "\\x00" in _text(request) else _FAILED


async def _refuses_and_changes(request: Request, upstream: Upstream) -> Response:
    if "\\x00" not in _text(request):
        return await upstream(request)
    answer = await asked(lambda _: {"tags": ["changed"]})(request, upstream)
    # A server that was busy has changed nothing: it is asked again.
    return _REFUSED if answer.is_success else answer


FAULTS: tuple[Fault, ...] = (
    Fault(
        "smileys-fail",
        "hostile.no-server-error",
        "POST /flows/",
        "a create with a character beyond the basic plane answers 500",
        on("POST /flows/", _fails_on_smileys),
        mend=Fault(
            "surrogates-refused",
            "hostile.no-server-error",
            "POST /flows/",
            "a lone surrogate is refused",
            on("POST /flows/", _refuses_surrogates),
        ),
    ),
    Fault(
        "marked-rows-break-the-listing",
        "hostile.accepted-is-readable",
        "POST /flows/",
        "a listing fails on a row with a marked name",
        on("POST /flows/filter", _fails_on_marked_rows),
    ),
    Fault(
        "refused-is-created",
        "hostile.refused-leaves-nothing",
        "POST /flows/",
        "a refused create is carried out all the same",
        on("POST /flows/", _refuses_and_creates),
    ),
    Fault(
        "refused-is-changed",
        "hostile.refused-leaves-nothing",
        "PATCH /flows/{id}",
        "a refused change is carried out all the same",
        on("PATCH /flows/{id}", _refuses_and_changes),
    ),
)
