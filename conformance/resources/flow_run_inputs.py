"""The inputs of a flow run: text under a key, which the server gives back as text and lists as records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from conformance.resources.base import At, Made, Record, Resource, Workshop, World, listed_under

_EVERYTHING = {"prefix": "", "limit": 200}
"""The query has no default for `prefix`, and of `limit` one of 1."""


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


def gather(shop: Workshop, made: Sequence[Made]) -> list[Record]:
    """The inputs in the lists of their flow runs."""
    runs = dict.fromkeys(member.within["id"] for member in made)
    listed = {run: shop.send("POST /flow_runs/{id}/input/filter", _EVERYTHING, id=run) for run in runs}
    return [listed_under(listed[member.within["id"]], "key", member.record["key"]) for member in made]


def find(shop: Workshop, made: Made) -> Record:
    """The input in the list of its flow run."""
    return gather(shop, [made])[0]


def flow_run(record: Record, world: World) -> Mapping[str, str]:
    """The run whose input it is."""
    return {"id": record["flow_run_id"]}


FLOW_RUN_INPUTS = Resource(
    name="flow_runs/input",
    members=("/flow_runs/{flow_run_id}/input/{key}",),
    creates="POST /flow_runs/{id}/input",
    destroys="DELETE /flow_runs/{id}/input/{key}",
    body=body,
    unique=("key",),
    parents={"flow_runs": {"id": "flow_run_id"}},
    maker=make,
    finder=find,
    gathered=gather,
    filtered="",
    needs=_EVERYTHING,
    # The path names the run, and a run of the world has no inputs but the world's.
    fence=None,
    scope=flow_run,
    criteria={".prefix": At("key"), ".exclude_keys": At("key")},
    filled=frozenset({".prefix", ".exclude_keys"}),
)
