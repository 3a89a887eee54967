"""Faults in the events that a server emits of its own accord."""

from __future__ import annotations

from collections.abc import Callable

from conformance.faults.bends import Json, answered, on
from conformance.faults.fault import Bend, Fault, Request, Response, Upstream

_QUERY = "POST /events/filter"


def _without(ends: Callable[[Json], bool]) -> Bend:
    """Some events are not told."""
    return _told(lambda events: [event for event in events if not ends(event)])


def _told(edit: Callable[[list[Json]], list[Json]]) -> Bend:
    return on(_QUERY, answered(lambda page: {**page, "events": edit(page["events"])}))


def _is(event: Json, *names: str) -> bool:
    return event["event"] in names


def _turned(event: Json) -> Json:
    updates = event["payload"].get("updates")
    if not updates:
        return event
    turned = {field: {"from": was["to"], "to": was["from"]} for field, was in updates.items()}
    return {**event, "payload": {**event["payload"], "updates": turned}}


def _of_another(event: Json) -> Json:
    updates = event["payload"].get("updates")
    if not updates:
        return event
    others = {field: {**was, "from": "of another one"} for field, was in updates.items()}
    return {**event, "payload": {**event["payload"], "updates": others}}


def _as_status(events: list[Json]) -> list[Json]:
    """After a change of a queue, its status is told once more."""
    changed = [event for event in events if _is(event, "prefect.work-queue.updated")]
    return [*events, *({**event, "event": "prefect.work-queue.paused"} for event in changed)]


def _one_latest_less(events: list[Json]) -> list[Json]:
    """Of two events that an artifact collection was updated, the first."""
    updated = [event for event in events if _is(event, "prefect.artifact-collection.updated")]
    return [event for event in events if event not in updated[1:]]


class _InClear:
    """The data of a change of a block document are in its event as they were sent."""

    def __init__(self) -> None:
        self._sent: dict[str, Json] = {}

    async def __call__(self, request: Request, upstream: Upstream) -> Response:
        """The bend."""
        collection, _, id_ = request.path.strip("/").partition("/")
        if request.method == "PATCH" and collection == "block_documents":
            self._sent[f"prefect.block-document.{id_}"] = request.json.get("data")
        answer = await upstream(request)
        if f"{request.method} {request.path}" != _QUERY or not answer.is_success:
            return answer
        page = answer.json
        return answer.with_json({**page, "events": [self._clear(event) for event in page["events"]]})

    def _clear(self, event: Json) -> Json:
        sent = self._sent.get(event["resource"]["prefect.resource.id"])
        if sent is None or not _is(event, "prefect.block-document.updated"):
            return event
        return {**event, "payload": {**event["payload"], "data": sent}}


FAULTS = (
    Fault(
        "changes-untold",
        "emitted.lifecycle",
        "flows",
        "changes are not told in events",
        _without(lambda event: _is(event, "prefect.flow.updated")),
    ),
    Fault(
        "told-twice",
        "emitted.lifecycle",
        "deployments",
        "each event is told twice",
        _told(lambda events: [event for event in events for _ in range(2)]),
    ),
    Fault(
        "latest-untold",
        "emitted.artifact-collection",
        "artifacts",
        "the deletion of the latest artifact is not told",
        _told(_one_latest_less),
    ),
    Fault(
        "was-is-turned",
        "emitted.updates",
        "work_pools",
        "an event has what a field was and what it is the wrong way round",
        _told(lambda events: list(map(_turned, events))),
    ),
    Fault(
        "was-of-another",
        "emitted.updates-upsert",
        "POST /deployments/",
        "an event has another deployment's former description",
        _told(lambda events: list(map(_of_another, events))),
    ),
    Fault(
        "status-without-change",
        "emitted.status",
        "work_pools/queues",
        "a change that leaves the status is told as a status",
        _told(_as_status),
    ),
    Fault(
        "pause-untold",
        "emitted.status",
        "work_pools",
        "a pause of a pool is told nobody",
        _without(lambda event: _is(event, "prefect.work-pool.paused")),
    ),
    Fault(
        "first-state-untold",
        "emitted.flow-run",
        "flow_runs",
        "the first state of a run is not told",
        _without(lambda event: _is(event, "prefect.flow-run.Pending")),
    ),
    Fault(
        "secret-told",
        "emitted.no-secret",
        "block_documents",
        "the event of a change has the new data in clear",
        _InClear(),
    ),
)
