"""The ways to take a slot of a concurrency limit and to give it back, all with the same four verbs."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from uuid import NAMESPACE_URL, uuid5

import httpx

from conformance.contract import Contract
from conformance.resources import RESOURCES, Record
from conformance.suite.outcome import CouldNotRun, Violation
from conformance.suite.plans import CREATE, RUN, deployment
from conformance.target import Client
from conformance.world import World

TAGS: Final = "POST /concurrency_limits/increment"
COUNTED: Final = "POST /v2/concurrency_limits/increment"
LEASED: Final = "POST /v2/concurrency_limits/increment-with-lease"
ORCHESTRATED: Final = "POST /task_runs/{id}/set_state"
DEPLOYED: Final = "POST /flow_runs/{id}/set_state"


class Way(ABC):
    """One way to take slots of a limit of its own, made for it.

    `acquire` returns what `release` needs, None where it is denied. Both raise Violation where the target answers
    neither yes nor no.
    """

    operation: ClassVar[str]
    """What acquires; the name of the way."""

    needs: ClassVar[tuple[str, ...]] = ()
    """Other operations that it can't do without."""

    several: ClassVar[bool] = True
    """Whether one call may take several slots."""

    names_holder: ClassVar[bool] = True
    """Whether a release says whose slot it gives back."""

    def __init__(self, client: Client, world: World, limit: int, **fields: Any) -> None:
        self.client = client
        self.world = world
        self.limit = limit
        self.record = self.make(fields)

    @abstractmethod
    def make(self, fields: Mapping[str, Any]) -> Record:
        """A new limit of `self.limit` slots, with other fields of its creation."""

    @abstractmethod
    def acquire(self, slots: int = 1) -> Any | None:
        """Take slots."""

    @abstractmethod
    def release(self, held: Any) -> None:
        """Give back what was acquired."""

    @abstractmethod
    def taken(self) -> int:
        """How many slots the server shows as in use."""

    def prepare(self, calls: int) -> None:  # noqa: B027 - most ways need nothing
        """Have ready what `calls` acquirers need, so that the burst is of acquiring alone."""

    def post(self, path: str, body: Any) -> httpx.Response:
        """Ask; raises Violation for an answer that is neither a success nor a refusal."""
        response = self.client.request("POST", path, body)
        if response.is_server_error:
            raise Violation(
                f"{self.operation} fails",
                expected="2xx or a refusal",
                observed={"path": path, "status": response.status_code, "body": response.text[:300]},
            )
        return response

    def asked_state(self, runs: str, run: str, state: str) -> str:
        """What asking a run for a state is answered: ACCEPT, or another status."""
        response = self.post(f"/{runs}/{run}/set_state", {"state": {"type": state}})
        if not response.is_success:
            raise CouldNotRun(f"set_state answers {response.status_code}: {response.text[:200]}")
        return str(response.json()["status"])

    def released(self, response: httpx.Response) -> None:
        """Raise Violation unless a release was answered by success."""
        if not response.is_success:
            raise Violation(
                "what was granted can't be released",
                expected="2xx",
                observed={"status": response.status_code, "body": response.text[:300]},
            )


class Incremented(Way):
    """A way whose operation names the limits, so that one call may ask for several."""

    @abstractmethod
    def asked(self, slots: int, *others: Way) -> Record:
        """The body that asks for slots of this limit, and of others at once."""

    def increment(self, body: Any) -> httpx.Response:
        """The answer to a body."""
        return self.post(self.operation.removeprefix("POST "), body)


class Counted(Incremented):
    """Global limits, as a mere count."""

    operation = COUNTED
    needs = ("POST /v2/concurrency_limits/", "POST /v2/concurrency_limits/decrement")
    names_holder = False

    def make(self, fields: Mapping[str, Any]) -> Record:
        """A global limit."""
        shop = self.world.workshop
        sent = {"name": shop.name("slots"), "limit": self.limit, **fields}
        record: Record = shop.send("POST /v2/concurrency_limits/", sent)
        return record

    def acquire(self, slots: int = 1) -> Any | None:
        """By a count, which is what a release names too."""
        return slots if self.increment(self.asked(slots)).is_success else None

    def asked(self, slots: int, *others: Way) -> Record:
        """Global limits are named."""
        return {"names": [way.record["name"] for way in (self, *others)], "slots": slots, "mode": "concurrency"}

    def release(self, held: Any) -> None:
        """By their count."""
        body = {"names": [self.record["name"]], "slots": held}
        self.released(self.post("/v2/concurrency_limits/decrement", body))

    def taken(self) -> int:
        """By the limit's own count."""
        name = self.record["name"]
        return int(self.world.workshop.send("GET /v2/concurrency_limits/{id_or_name}", id_or_name=name)["active_slots"])


class Leased(Counted):
    """Global limits, held by a lease."""

    operation = LEASED
    needs = ("POST /v2/concurrency_limits/", "POST /v2/concurrency_limits/decrement-with-lease")
    names_holder = True

    def acquire(self, slots: int = 1) -> Any | None:
        """By a lease, which is what a release names."""
        response = self.increment(self.asked(slots))
        return response.json()["lease_id"] if response.is_success else None

    def release(self, held: Any) -> None:
        """By the lease."""
        self.released(self.post("/v2/concurrency_limits/decrement-with-lease", {"lease_id": held}))


