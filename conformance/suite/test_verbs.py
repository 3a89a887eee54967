"""Verbs: what GET, PUT, PATCH, DELETE and POST do to the members of a collection."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import httpx

from conformance.contract import Contract, Operation
from conformance.contract.collections import shape
from conformance.resources import RESOURCES, Made, Record, Resource
from conformance.suite.calls import call, resource_of, without
from conformance.suite.check import check
from conformance.suite.operands import NOBODY
from conformance.suite.outcome import CouldNotRun, NotApplicable, Violation, differences, require_equal
from conformance.suite.shown import require_shown
from conformance.suite.subjects import with_method
from conformance.target import Client
from conformance.world import NOT_THERE, SeedingError, World

_TOUCHED = frozenset({"updated"})
"""When a member was last changed: metadata of the change, not part of what was changed."""

_TOKENS = frozenset({"GET /csrf-token"})
"""Operations whose purpose is a new answer each time."""


def creating(contract: Contract) -> Mapping[str, Resource]:
    """The `POST /collection` of every collection that the suite can make members of."""
    return {
        label: resource
        for resource in RESOURCES.values()
        if (label := resource.creates or "") in contract.operations and label.startswith("POST ")
    }


# GET


@check("verbs.get-idempotent", on=with_method("GET"))
def test_get_is_idempotent(subject: Operation, client: Client, world: World) -> None:
    first, second = _read_twice(subject, client, world, body=None)
    _require_same_answer("the second GET answers otherwise", subject, first, second)


@check("verbs.get-ignores-body", on=with_method("GET"))
def test_get_ignores_a_body(subject: Operation, client: Client, world: World) -> None:
    body = {"limit": 1, "offset": 1000, "flows": {"id": {"any_": []}}}
    first, second = _read_twice(subject, client, world, body)
    _require_same_answer("the GET with a body answers otherwise", subject, first, second)


@check("verbs.get-by-id", on=with_method("GET"))
def test_get_by_id_gets_that_member(subject: Operation, contract: Contract, client: Client, world: World) -> None:
    resource = resource_of(subject)
    if resource is None or not _addresses_a_member(subject, contract):
        raise NotApplicable("not-a-member")
    made = world.shared(resource.name)
    response = call(subject, world, made).send(client)
    if not response.is_success:
        raise Violation("a member that exists is not found", expected="2xx", observed=_answer(response))
    if "id" in made.record and "json" in response.headers.get("content-type", ""):
        require_equal("the member", {"id": made.record["id"]}, {"id": response.json().get("id")})
    nobody = subject.fill(dict.fromkeys(subject.placeholders, NOBODY))
    response = client.request("GET", nobody)
    if response.status_code != httpx.codes.NOT_FOUND:
        raise Violation("a member that does not exist is found", expected=404, observed=_answer(response))


_READINGS = 5
"""Pairs of reads. Somebody else may change what is read between the two; what a GET changes differs each time."""


def _read_twice(operation: Operation, client: Client, world: World, body: Any) -> tuple[httpx.Response, httpx.Response]:
    if operation.label in _TOKENS:
        raise NotApplicable("volatile")
    asked = call(operation, world)
    clock = _clock(operation)
    for _ in range(_READINGS):
        first = asked.send(client)
        if not first.is_success:
            raise CouldNotRun(f"{operation.label} answers {first.status_code} to begin with: {first.text[:200]}")
        second = asked.send(client, body)
        if second.is_success and not differences(*(without(clock, _decoded(r)) for r in (first, second))):
            break
    return first, second


def _require_same_answer(summary: str, operation: Operation, first: httpx.Response, second: httpx.Response) -> None:
    if first.status_code != second.status_code:
        raise Violation(summary, expected=first.status_code, observed=_answer(second))
    clock = _clock(operation)
    require_equal(summary, *(without(clock, _decoded(response)) for response in (first, second)))


def _clock(operation: Operation) -> frozenset[str]:
    """The fields of the operation's answer that may differ between two reads of what nobody changed."""
    resource = resource_of(operation)
    return resource.clock if resource else frozenset()


# PUT


@check("verbs.put-idempotent", on=with_method("PUT"))
def test_put_is_idempotent(subject: Operation, client: Client, world: World) -> None:
    resource, made, body = _replacing(subject, world)
    states = []
    for _ in range(2):
        response = client.request("PUT", _put_path(subject, resource, made), body)
        _require_success(response, "PUT")
        states.append(_state(resource, world, made))
    require_equal("the second PUT changed the member once more", *states)


@check("verbs.put-replaces", on=with_method("PUT"))
def test_put_replaces(subject: Operation, client: Client, world: World) -> None:
    resource, made, body = _replacing(subject, world)
    _require_success(client.request("PUT", _put_path(subject, resource, made), body), "PUT")
    require_shown("the member after PUT", resource, body, _state(resource, world, made))


