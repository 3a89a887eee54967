"""Emitted events: what happens through the API is told in events, once, and as it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from conformance.contract import Contract
from conformance.resources import RESOURCES, Record
from conformance.suite import secret_blocks
from conformance.suite.check import check
from conformance.suite.emissions import (
    LIFE,
    QUERY,
    Kind,
    await_events,
    change,
    destroy,
    emitting,
    names,
    undisturbed,
)
from conformance.suite.outcome import NotApplicable, Violation, require_equal
from conformance.suite.plans import CREATE, deployment
from conformance.suite.polls import Pool, with_status
from conformance.suite.runs import FLOW_RUNS, begin, state, walk
from conformance.target import Client
from conformance.world import World


@check("emitted.lifecycle", on=emitting)
@undisturbed
def test_a_life_is_told_in_events(subject: Kind, client: Client, world: World) -> None:
    made = world.victim(subject.collection)
    change(subject, world, client, made)
    destroy(subject, world, client, made)
    resource = {"id": [subject.id(made.record)]}
    found = await_events(client, world, resource, lambda found: names(found, subject.name, LIFE)[-1:] == ["deleted"])
    told = names(found, subject.name, LIFE)
    if not {"created", "deleted"} & set(told):
        raise NotApplicable("silent")
    require_equal("what events say of a member that was created, changed and deleted", list(LIFE), told)


_KEYED: Final = "artifact-collection"


def keyed(contract: Contract) -> Mapping[str, str]:
    """The artifacts of a key."""
    return {"artifacts": "artifacts"} if {QUERY, "POST /artifacts/"} <= contract.operations.keys() else {}


@check("emitted.artifact-collection", on=keyed)
@undisturbed
def test_the_artifacts_of_a_key_are_told_of_together(subject: str, client: Client, world: World) -> None:
    shop = world.workshop
    body = RESOURCES[subject].body(shop)
    first, second = (shop.send("POST /artifacts/", {**body, "data": data}) for data in ("one", "two"))
    for one in (second, first):
        shop.send("DELETE /artifacts/{id}", id=one["id"])
    resource = {"labels": {"prefect.resource.name": [body["key"]]}}
    found = await_events(client, world, resource, lambda found: names(found, _KEYED, LIFE)[-1:] == ["deleted"])
    told = names(found, _KEYED, LIFE)
    if not told:
        raise NotApplicable("silent")
    require_equal("what events say of a key", ["created", "updated", "updated", "deleted"], told)
    latest = [related["prefect.resource.id"] for event in found for related in event["related"] if _is_latest(related)]
    expected = [f"prefect.artifact.{one['id']}" for one in (first, second, first)]
    require_equal("the artifact that is the latest each time", expected, latest[:3])


def _is_latest(related: Record) -> bool:
    return bool(related.get("prefect.resource.role") == "latest")


# What was changed


def updating(contract: Contract) -> Mapping[str, Kind]:
    """The kinds whose events say which fields were changed."""
    return emitting(contract, "deployments", "work_pools", "work_pools/queues")


def creating_again(contract: Contract) -> Mapping[str, str]:
    """The create that changes what exists."""
    return {CREATE: CREATE} if emitting(contract, "deployments") else {}


@check("emitted.updates", on=updating)
@undisturbed
def test_an_event_says_what_was_changed(subject: Kind, client: Client, world: World) -> None:
    made = world.victim(subject.collection)
    before, after = change(subject, world, client, made)
    require_update(subject, client, world, made.record, before, after)


@check("emitted.updates-upsert", on=creating_again)
@undisturbed
def test_an_event_says_what_was_changed_by_a_create_of_what_exists(subject: str, client: Client, world: World) -> None:
    kind = emitting(world.workshop.contract, "deployments")["deployments"]
    deployment(world, description="of another one")
    made = deployment(world, description="before")
    deployment(world, name=made["name"], description="after")
    require_update(kind, client, world, made, "before", "after")


def require_update(kind: Kind, client: Client, world: World, record: Record, before: object, after: object) -> None:
    """Raise Violation unless one event says that a field of a member was changed, from what and to what."""
    resource = {"id": [kind.id(record)]}
    found = await_events(client, world, resource, lambda found: "updated" in names(found, kind.name))
    told = [event["payload"] for event in found if event["event"] == kind.event("updated")]
    if not told:
        raise NotApplicable("silent")
    require_equal("events that say that it was updated", 1, len(told))
    fields = told[0].get("updated_fields")
    if fields != [kind.field]:
        raise Violation("the event names other fields", expected=[kind.field], observed=fields)
    require_equal("what the field was and is", {kind.field: {"from": before, "to": after}}, told[0].get("updates"))


# Statuses


_STATUSES: Final = ("ready", "not-ready", "paused")


def telling(contract: Contract) -> Mapping[str, Kind]:
    """Pools and queues, where they have a status."""
    return emitting(contract, "work_pools", "work_pools/queues") if with_status(contract) else {}


@check("emitted.status", on=telling)
@undisturbed
def test_each_change_of_a_status_is_an_event(subject: Kind, client: Client, world: World) -> None:
    pool = Pool(world)
    if subject.collection == "work_pools":
        record, expected = pool.record, ["paused", "not-ready", "ready"]
        pool.change(is_paused=True)
        pool.change(is_paused=False)
        pool.change(description="as it was")
        pool.beat(world.workshop.name("worker"))
    else:
        queue = pool.queue()
        record, expected = queue.record, ["paused"]
        queue.change(description="as it was")
        queue.change(is_paused=True)
        queue.change(priority=3)

    def told(found: list[Record]) -> list[str]:
        said = names(found, subject.name, _STATUSES)
        # Whether what is made in a status enters it, the documentation does not say.
        return said[1:] if said[:1] == ["not-ready"] else said

    # An event too many comes with those that are expected, or right after.
    resource = {"id": [subject.id(record)]}
    found = await_events(client, world, resource, lambda found: len(told(found)) > len(expected))
    require_equal("the statuses that events tell of", expected, told(found))


# Runs


def flow_runs(contract: Contract) -> Mapping[str, str]:
    """Flow runs, where the contract has events."""
    return {"flow_runs": "flow_runs"} if QUERY in contract.operations else {}


@check("emitted.flow-run", on=flow_runs)
@undisturbed
def test_each_state_of_a_flow_run_is_an_event(subject: str, client: Client, world: World) -> None:
    run = begin(FLOW_RUNS, world, state("PENDING"))
    entered = [
        run["state"],
        *walk(FLOW_RUNS, client, run["id"], state("RUNNING"), {**state("FAILED"), "name": "Broke"}),
    ]
    expected = [
        {
            "event": f"prefect.flow-run.{one['name']}",
            "type": one["type"],
            "flow": f"prefect.flow.{run['flow_id']}",
            "intended": {"from": before and before["type"], "to": one["type"]},
        }
        for before, one in zip([None, *entered], entered, strict=False)
    ]
    resource = {"id": [f"prefect.flow-run.{run['id']}"]}
    found = await_events(client, world, resource, lambda found: len(found) >= len(entered))
    require_equal("the events of the run", expected, [_told_of_run(event) for event in found])


def _told_of_run(event: Record) -> Record:
    flows = [one["prefect.resource.id"] for one in event["related"] if one.get("prefect.resource.role") == "flow"]
    return {
        "event": event["event"],
        "type": event["resource"].get("prefect.state-type"),
        "flow": flows[0] if flows else None,
        "intended": event["payload"].get("intended"),
    }


# Secrets


def blocks(contract: Contract) -> Mapping[str, Kind]:
    """Block documents, where the contract has events."""
    return emitting(contract, "block_documents")


@check("emitted.no-secret", on=blocks)
@undisturbed
def test_no_event_tells_a_secret(subject: Kind, client: Client, world: World) -> None:
    block = secret_blocks.plain(world.workshop)
    hush = world.workshop.name("hush")
    changed = {"data": secret_blocks.login(block.visible, hush), "merge_existing_data": False}
    world.workshop.send("PATCH /block_documents/{id}", changed, id=str(block.created["id"]))
    destroy(subject, world, client, block.made)
    resource = {"id": [subject.id(block.created)]}
    found = await_events(client, world, resource, lambda found: names(found, subject.name)[-1:] == ["deleted"])
    if not found:
        raise NotApplicable("silent")
    for secret in (block.secret, hush):
        if secret in str(found):
            telling = [event["event"] for event in found if secret in str(event)]
            raise Violation("an event tells a secret of a block", expected="no event with it", observed=telling)
