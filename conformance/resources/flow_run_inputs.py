"""The inputs of a flow run: text under a key, which the server gives back as text and lists as records."""

from __future__ import annotations

from conformance.resources.base import Made, Record, Resource, Workshop, listed_under


def body(shop: Workshop) -> Record:
    """A JSON text under a new key."""
    return {"key": shop.name("input"), "value": '{"size": 1}', "sender": "prefect.flow-run.conformance"}


def make(shop: Workshop) -> Made:
    """An input of the shared flow run, whose own record does not show it."""
    within = {"id": str(shop.shared("flow_runs").record["id"])}
    sent = body(shop)
    shop.send("POST /flow_runs/{id}/input", sent, **within)
    made = Made("flow_runs/input", {"flow_run_id": within["id"], "key": sent["key"]}, {}, sent, within)
    return FLOW_RUN_INPUTS.read_back(shop, made)


def find(shop: Workshop, made: Made) -> Record:
    """The input in the list of its flow run. The prefix of one key may be the whole of another."""
    key = made.record["key"]
    listed = shop.send("POST /flow_runs/{id}/input/filter", {"prefix": key}, id=str(made.record["flow_run_id"]))
    return listed_under(listed, "key", key)


FLOW_RUN_INPUTS = Resource(
    name="flow_runs/input",
    members=("/flow_runs/{flow_run_id}/input/{key}",),
    creates="POST /flow_runs/{id}/input",
    destroys="DELETE /flow_runs/{id}/input/{key}",
    body=body,
    maker=make,
    finder=find,
)
