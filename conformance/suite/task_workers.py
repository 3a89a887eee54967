"""Task workers: they exist while they are connected, so the world has none and a check connects its own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from conformance import oracle
from conformance.contract import Contract, Operation
from conformance.resources import RESOURCES, Record
from conformance.suite.outcome import Violation
from conformance.target import Client, WouldWrite
from conformance.target.task_worker import task_worker
from conformance.world import World

_LIST = "POST /task_workers/filter"
_RESOURCE = RESOURCES["task_workers"]

_SEEN_AND_GONE = 15.0
"""Seconds after which a worker is listed that has connected, and is not any more that has left. Released servers
look once a second whether a worker is still there.
"""


def listing(contract: Contract) -> Mapping[str, Operation]:
    """The operation that lists task workers."""
    return {_LIST: contract.operations[_LIST]} if _LIST in contract.operations else {}


def require_found_by_tasks(subject: Operation, client: Client, world: World) -> None:
    """Raise Violation unless two workers with overlapping keys are listed by these, and no more once they have left.

    Raises Unreachable where the target accepts no task worker.
    """
    if client.read_only:
        raise WouldWrite("a task worker that connects is listed")
    one, two, three = (world.workshop.name(stem) for stem in ("alpha", "beta", "gamma"))
    workers: list[Record] = [
        {"identifier": world.workshop.name("worker"), "task_keys": keys} for keys in ([one, two], [two, three])
    ]
    names = [worker["identifier"] for worker in workers]
    with ExitStack() as connected:
        for worker in workers:
            connected.enter_context(task_worker(client.base_url, client.access, **_described(worker)))
        _require_listed(subject, client, names, {}, names)
        keys = [[one], [two], [three], [one, three], [one, one], [f"{one}-"], [one[:-1]], [one.upper()], [one, "none"]]
        for wanted in keys:
            body = _RESOURCE.own({"task_keys": wanted})
            expected = oracle.select(_RESOURCE.name, body, {_RESOURCE.name: workers})
            _require_listed(subject, client, names, body, [worker["identifier"] for worker in expected])
    for body in ({}, _RESOURCE.own({"task_keys": [two]})):
        _require_listed(subject, client, names, body, [])


def _described(worker: Record) -> dict[str, Any]:
    return {"name": worker["identifier"], "keys": worker["task_keys"]}


def _require_listed(
    subject: Operation, client: Client, names: Sequence[str], body: Record, expected: Sequence[str]
) -> None:
    """Raise Violation unless just `expected` of the workers `names` come to be listed for `body`.

    Others may be connected to a server that is shared: those don't count.
    """
    deadline = time.monotonic() + _SEEN_AND_GONE
    while True:
        response = client.request(subject.method, subject.path, body)
        listed = response.json() if response.is_success else None
        if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
            raise Violation(
                f"a legal query is answered {response.status_code}",
                expected="a list of task workers",
                observed={"body": body, "answer": response.text[:400]},
            )
        found = [row.get(_RESOURCE.identity) for row in listed if row.get(_RESOURCE.identity) in names]
        if sorted(map(str, found)) == sorted(expected):
            return
        if time.monotonic() > deadline:
            raise Violation(
                "other task workers are listed than are connected and asked for",
                expected={"body": body, "workers": sorted(expected)},
                observed=sorted(map(str, found)),
            )
        time.sleep(0.1)