@check("verbs.put-creates", on=with_method("PUT"))
def test_put_to_a_new_id_creates(subject: Operation, client: Client, world: World) -> None:
    if not subject.placeholders:
        raise NotApplicable("no-id")
    _, _, body = _replacing(subject, world)
    path = subject.fill(dict.fromkeys(subject.placeholders, NOBODY))
    response = client.request("PUT", path, body)
    if not response.is_success:
        raise Violation("PUT to a new id does not create", expected="2xx", observed=_answer(response))
    found = client.request("GET", path)
    if not found.is_success:
        raise Violation("what PUT created can't be read", expected="2xx", observed=_answer(found))


def _replacing(operation: Operation, world: World) -> tuple[Resource, Made, Any]:
    resource = next((r for r in RESOURCES.values() if r.replaces == operation.label), None)
    if resource is None or resource.replacement is None:
        raise CouldNotRun(f"the suite knows no body for {operation.label}")
    _leave_shared_settings_alone(resource, world)
    made = world.victim(resource.name)
    return resource, made, resource.replacement(world.workshop, made)


def _put_path(operation: Operation, resource: Resource, made: Made) -> str:
    return operation.fill(resource.fill(operation.label, made)) if operation.placeholders else operation.path


# DELETE


@check("verbs.delete-idempotent", on=with_method("DELETE"))
def test_delete_is_idempotent(subject: Operation, client: Client, world: World) -> None:
    resource, made = _doomed(subject, world)
    delete = call(subject, world, made)
    _require_success(delete.send(client), "DELETE")
    before = _gone(resource, client, world, made)
    second = delete.send(client)
    if not second.is_success and second.status_code not in NOT_THERE:
        raise Violation("the second DELETE fails", expected="2xx, 404 or 410", observed=_answer(second))
    require_equal("what a GET answers after the second DELETE", before, _gone(resource, client, world, made))


@check("verbs.delete-removes", on=with_method("DELETE"))
def test_delete_removes_that_member_only(subject: Operation, client: Client, world: World) -> None:
    resource, made = _doomed(subject, world)
    if resource.reads is None or not world.workshop.has(resource.reads):
        raise NotApplicable("unreadable")
    other = None if resource.singleton else world.victim(resource.name)
    _require_success(call(subject, world, made).send(client), "DELETE")
    status = _gone(resource, client, world, made)
    if resource.singleton:
        empty = _state(resource, world, made)
        require_equal("the setting after DELETE", dict.fromkeys(made.sent), {k: empty.get(k) for k in made.sent})
    elif status != httpx.codes.NOT_FOUND:
        raise Violation("the member is still there after DELETE", expected=404, observed=status)
    if other is not None and (left := _gone(resource, client, world, other)) != httpx.codes.OK:
        raise Violation("another member went with it", expected=200, observed=left)


_PATIENCE = 5.0
"""Seconds that a deletion may take which the server only accepts (202)."""


def _doomed(operation: Operation, world: World) -> tuple[Resource, Made]:
    resource = resource_of(operation) or next((r for r in RESOURCES.values() if r.destroys == operation.label), None)
    if resource is None:
        raise CouldNotRun(f"the suite knows no member for {operation.path}")
    _leave_shared_settings_alone(resource, world)
    return resource, world.victim(resource.name)


def _gone(resource: Resource, client: Client, world: World, made: Made) -> int | None:
    """The status that reading the member answers; None where it can't be read singly."""
    if resource.reads is None or not world.workshop.has(resource.reads):
        return None
    read = call(world.workshop.contract.operations[resource.reads], world, made)
    deadline = time.monotonic() + (_PATIENCE if _accepted(client) else 0)
    while (status := read.send(client).status_code) == httpx.codes.OK and time.monotonic() < deadline:
        time.sleep(0.1)
    return status


def _accepted(client: Client) -> bool:
    """Whether the latest answer was 202: done later."""
    exchanges = client.journal.exchanges
    return bool(exchanges) and exchanges[-1].status == httpx.codes.ACCEPTED


# PATCH


@check("verbs.patch-partial", on=with_method("PATCH"))
def test_patch_changes_what_it_names(subject: Operation, client: Client, world: World) -> None:
    resource = resource_of(subject)
    if resource is None:
        raise CouldNotRun(f"the suite knows no member for {subject.path}")
    made = world.victim(resource.name)
    field = subject.segments[-1]
    if not field.startswith("{"):
        _patch_part(subject, resource, made, field, client, world)
        return
    documented = world.workshop.contract.body_properties(subject.label)
    names = [name for name in resource.patches if name in documented]
    if not names:
        raise CouldNotRun(f"the suite knows no field that {subject.label} changes")
    for name in names:
        before = _state(resource, world, made)
        value = resource.patch(world.workshop, name, before)
        _require_success(call(subject, world, made).send(client, {name: value}), f"PATCH of {name}")
        try:
            made = resource.read_back(world.workshop, made, {name: value})
            after = _state(resource, world, made)
        except SeedingError as error:  # what was patched is what finds it
            raise Violation(f"the member can't be read after the PATCH of {name}", observed=str(error)) from error
        require_shown(f"{name} after PATCH", resource, {name: value}, after)
        left_out = {name, *resource.moves.get(name, ())}
        _require_unchanged(f"the PATCH of {name} changed other fields", before, after, left_out)


