"""Many at once: what a bulk operation does, and each run by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx

from conformance.contract import Contract
from conformance.resources import RESOURCES, Record
from conformance.suite.bulk import listed
from conformance.suite.outcome import CouldNotRun, Violation, require_equal
from conformance.suite.runs import FLOW_RUNS, Answer, Kind, begin, parse, propose, require_true, state
from conformance.suite.states.absence import require_no_states
from conformance.target import Client
from conformance.world import World

BULK_SET: Final = "POST /flow_runs/bulk_set_state"
BULK_DELETE: Final = "POST /flow_runs/bulk_delete"

_SAMPLE: Final = ("SCHEDULED", "RUNNING", "COMPLETED")
"""Types of state that the runs of a bulk operation are in: no two are answered the same for all of `_DIVIDING`."""

_DIVIDING: Final = ("PENDING", "PAUSED", "CANCELLING")


@dataclass(frozen=True)
class Bulk:
    """A type of state that many runs are asked to be in."""

    type: str
    force: bool


def bulks(contract: Contract) -> Mapping[str, Bulk]:
    """Types of state that some runs may enter and others may not, and one that is forced."""
    types = [type_ for type_ in FLOW_RUNS.types(contract) if type_ in _DIVIDING]
    found = {f"flow_runs ->{type_}": Bulk(type_, force=False) for type_ in types}
    return {**found, "flow_runs ->PENDING forced": Bulk("PENDING", force=True)}


def require_bulk_set(subject: Bulk, client: Client, world: World) -> None:
    """Many runs that are asked at once are answered, and end, as each would be by itself; and no other is touched."""
    proposed = state(subject.type)
    alone, together = ([begin(FLOW_RUNS, world, state(type_)) for type_ in _SAMPLE] for _ in range(2))
    bystander = begin(FLOW_RUNS, world, state("PENDING"))
    singly = [propose(FLOW_RUNS, client, run["id"], proposed, force=subject.force) for run in alone]
    ids = [run["id"] for run in together]
    answers = _bulk_set(client, ids, {"state": proposed, "force": subject.force})
    require_equal("the runs that are answered for", sorted(ids), sorted(answers))
    now = _by_id(client, [run["id"] for run in (*alone, *together, bystander)])
    expected = {
        type_: {"status": answer.status, "details": answer.details.get("type"), "now": now[run["id"]]["state_type"]}
        for type_, run, answer in zip(_SAMPLE, alone, singly, strict=True)
    }
    observed = {
        type_: {
            "status": answers[run["id"]].status,
            "details": answers[run["id"]].details.get("type"),
            "now": now[run["id"]]["state_type"],
        }
        for type_, run in zip(_SAMPLE, together, strict=True)
    }
    require_equal("what many at once do, and each by itself", expected, observed)
    require_equal("a run that was not asked for", bystander["state_id"], now[bystander["id"]]["state_id"])
    for run in together:
        require_true(run, subject.type, answers[run["id"]], now[run["id"]])


def require_bulk_limit(subject: Kind, client: Client, world: World) -> None:
    """Of three runs that match, as many change as the limit says, and those are answered for."""
    ids = [begin(subject, world, state("PENDING"))["id"] for _ in range(3)]
    answers = _bulk_set(client, ids, {"state": state("RUNNING"), "limit": 2})
    running = [id_ for id_, run in _by_id(client, ids).items() if run["state_type"] == "RUNNING"]
    if len(answers) != 2 or sorted(running) != sorted(answers):
        raise Violation(
            "three runs match, and two were to be set",
            expected=2,
            observed={"answered": len(answers), "running": len(running)},
        )


def _bulk_set(client: Client, ids: list[str], body: Record) -> dict[str, Answer]:
    """The answers by the runs' ids."""
    asked = {"flow_runs": {"id": {"any_": ids}}, **body}
    results = listed(RESOURCES["flow_runs"], "bulk_set_state", client, asked, "results")
    return {str(result.get("flow_run_id")): parse(result) for result in results}


def require_bulk_delete(subject: Kind, client: Client, world: World) -> None:
    """Of those that match, as many are deleted as the limit says, with their states, and no other."""
    ids = [begin(subject, world, state("PENDING"))["id"] for _ in range(4)]
    deleted = _bulk_delete(client, {"flow_runs": {"id": {"any_": ids[:3]}}, "limit": 2})
    left = sorted(_by_id(client, ids))
    if len(deleted) != 2 or not set(deleted) <= set(ids[:3]):
        raise Violation("three runs match, and two were to be deleted", expected=2, observed=deleted)
    require_equal("the runs that are left", sorted(set(ids) - set(deleted)), left)
    for id_ in deleted:
        found = client.request("GET", f"/flow_runs/{id_}")
        require_equal("the status of reading a deleted run", httpx.codes.NOT_FOUND, found.status_code)
        require_no_states(client, subject, id_)
    again = _bulk_delete(client, {"flow_runs": {"id": {"any_": deleted}}})
    require_equal("what is deleted a second time", [], again)


def _bulk_delete(client: Client, body: Record) -> list[str]:
    return listed(RESOURCES["flow_runs"], "bulk_delete", client, body, "deleted")


def _by_id(client: Client, ids: list[str]) -> dict[str, Record]:
    """The flow runs of these ids that there are."""
    response = client.request("POST", "/flow_runs/filter", {"flow_runs": {"id": {"any_": ids}}})
    if not response.is_success:
        raise CouldNotRun(f"flow runs can't be queried: {response.status_code} {response.text[:200]}")
    return {run["id"]: run for run in response.json()}
