"""Lifecycles: a member is created, met everywhere, created again, changed, deleted, and met nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import httpx

from conformance.contract import Contract, Operation
from conformance.oracle.operators import instant
from conformance.resources import RESOURCES, Made, Record, Resource
from conformance.suite import references
from conformance.suite.bulk_deletion import bulks, require_bulk_delete
from conformance.suite.calls import call, resource_of, without
from conformance.suite.check import check
from conformance.suite.living import (
    addresses_by,
    again,
    answering,
    bonds,
    changeable,
    keyed,
    listed,
    named_within,
    on_a_member,
    patchable,
    renamable,
    renaming,
    shown_and_changed,
    with_addresses,
    with_addresses_to_lose,
    with_lists_to_leave,
    with_names_to_free,
)
from conformance.suite.locations import require_leads_to_member
from conformance.suite.members import Address, Bond, addresses, counted, listings, narrowed, shown
from conformance.suite.outcome import CouldNotRun, NotApplicable, Violation, require_equal
from conformance.suite.shown import require_shown
from conformance.target import Client
from conformance.world import NOT_THERE, SeedingError, World

_TOUCHED = frozenset({"updated"})
"""When a member was last changed."""

_MOST_PATCHES = 2
"""Fields that are patched in one life."""


# Creation


@check("lifecycles.create-answers", on=answering)
def test_create_answers_with_the_member(subject: Resource, contract: Contract, client: Client, world: World) -> None:
    made = world.victim(subject.name)
    exchanges = [e for e in client.journal.exchanges if e.operation == subject.creates]
    answer = json.loads(exchanges[-1].response_body)
    if isinstance(answer, list):
        (answer,) = answer  # some operations take a list of new members; the suite sends one
    operation = contract.operations[subject.creates or ""]
    _require_alike("what the create answered", subject, _part(made.record, shown(contract, operation)), answer)


@check("lifecycles.location", on=answering)
def test_location_leads_to_the_member(subject: Resource, client: Client, world: World) -> None:
    world.victim(subject.name)
    created = [e for e in client.journal.exchanges if e.operation == subject.creates]
    require_leads_to_member(subject, client, created[-1])


@check("lifecycles.read-alike", on=with_addresses)
def test_every_address_reads_the_same(subject: Resource, contract: Contract, client: Client, world: World) -> None:
    _require_read_alike(subject, contract, client, world.victim(subject.name))


@check("lifecycles.listed", on=listed)
def test_lists_show_the_member(subject: Resource, contract: Contract, client: Client, world: World) -> None:
    _require_listed(subject, contract, client, world.victim(subject.name))


# The same again


@check("lifecycles.again-returns", on=again("returns"))
def test_create_again_returns_the_member(subject: Resource, client: Client, world: World) -> None:
    made = world.victim(subject.name)
    answer = _require_same_member(subject, made, _create_again(subject, client, world, made))
    _require_alike(
        "the member after the second create", subject, made.record, _now(subject, world, made).record, _TOUCHED
    )
    _require_alike("what the second create answered", subject, made.record, answer, _TOUCHED)


@check("lifecycles.again-updates", on=again("updates"))
def test_create_again_updates_the_member(subject: Resource, client: Client, world: World) -> None:
    made = world.victim(subject.name)
    sent = _otherwise(subject, world, made)
    _require_same_member(subject, made, _create_again(subject, client, world, made))
    require_shown("the member after the second create", subject, sent, _now(subject, world, made).record)


@check("lifecycles.again-conflicts", on=again("conflicts"))
def test_create_again_conflicts(subject: Resource, client: Client, world: World) -> None:
    made = world.victim(subject.name)
    response = _create_again(subject, client, world, made)
    if response.status_code != httpx.codes.CONFLICT:
        raise Violation("a second member of the same identity is not refused", expected=409, observed=_answer(response))
    _require_alike("the member after the second create", subject, made.record, _now(subject, world, made).record)


@check("lifecycles.again-is-one", on=again(None))
def test_create_again_makes_no_second(subject: Resource, client: Client, world: World) -> None:
    made = world.victim(subject.name)
    response = _create_again(subject, client, world, made)
    if response.status_code == httpx.codes.CONFLICT:
        _require_alike("the member after the second create", subject, made.record, _now(subject, world, made).record)
        return
    if not response.is_success:
        raise Violation("the second create is neither a conflict nor a success", observed=_answer(response))
    if _record(response) is not None:
        _require_same_member(subject, made, response)
    identity = subject.identity
    found = _now(subject, world, made).record
    require_equal("the member", {identity: made.record[identity]}, {identity: found.get(identity)})


@check("lifecycles.idempotency-key", on=keyed)
def test_idempotency_key_makes_one_run(subject: Operation, client: Client, world: World) -> None:
    creating = next((resource for resource in RESOURCES.values() if resource.creates == subject.label), None)
    body: Record = creating.body(world.workshop) if creating else {}
    asked = call(subject, world, None if creating else _parent_of(subject, world))
    ids = []
    one, other = world.workshop.name("key"), world.workshop.name("key")
    for key in (one, one, other):
        response = asked.send(client, {**body, "idempotency_key": key})
        _require_success(response, subject.label)
        ids.append((_record(response) or {}).get("id"))
    require_equal("the run that the same key returns", {"id": ids[0]}, {"id": ids[1]})
    if ids[2] == ids[0]:
        raise Violation("another key returns the same run", observed={"id": ids[2]})


# Change


@check("lifecycles.changed-everywhere", on=shown_and_changed)
def test_change_shows_everywhere(subject: Resource, contract: Contract, client: Client, world: World) -> None:
    made = world.victim(subject.name)
    *_, (_, changed) = _changes(subject, client, world, made)
    fields = frozenset(key for key, value in changed.record.items() if value != made.record.get(key)) - _TOUCHED
    _require_read_alike(subject, contract, client, changed, fields)
    _require_listed(subject, contract, client, changed, fields)


@check("lifecycles.renamed", on=renamable)
def test_new_name_takes_the_place_of_the_old(
    subject: Resource, contract: Contract, client: Client, world: World
) -> None:
    made = world.victim(subject.name)
    update = contract.operations[subject.updates or ""]
    name = next(renaming(contract, subject))
    value = subject.patch(world.workshop, name, made.record)
    path = update.fill(subject.fill(update.label, made))
    _require_success(client.request("PATCH", path, {name: value}), f"PATCH of {name}")
    renamed = _now(subject, world, made, {name: value})
    by_name = addresses_by(contract, subject, name)
    for address in by_name:
        response = client.request("GET", address.path(renamed))
        _require_success(response, f"{address.name} with the new {name}")
        found = _record(response) or {}
        identity = subject.identity
        require_equal(address.name, {identity: made.record[identity]}, {identity: found.get(identity)})
    _require_gone(by_name, client, made)


# Deletion


@check("lifecycles.gone-unreadable", on=with_addresses_to_lose)
def test_deleted_member_is_not_found(subject: Resource, contract: Contract, client: Client, world: World) -> None:
    made = world.victim(subject.name)
    _delete(subject, contract, client, made)
    _require_gone(addresses(contract, subject, "GET"), client, made)


@check("lifecycles.gone-unlisted", on=with_lists_to_leave)
def test_deleted_member_is_not_listed(subject: Resource, contract: Contract, client: Client, world: World) -> None:
    made = world.victim(subject.name)
    count = counted(contract, subject)
    before = _counted(subject, client, count, made)
    _delete(subject, contract, client, made)
    for listing in listings(contract, subject):
        if (row := listing.find(client, made)) is not None:
            raise Violation(f"{listing.operation.label} shows the deleted member", observed=row)
    if count is not None and (after := _counted(subject, client, count, made)) != before - 1:
        raise Violation(f"{count.label} counts the deleted member", expected=before - 1, observed=after)


@check("lifecycles.gone-unusable", on=on_a_member)
def test_operation_on_a_deleted_member(subject: Operation, contract: Contract, client: Client, world: World) -> None:
    resource = resource_of(subject)
    if resource is None:
        raise CouldNotRun(f"the suite knows no member for {subject.path}")
    made = world.victim(resource.name)
    body = _body_for(subject, world, made)
    _delete(resource, contract, client, made)
    response = call(subject, world, made).send(client, body)
    if response.status_code not in NOT_THERE:
        raise Violation(
            "an operation on a deleted member is answered otherwise", expected=404, observed=_answer(response)
        )


@check("lifecycles.bulk-delete", on=bulks)
def test_many_are_deleted_at_once(subject: Resource, contract: Contract, client: Client, world: World) -> None:
    require_bulk_delete(subject, contract, client, world)


@check("lifecycles.children-go", on=bonds)
def test_children_go_with_their_parent(subject: Bond, contract: Contract, client: Client, world: World) -> None:
    child, parent = subject.born(world)
    _delete(subject.parent, contract, client, parent)
    _require_gone(addresses(contract, subject.child, "GET"), client, child)
    for listing in listings(contract, subject.child):
        if (row := listing.find(client, child)) is not None:
            raise Violation(f"{listing.operation.label} shows a child of a deleted parent", observed=row)


@check("lifecycles.namesakes", on=named_within)
def test_a_name_is_one_of_its_parent(subject: Bond, contract: Contract, client: Client, world: World) -> None:
    one, _ = subject.born(world)
    stranger, _ = subject.born(world)
    try:
        other = subject.namesake(one, stranger, world)
    except SeedingError as error:
        raise Violation("a name that is taken under another parent can't be given", observed=str(error)) from error
    child = subject.child
    if one.record[child.identity] == other.record[child.identity]:
        raise Violation("one member stands under two parents", observed=one.record)
    for made, address in product((one, other), addresses(contract, child, "GET")):
        _require_success(client.request("GET", address.path(made)), address.name)
    _delete(child, contract, client, one)
    _require_gone(addresses(contract, child, "GET"), client, one)
    for address in addresses(contract, child, "GET"):
        _require_success(client.request("GET", address.path(other)), address.name)
    for listing in listings(contract, child):
        if listing.find(client, other) is None:
            raise Violation(f"{listing.operation.label} does not show a member any more whose namesake was deleted")


@check("lifecycles.block-references", on=references.schemas)
def test_a_schema_refers_to_another_by_several_names(
    subject: Resource, contract: Contract, client: Client, world: World
) -> None:
    references.require_two_names_for_one_schema(subject, contract, client, world)


@check("lifecycles.checksum-latest", on=references.checksums)
def test_a_checksum_finds_the_latest_schema(subject: str, client: Client, world: World) -> None:
    references.require_latest_of_a_checksum(client, world)


@check("lifecycles.owned-go", on=references.owning)
def test_what_a_resource_owns_goes_and_what_it_is_named_by_stays(subject: str, client: Client, world: World) -> None:
    references.require_only_owned_go(client, world)


@check("lifecycles.identity-free", on=with_names_to_free)
def test_identity_can_be_used_again(subject: Resource, contract: Contract, client: Client, world: World) -> None:
    made = world.victim(subject.name)
    _delete(subject, contract, client, made)
    response = _create(subject, client, world, made, made.sent)
    _require_success(response, f"{subject.creates} with the identity of a deleted member")
    identity = subject.identity
    record = _record(response) or made.record
    new = _now(subject, world, Made(subject.name, record, made.address, made.sent, made.within))
    if new.record[identity] == made.record[identity]:
        raise Violation("the new member has the id of the deleted one", observed={identity: new.record[identity]})
    for address in addresses(contract, subject, "GET"):
        found = client.request("GET", address.path(new))
        _require_success(found, address.name)
        if (read := _record(found)) is not None:
            require_equal(address.name, {identity: new.record[identity]}, {identity: read.get(identity)})


# Times


@check("lifecycles.created-stays", on=changeable)
def test_created_and_id_stay(subject: Resource, client: Client, world: World) -> None:
    fixed = frozenset({subject.identity, "created"})
    made = world.victim(subject.name)
    if made.record.get("created") is None:
        raise NotApplicable("timeless")
    for what, changed in _changes(subject, client, world, made):
        require_equal(f"after {what}", _part(made.record, fixed), _part(changed.record, fixed))


@check("lifecycles.updated-goes-on", on=changeable)
def test_updated_never_goes_back(subject: Resource, client: Client, world: World) -> None:
    made = world.victim(subject.name)
    latest = made.record.get("updated")
    if latest is None:
        raise NotApplicable("timeless")
    for what, changed in _changes(subject, client, world, made):
        now = changed.record.get("updated")
        if now is None or instant(now) < instant(latest):
            raise Violation(f"`updated` goes back with {what}", expected=f"{latest} or later", observed=now)
        latest = now


@check("lifecycles.updated-moves", on=patchable)
def test_updated_moves_with_a_patch(subject: Resource, client: Client, world: World) -> None:
    made = world.victim(subject.name)
    before = made.record.get("updated")
    if before is None:
        raise NotApplicable("timeless")
    what, changed = next(_changes(subject, client, world, made))
    after = changed.record.get("updated")
    if after is None or instant(after) <= instant(before):
        raise Violation(f"`updated` does not tell of {what}", expected=f"later than {before}", observed=after)


def _changes(resource: Resource, client: Client, world: World, made: Made) -> Iterator[tuple[str, Made]]:
    """What is done to the member, and as what it reads then: some fields patched, and all of it replaced."""
    operations = world.workshop.contract.operations
    if (update := operations.get(resource.updates or "")) is not None:
        documented = world.workshop.contract.body_properties(update.label)
        for name in [name for name in resource.patches if name in documented][:_MOST_PATCHES]:
            value = resource.patch(world.workshop, name, made.record)
            path = update.fill(resource.fill(update.label, made))
            _require_success(client.request("PATCH", path, {name: value}), f"PATCH of {name}")
            made = _now(resource, world, made, {name: value})
            yield f"PATCH of {name}", made
    if (replace := operations.get(resource.replaces or "")) is not None and resource.replacement is not None:
        path = replace.fill(resource.fill(replace.label, made)) if replace.placeholders else replace.path
        _require_success(client.request("PUT", path, resource.replacement(world.workshop, made)), "PUT")
        made = _now(resource, world, made)
        yield "PUT", made


# Sending


def _otherwise(resource: Resource, world: World, made: Made) -> Record:
    """The body that made the member, with the same identity and other values elsewhere."""
    if resource.replacement is not None:
        replacement: Record = resource.replacement(world.workshop, made)
        return replacement
    others = [name for name in resource.patches if name in made.sent and name not in resource.unique]
    return {**made.sent, **{name: resource.patch(world.workshop, name, made.record) for name in others}}


def _create_again(resource: Resource, client: Client, world: World, made: Made) -> httpx.Response:
    return _create(resource, client, world, made, _otherwise(resource, world, made))


def _create(resource: Resource, client: Client, world: World, made: Made, body: Any) -> httpx.Response:
    """The answer to a create."""
    create = world.workshop.contract.operations[resource.creates or ""]
    return client.request(create.method, create.fill(made.within), body)


def _delete(resource: Resource, contract: Contract, client: Client, made: Made) -> None:
    delete = contract.operations[resource.destroys or ""]
    _require_success(client.request("DELETE", delete.fill(resource.fill(delete.label, made))), "DELETE")


def _counted(resource: Resource, client: Client, count: Operation | None, made: Made) -> int:
    if count is None:
        return 0
    response = client.request("POST", count.fill(made.within), narrowed(resource, made))
    _require_success(response, count.label)
    number = response.json()
    if not isinstance(number, int):
        raise Violation(f"{count.label} does not answer a number", observed=number)
    return number


_STATE: Mapping[str, Any] = {"type": "RUNNING"}


def _body_for(operation: Operation, world: World, made: Made) -> Any:
    """A legal body for an operation on a member."""
    resource = resource_of(operation)
    if operation.body is None or resource is None:
        return None
    if (creating := next((r for r in RESOURCES.values() if r.creates == operation.label), None)) is not None:
        return creating.body(world.workshop)
    if operation.method == "PATCH":
        documented = world.workshop.contract.body_properties(operation.label)
        patched = [name for name in resource.patches if name in documented][:1]
        return {name: resource.patch(world.workshop, name, made.record) for name in patched}
    if world.workshop.contract.resolve(operation.body).get("type") == "array":
        return []
    return {"state": _STATE} if "state" in world.workshop.requires(operation.label) else {}


def _parent_of(operation: Operation, world: World) -> Made:
    resource = resource_of(operation)
    if resource is None:
        raise CouldNotRun(f"the suite knows no member for {operation.path}")
    return world.victim(resource.name)


# Judging


def _now(resource: Resource, world: World, made: Made, changed: Record | None = None) -> Made:
    """The member as the server shows it now. Raises Violation where it does not show it, or shows two."""
    try:
        return resource.read_back(world.workshop, made, changed)
    except (SeedingError, LookupError) as error:
        raise Violation("the member can't be read", observed=str(error)) from error


def _part(record: Record, fields: frozenset[str] | None) -> Record:
    return record if fields is None else {key: value for key, value in record.items() if key in fields}


def _require_alike(
    summary: str, resource: Resource, expected: Record, observed: Any, touched: frozenset[str] = frozenset()
) -> None:
    """Raise Violation unless a record has the fields of another, with the same values. It may have more."""
    moving = resource.clock | touched
    if not isinstance(observed, dict):
        raise Violation(f"{summary}: it is no object", expected=expected, observed=observed)
    left = without(moving, expected)
    require_equal(summary, left, {key: value for key, value in without(moving, observed).items() if key in left})


def _require_same_member(resource: Resource, made: Made, response: httpx.Response) -> Record:
    """The answer to a create that made nothing: 2xx, but not 201 (RFC 9110, 15.3.2), with the same member."""
    if not response.is_success or response.status_code == httpx.codes.CREATED:
        raise Violation("the second create does not answer 200", expected=200, observed=_answer(response))
    answer = _record(response) or {}
    identity = resource.identity
    require_equal("the member", {identity: made.record[identity]}, {identity: answer.get(identity)})
    return answer


def _require_read_alike(
    resource: Resource, contract: Contract, client: Client, made: Made, fields: frozenset[str] | None = None
) -> None:
    """Every address reads what the record of `made` has, in `fields` or in all."""
    for address in addresses(contract, resource, "GET"):
        response = client.request("GET", address.path(made))
        _require_success(response, address.name)
        expected = _part(_part(made.record, fields), shown(contract, address.operation))
        _require_alike(f"{address.name} reads otherwise", resource, expected, response.json())


def _require_listed(
    resource: Resource, contract: Contract, client: Client, made: Made, fields: frozenset[str] | None = None
) -> None:
    """Every list shows what the record of `made` has, in `fields` or in all."""
    for listing in listings(contract, resource):
        row = listing.find(client, made)
        if row is None:
            raise Violation(f"{listing.operation.label} does not show the member", expected=made.record)
        expected = _part(_part(made.record, fields), shown(contract, listing.operation))
        _require_alike(f"{listing.operation.label} shows otherwise", resource, expected, row)


def _require_gone(found: list[Address], client: Client, made: Made) -> None:
    for address in found:
        response = client.request("GET", address.path(made))
        if response.status_code not in NOT_THERE:
            raise Violation(f"{address.name} finds a member that is gone", expected=404, observed=_answer(response))


def _require_success(response: httpx.Response, what: str) -> None:
    if not response.is_success:
        raise Violation(f"{what} is refused", expected="2xx", observed=_answer(response))


def _record(response: httpx.Response) -> Record | None:
    """The record that an answer holds, None for one that holds none: nothing, null, text."""
    found = response.json() if response.content and "json" in response.headers.get("content-type", "") else None
    return found if isinstance(found, dict) else None


def _answer(response: httpx.Response) -> dict[str, Any]:
    return {"status": response.status_code, "body": response.text[:400]}