def _patch_part(operation: Operation, resource: Resource, made: Made, field: str, client: Client, world: World) -> None:
    """`PATCH /flow_runs/{id}/labels` names keys of one field: the other keys of it stay, and all other fields."""
    before = _state(resource, world, made)
    _require_success(call(operation, world, made).send(client, {"colour": "red"}), "PATCH")
    after = _state(resource, world, made)
    require_equal(f"{field} after PATCH", {**(before.get(field) or {}), "colour": "red"}, after.get(field))
    _require_unchanged(f"the PATCH of {field} changed other fields", before, after, {field})


def _require_unchanged(summary: str, before: Record, after: Record, changed: set[str]) -> None:
    kept = frozenset(changed)
    require_equal(summary, *({k: v for k, v in record.items() if k not in kept} for record in (before, after)))


# POST


@check("verbs.post-creates", on=creating)
def test_post_creates(subject: Resource, client: Client, world: World) -> None:
    if not _readable(subject, world):
        raise NotApplicable("unreadable")
    create = world.workshop.contract.operations[subject.creates or ""]
    if subject.maker is not None:
        made = world.victim(subject.name)
        require_shown("what was created", subject, made.sent, _state(subject, world, made))
        return
    sent = subject.body(world.workshop)
    response = client.request("POST", create.path, sent)
    _require_success(response, "POST")
    record = _decoded(response)
    if not isinstance(record, dict) or not record.get("id"):
        raise Violation("the answer to POST has no id", expected={"id": "…"}, observed=_answer(response))
    made = Made(subject.name, record, subject.addressed(world.workshop, sent), sent)
    found = call(world.workshop.contract.operations[subject.reads or ""], world, made).send(client)
    if not found.is_success:
        raise Violation("what was created can't be read by its id", expected="2xx", observed=_answer(found))
    require_equal("the id", record["id"], found.json().get("id"))
    require_shown("what was created", subject, sent, found.json())


# JSON that nobody calls so

_UNDECLARED = {
    "POST /flows/": "flows",
    "POST /flows/filter": "flows",
    "PATCH /flows/{id}": "flows",
    "PUT /automations/{id}": "automations",
}


def undeclared(contract: Contract) -> Mapping[str, tuple[Operation, Resource]]:
    """An operation of each method that has a body, and a query; with the collection that it is about."""
    return {
        label: (contract.operations[label], RESOURCES[collection])
        for label, collection in _UNDECLARED.items()
        if label in contract.operations
    }


@check("verbs.undeclared-json", on=undeclared)
def test_json_is_read_without_a_content_type(subject: tuple[Operation, Resource], client: Client, world: World) -> None:
    operation, resource = subject
    made = world.victim(resource.name)
    body, wanted = _undeclared(operation, resource, made, world)
    response = client.request(operation.method, call(operation, world, made).path, body, declared=False)
    _require_success(response, f"{operation.method} without a Content-Type")
    answer = _decoded(response) or resource.read_back(world.workshop, made).record
    rows = answer if isinstance(answer, list) else [answer]
    observed = [{name: row[name] for name in wanted} for row in rows]
    require_equal("what came of a body without a Content-Type", [wanted], observed)


def _undeclared(operation: Operation, resource: Resource, made: Made, world: World) -> tuple[Record, Record]:
    """A body for the operation, and what the record that comes of it or is found by it has."""
    match operation.method:
        case "PUT":
            assert resource.replacement is not None
            body = resource.replacement(world.workshop, made)
            return body, {"description": body["description"]}
        case "PATCH":
            return {"tags": ["undeclared"]}, {"tags": ["undeclared"]}
        case _ if operation.path.endswith("/filter"):
            return {"flows": {"id": {"any_": [made.record["id"]]}}}, {"id": made.record["id"]}
        case _:
            body = resource.body(world.workshop)
            return body, {"name": body["name"]}


# Common


def _leave_shared_settings_alone(resource: Resource, world: World) -> None:
    if resource.singleton and not world.exclusive:
        raise NotApplicable("shared-server")


def _addresses_a_member(operation: Operation, contract: Contract) -> bool:
    parent, _, last = shape(operation.path).rpartition("/")
    return last == "{}" and parent in contract.collections


def _readable(resource: Resource, world: World) -> bool:
    """Whether a member can be read: singly, or in a list that its collection's module finds it in."""
    return world.workshop.has(resource.reads) if resource.reads else resource.finder is not None


def _state(resource: Resource, world: World, made: Made) -> Record:
    """The member as the server shows it now, without the time of the last change and what the clock moves."""
    if not _readable(resource, world):
        raise NotApplicable("unreadable")
    record: Record = without(resource.clock | _TOUCHED, resource.read_back(world.workshop, made).record)
    return record


def _require_success(response: httpx.Response, what: str) -> None:
    if not response.is_success:
        raise Violation(f"a legal {what} is refused", expected="2xx", observed=_answer(response))


def _decoded(response: httpx.Response) -> Any:
    if not response.content:
        return None
    return response.json() if "json" in response.headers.get("content-type", "") else response.text


def _answer(response: httpx.Response) -> dict[str, Any]:
    return {"status": response.status_code, "body": response.text[:400]}
