"""Faults that no single step shows: they need a history."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from conformance.faults.bends import Json, operand, read, read_by
from conformance.faults.fault import Bend, Fault, Request, Response, Upstream

_CRASH = Response.of(500, {"exception_message": "Internal Server Error"})


@dataclass
class _History:
    """What became of the members of one collection, as requests through the proxy tell.

    `returned`: those who were deleted before the latest create.
    """

    collection: str
    patched: list[str] = field(default_factory=list)
    deleted: dict[str, Json] = field(default_factory=dict)
    created: dict[str, Json] = field(default_factory=dict)
    returned: set[str] = field(default_factory=set)

    def member(self, request: Request) -> str | None:
        """The id of the member that a path ends at, None for any other path."""
        head, _, last = request.path.rpartition("/")
        return last if head == f"/{self.collection}" and last not in ("", "filter", "count") else None

    async def told(self, request: Request, upstream: Upstream) -> Response:
        """Ask the real server, and keep what comes of it."""
        id_ = self.member(request)
        before = await read(request.path, upstream) if request.method == "DELETE" and id_ else None
        answer = await upstream(request)
        if not answer.is_success:
            return answer
        if request.method == "PATCH" and id_:
            self.patched.append(id_)
        elif request.method == "DELETE" and id_:
            self.deleted[id_] = before
        elif (request.method, request.path) == ("POST", f"/{self.collection}/"):
            self.created.setdefault(answer.json["id"], answer.json)
            self.returned |= self.deleted.keys()
        return answer

    def asked(self, request: Request, query: str) -> list[str]:
        """The ids that a query is about; none where it is another request."""
        if (request.method, request.path) != ("POST", f"/{self.collection}/{query}"):
            return []
        return operand(request.json, f"{self.collection}.id.any_") or []


Bending = Callable[[_History, Request, Upstream], Awaitable[Response]]


def _of(collection: str, bend: Bending) -> Bend:
    """A bend that knows what was done to the members of one collection."""
    history = _History(collection)

    async def remember(request: Request, upstream: Upstream) -> Response:
        return await bend(history, request, upstream)

    return remember


def _patches(history: _History, request: Request) -> str | None:
    """The id of the member that a request patches."""
    return history.member(request) if request.method == "PATCH" else None


# A step after others


async def _fails_the_second_patch(history: _History, request: Request, upstream: Upstream) -> Response:
    if _patches(history, request) in history.patched:
        return _CRASH
    return await history.told(request, upstream)


async def _loses_the_second_patch(history: _History, request: Request, upstream: Upstream) -> Response:
    if _patches(history, request) in history.patched:
        return Response(204)
    return await history.told(request, upstream)


def _never_free(collection: str) -> Bend:
    """A name that a deleted member had is taken for ever."""

    async def refuse(history: _History, request: Request, upstream: Upstream) -> Response:
        names = {record["name"] for record in history.deleted.values() if record}
        if (request.method, request.path) == ("POST", f"/{collection}/") and request.json["name"] in names:
            return Response.of(409, {"detail": "the name is taken"})
        return await history.told(request, upstream)

    return _of(collection, refuse)


# Others


async def _patches_the_one_before(history: _History, request: Request, upstream: Upstream) -> Response:
    before = next((id_ for id_ in reversed(history.patched) if id_ != _patches(history, request)), None)
    answer = await history.told(request, upstream)
    if _patches(history, request) and before is not None and before not in history.deleted:
        fields = {key: value for key, value in request.json.items() if key != "name"}
        await upstream(Request("PATCH", f"/{history.collection}/{before}").with_json(fields))
    return answer


async def _resumes_what_is_patched(request: Request, upstream: Upstream) -> Response:
    answer = await upstream(request)
    head, _, last = request.path.rpartition("/")
    if request.method == "PATCH" and head == "/deployments" and "paused" not in request.json:
        await upstream(Request("POST", f"/deployments/{last}/resume_deployment"))
    return answer


# Those who are gone


async def _returns_with_the_next(history: _History, request: Request, upstream: Upstream) -> Response:
    """Those who were deleted are listed again from the next create on."""
    answer = await history.told(request, upstream)
    asked = history.asked(request, "filter")
    if not asked or not answer.is_success:
        return answer
    ghosts = [history.deleted[id_] for id_ in asked if id_ in history.returned and history.deleted[id_]]
    return answer.with_json([*answer.json, *ghosts])


# Queries


async def _filters_by_the_first_state(history: _History, request: Request, upstream: Upstream) -> Response:
    answer = await history.told(request, upstream)
    types = operand(request.json, "flow_runs.state.type.any_")
    if not history.asked(request, "filter") or types is None:
        return answer
    body = request.json
    own = {key: value for key, value in body["flow_runs"].items() if key != "state"}
    rows = await read_by(request.path, {**body, "flow_runs": own}, upstream)
    return answer.with_json([row for row in rows if history.created[row["id"]]["state_type"] in types])


async def _counts_what_was_patched(history: _History, request: Request, upstream: Upstream) -> Response:
    """A member that was patched before it was deleted is counted for ever."""
    answer = await history.told(request, upstream)
    stale = {*history.patched} & {*history.deleted} & {*history.asked(request, "count")}
    return answer.with_json(answer.json + len(stale)) if stale else answer


_RUNS = "flows, flow_runs, task_runs"
_DEPLOYMENTS = "flows, deployments, deployments/schedules, flow_runs"

FAULTS = (
    Fault(
        "second-patch-fails",
        "stateful.answered",
        _RUNS,
        "the second PATCH of a flow run answers 500",
        _of("flow_runs", _fails_the_second_patch),
    ),
    Fault(
        "name-is-never-free",
        "stateful.answered",
        "variables",
        "the name of a deleted variable is taken for ever",
        _never_free("variables"),
    ),
    Fault(
        "second-patch-is-lost",
        "stateful.visible",
        "variables",
        "the second PATCH of a variable is lost",
        _of("variables", _loses_the_second_patch),
    ),
    Fault(
        "patch-reaches-another",
        "stateful.others",
        "variables",
        "a PATCH of a variable also changes the one that was patched before",
        _of("variables", _patches_the_one_before),
    ),
    Fault(
        "patch-resumes",
        "stateful.others",
        _DEPLOYMENTS,
        "a PATCH of a paused deployment resumes it",
        _resumes_what_is_patched,
    ),
    Fault(
        "gone-comes-back",
        "stateful.gone",
        "variables",
        "a deleted variable is listed again when another one is created",
        _of("variables", _returns_with_the_next),
    ),
    Fault(
        "filter-is-stale",
        "stateful.filter",
        _RUNS,
        "a filter of flow runs by the type of state goes by the first state of each run",
        _of("flow_runs", _filters_by_the_first_state),
    ),
    Fault(
        "count-is-stale",
        "stateful.count",
        "variables",
        "POST /variables/count counts a deleted variable that was patched before",
        _of("variables", _counts_what_was_patched),
    ),
)
