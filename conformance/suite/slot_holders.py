"""A pool with two queues whose runs hold slots, and what the target tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from conformance.contract import Contract, Operation
from conformance.resources import Record
from conformance.suite.outcome import Violation, require_equal
from conformance.suite.plans import deployment
from conformance.suite.polls import Pool, run_of
from conformance.target import Client
from conformance.world import World

_LIMIT: Final = 9
"""Slots of the pool and of each queue: more than are held."""

_HELD: Final = {"first": ("PENDING", "RUNNING"), "second": ("RUNNING",)}
"""The states of the runs in each queue that hold a slot ("occupied by pending or running flow runs")."""

_FREE: Final = ("SCHEDULED", "COMPLETED")
"""Those of runs that hold none."""


def telling(contract: Contract) -> Mapping[str, Operation]:
    """The operations that tell who holds the slots of a pool or queue."""
    return {
        label: operation
        for label, operation in contract.operations.items()
        if label.startswith("POST /work_") and label.endswith("/concurrency_status")
    }


def counting(contract: Contract) -> Mapping[str, Operation]:
    """The reads of a pool or queue that show how many of its slots are held, where there is a status beside them."""
    known = (
        "GET /work_pools/{name}",
        "POST /work_pools/filter",
        "GET /work_pools/{work_pool_name}/queues/{name}",
        "POST /work_pools/{work_pool_name}/queues/filter",
        "GET /work_queues/{id}",
        "POST /work_queues/filter",
    )
    return {label: contract.operations[label] for label in known if telling(contract) and label in contract.operations}


class Holders:
    """The pool, its queues, and their runs by id."""

    def __init__(self, client: Client, world: World) -> None:
        self.client = client
        self.pool = Pool(world, concurrency_limit=_LIMIT)
        self.queues = {name: self.pool.queue(concurrency_limit=_LIMIT) for name in _HELD}
        self.held: dict[str, set[str]] = {}
        for name, queue in self.queues.items():
            of = deployment(world, **queue.place)
            self.held[name] = {str(run_of(world, of, type_=state)["id"]) for state in _HELD[name]}
            for state in _FREE:
                run_of(world, of, type_=state)

    def require_status(self, operation: Operation) -> None:
        """Raise Violation unless the status of the pool, or of the first queue, has these runs and no others."""
        if "/work_pools/" in operation.path:
            self._require_status_of_pool(operation)
        else:
            self._require_status_of_queue(operation)

    def _require_status_of_pool(self, operation: Operation) -> None:
        path = operation.fill({"name": self.pool.name})
        told = self._ask(path, {})
        require_equal("the slots of the pool", sum(map(len, self.held.values())), told["active_slots"])
        queues = {queue["queue_id"]: queue for queue in told["queues"]}
        for name, held in self.held.items():
            queue = queues.get(self._id(name)) or {}
            found = {"slots": queue.get("active_slots"), "runs": _ids(queue)}
            require_equal(f"of the {name} queue", {"slots": len(held), "runs": sorted(held)}, found)
        (short,) = (q for q in self._ask(path, {"flow_run_limit": 1})["queues"] if q["queue_id"] == self._id("first"))
        found = {"slots": short["active_slots"], "shown": len(short["flow_runs"]), "all": short["flow_run_count"]}
        wanted = {"slots": len(self.held["first"]), "shown": 1, "all": len(self.held["first"])}
        require_equal("of the first queue, of which one run is asked for", wanted, found)

    def _require_status_of_queue(self, operation: Operation) -> None:
        path, held = operation.fill({"id": self._id("first")}), self.held["first"]
        told = self._ask(path, {})
        found = {"slots": told["active_slots"], "count": told["count"], "runs": _ids(told)}
        require_equal("of the queue", {"slots": len(held), "count": len(held), "runs": sorted(held)}, found)
        pages = [self._ask(path, {"limit": 1, "page": page}) for page in range(1, len(held) + 1)]
        require_equal("pages of one run", sorted(held), sorted(run for page in pages for run in _ids(page)))
        require_equal("the slots on each page", [len(held)] * len(held), [page["active_slots"] for page in pages])

    def require_count(self, operation: Operation) -> None:
        """Raise Violation unless a read of the pool, or of the first queue, shows so many slots in use."""
        queue = "queue" in operation.path
        record = self.queues["first"].record if queue else self.pool.record
        wanted = len(self.held["first"]) if queue else sum(map(len, self.held.values()))
        named = {"work_pool_name": self.pool.name, "name": str(record["name"]), "id": str(record["id"])}
        path = operation.fill({name: named[name] for name in operation.placeholders})
        if operation.method == "GET":
            row = self._ask(path)
        else:
            body = {"work_queues" if queue else "work_pools": {"id": {"any_": [record["id"]]}}}
            rows = self._ask(path, {} if operation.placeholders else body)
            row = next((row for row in rows if row["id"] == record["id"]), {})
        require_equal("the slots in use", wanted, row.get("active_slots"))

    def _id(self, queue: str) -> str:
        return str(self.queues[queue].record["id"])

    def _ask(self, path: str, body: Record | None = None) -> Any:
        response = self.client.request("GET" if body is None else "POST", path, body)
        if not response.is_success:
            raise Violation("it is refused", expected="2xx", observed=f"{response.status_code} {response.text[:400]}")
        return response.json()


def _ids(told: Record) -> list[str]:
    return sorted(str(run["id"]) for run in told.get("flow_runs", ()))
