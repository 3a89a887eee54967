"""Logs: written in batches, read through the filter, never changed."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.resources.base import At, Made, Record, Resource, Workshop, World, listed_under
from conformance.resources.flow_runs import FLOW_RUNS


def entry(shop: Workshop, flow_run: str) -> Record:
    """One entry of a flow run's log."""
    return {
        "name": "conformance",
        "level": 20,
        "message": shop.name("message"),
        "timestamp": "2024-01-01T00:00:00Z",
        "flow_run_id": flow_run,
    }


def body(shop: Workshop) -> list[Record]:
    """One entry for the shared flow run."""
    return [entry(shop, shop.shared("flow_runs").record["id"])]


def make(shop: Workshop) -> Made:
    """The only entry of a new flow run: no answer gives the id of an entry that was written."""
    run = FLOW_RUNS.make(shop).record["id"]
    sent = [entry(shop, run)]
    shop.send("POST /logs/", sent)
    return LOGS.read_back(shop, Made("logs", sent[0], {}, sent))


def gather(shop: Workshop, made: Sequence[Made]) -> list[Record]:
    """The entries in the logs of their flow runs. Their messages tell them apart."""
    listed = shop.send("POST /logs/filter", {"logs": by_flow_run([member.record for member in made])})
    return [listed_under(listed, "message", member.record["message"]) for member in made]


def find(shop: Workshop, made: Made) -> Record:
    """The entry in the log of its flow run."""
    return gather(shop, [made])[0]


def by_flow_run(records: Sequence[Record]) -> Record:
    """A filter that just the entries of these records' flow runs satisfy: the grammar knows no ids of entries."""
    return {"flow_run_id": {"any_": sorted({record["flow_run_id"] for record in records})}}


def text(record: Record, world: World) -> str:
    """What a text search searches."""
    return f"{record['message']} {record['name']}"


LOGS = Resource(
    name="logs",
    creates="POST /logs/",
    body=body,
    maker=make,
    finder=find,
    gathered=gather,
    fence=by_flow_run,
    criteria={"text": text},
    # "Filter by text search across log content": whether the logger's name is content, the document does not say.
    disputed={"text": At("message")},
    # An entry may lack a flow run (not in the first generations). The fence could not tell such a one from others'.
    filled=frozenset({"level", "timestamp", "flow_run_id", "text"}),
)
