"""Runs that are made of a deployment: one, or several at once."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any, Final

import httpx

from conformance.contract import Contract
from conformance.resources import Record
from conformance.suite.outcome import CouldNotRun, Violation
from conformance.suite.plans import BULK, RUN
from conformance.suite.subjects import first_of
from conformance.target import Client
from conformance.world import World

making: Final = first_of(RUN, BULK)


def made_of(client: Client, world: World, operation: str, of: Record, **fields: Any) -> httpx.Response:
    """The answer to creating one run of a deployment."""
    if operation == BULK:
        return created(client, world, of, [fields])
    return posted(client, operation, of, fields)


def made_run(client: Client, world: World, operation: str, of: Record, **fields: Any) -> Record:
    """A run of a deployment. Raises Violation where it is refused."""
    answer = made_of(client, world, operation, of, **fields)
    if not answer.is_success:
        raise Violation("a run is refused", expected="2xx", observed=f"{answer.status_code} {answer.text[:300]}")
    found = answer.json()
    if operation == BULK:
        (result,) = found["results"]
        if result["status"] != "CREATED":
            raise Violation("a run is refused", expected="CREATED", observed=result)
        found = {"id": result["flow_run_id"]}
    run: Record = world.workshop.send("GET /flow_runs/{id}", id=str(found["id"]))
    return run


def posted(client: Client, operation: str, of: Record, body: Any) -> httpx.Response:
    """The answer to a body that is sent to an operation on a deployment."""
    return client.request("POST", operation.removeprefix("POST ").format(id=of["id"]), body)


_ATTEMPTS: Final = 8


def created(client: Client, world: World, of: Record, asked: Sequence[Record]) -> httpx.Response:
    """The answer to creating several runs of a deployment.

    A server that is busy says so inside a success here: one that did not make a run for that cause is asked again.
    Where it may have made others of them, their names in `asked` are changed. Raises CouldNotRun where it stays busy.
    """
    for _ in range(_ATTEMPTS):
        answer = posted(client, BULK, of, asked)
        if not answer.is_success or "database is locked" not in answer.text:
            return answer
        for fields in asked:
            if "name" in fields and len(asked) > 1:
                fields["name"] = world.workshop.name("run")
        time.sleep(0.1)
    raise CouldNotRun(f"{BULK} goes on failing runs, because its database is locked")


_STATE = re.compile(r"If no state is provided, the flow runs? will be created in an? ([A-Z]+) state")


def documented_state(contract: Contract, operation: str) -> str | None:
    """The type of state that the description of `operation` promises to a run that is given none."""
    method, _, path = operation.partition(" ")
    found = _STATE.search(" ".join(contract.document["paths"][path][method.lower()].get("description", "").split()))
    return found and found[1]


def require_refused(client: Client, world: World, operation: str, of: Record, summary: str, **fields: Any) -> None:
    """Raise Violation unless a run is refused, and not made."""
    name = world.workshop.name("bad")
    answer = made_of(client, world, operation, of, name=name, **fields)
    failed = answer.is_success and operation == BULK and answer.json()["results"][0]["status"] == "FAILED"
    if not failed and not answer.is_client_error:
        raise Violation(summary, expected="4xx", observed=f"{answer.status_code} {answer.text[:300]}")
    if world.workshop.send("POST /flow_runs/filter", {"flow_runs": {"name": {"any_": [name]}}}):
        raise Violation(f"{summary}: the run that was refused is there", expected=[], observed=name)