class _Tagged(Way):
    """Limits on a tag of task runs."""

    several = False

    def make(self, fields: Mapping[str, Any]) -> Record:
        """A limit on a new tag."""
        shop = self.world.workshop
        self.numbers = itertools.count(1)
        sent = {"tag": shop.name("tag"), "concurrency_limit": self.limit}
        record: Record = shop.send("POST /concurrency_limits/", sent)
        return record

    def taken(self) -> int:
        """By the task runs that are shown."""
        shown = self.world.workshop.send("GET /concurrency_limits/{id}", id=str(self.record["id"]))
        return len(shown["active_slots"])


class Tags(_Tagged, Incremented):
    """A tag's slots, asked for on behalf of a task run."""

    operation = TAGS
    needs = ("POST /concurrency_limits/", "POST /concurrency_limits/decrement")

    def acquire(self, slots: int = 1) -> Any | None:
        """For a task run, which is what a release names."""
        body = self.asked(slots)
        return body["task_run_id"] if self.increment(body).is_success else None

    def asked(self, slots: int, *others: Way) -> Record:
        """Tags are named, and a task run that nobody else is."""
        holder = uuid5(NAMESPACE_URL, f"{self.record['id']}-{next(self.numbers)}")
        return {"names": [way.record["tag"] for way in (self, *others)], "task_run_id": str(holder)}

    def release(self, held: Any) -> None:
        """By the task run."""
        body = {"names": [self.record["tag"]], "task_run_id": held}
        self.released(self.post("/concurrency_limits/decrement", body))


class Orchestrated(_Tagged):
    """A tag's slots, held by the task runs that carry it while they are running."""

    operation = ORCHESTRATED
    needs = ("POST /concurrency_limits/", "POST /task_runs/")

    def make(self, fields: Mapping[str, Any]) -> Record:
        """A limit on a new tag, and a flow run whose tasks are to carry it."""
        self.ready: list[str] = []
        # No task runs outside of a running flow run.
        self.flow_run = str(self.world.victim("flow_runs").record["id"])
        if self.asked_state("flow_runs", self.flow_run, "RUNNING") != "ACCEPT":
            raise CouldNotRun("a pending flow run may not run")
        return super().make(fields)

    def prepare(self, calls: int) -> None:
        """Task runs, pending."""
        for _ in range(calls):
            self.ready.append(self._task_run())

    def _task_run(self) -> str:
        shop = self.world.workshop
        fields = {"tags": [self.record["tag"]], "flow_run_id": self.flow_run}
        return str(shop.send("POST /task_runs/", {**RESOURCES["task_runs"].body(shop), **fields})["id"])

    def acquire(self, slots: int = 1) -> Any | None:
        """By letting a task run begin."""
        try:
            run = self.ready.pop()
        except IndexError:
            run = self._task_run()
        match self.asked_state("task_runs", run, "RUNNING"):
            case "ACCEPT":
                return run
            case "WAIT":  # It may ask again.
                self.ready.append(run)
                return None
            case other:
                raise CouldNotRun(f"a pending task run may not run, for another cause than the limit: {other}")

    def release(self, held: Any) -> None:
        """By letting it complete."""
        if (status := self.asked_state("task_runs", held, "COMPLETED")) != "ACCEPT":
            raise CouldNotRun(f"a running task run may not complete: {status}")


class Deployed(Way):
    """A deployment's slots, held by its runs from when they are taken from the schedule until they end."""

    operation = DEPLOYED
    needs = (CREATE, RUN)
    several = False

    def make(self, fields: Mapping[str, Any]) -> Record:
        """A deployment."""
        self.ready: list[str] = []
        return deployment(self.world, concurrency_limit=self.limit, **fields)

    def prepare(self, calls: int) -> None:
        """Runs, scheduled."""
        for _ in range(calls):
            self.ready.append(self.run())

    def run(self) -> str:
        """A scheduled run."""
        return str(self.world.workshop.send(RUN, {"state": {"type": "SCHEDULED"}}, id=str(self.record["id"]))["id"])

    def acquire(self, slots: int = 1) -> Any | None:
        """By letting a run be pending."""
        run = self.ready.pop() if self.ready else self.run()
        return run if self.asked_state("flow_runs", run, "PENDING") == "ACCEPT" else None

    def release(self, held: Any) -> None:
        """By letting it end."""
        if (status := self.asked_state("flow_runs", held, "CANCELLED")) != "ACCEPT":
            raise CouldNotRun(f"a pending run may not be cancelled: {status}")

    def taken(self) -> int:
        """By the limit that the deployment shows."""
        shown = self.world.workshop.send("GET /deployments/{id}", id=str(self.record["id"]))
        return int(shown["global_concurrency_limit"]["active_slots"])


WAYS: Final[tuple[type[Way], ...]] = (Tags, Counted, Leased, Orchestrated, Deployed)


def ways(contract: Contract) -> Mapping[str, type[Way]]:
    """The ways that a contract has, by the operation that acquires."""
    found = {
        way.operation: way
        for way in WAYS
        if all(operation in contract.operations for operation in (way.operation, *way.needs))
    }
    if "concurrency_options" not in contract.body_properties(CREATE):
        # Generations that have no such options keep a deployment's limit, and leave it to workers to heed it.
        found.pop(DEPLOYED, None)
    if TAGS in found:
        # On SQLite, 3.9.1 locks itself out for a minute where two task runs of one limited tag start at once, and
        # answers 503 to everybody meanwhile. Its tags' slots are had without that.
        found.pop(ORCHESTRATED, None)
    return found
