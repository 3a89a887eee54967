"""The ways in which a runner polls for scheduled runs, each with what it polls made for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from conformance.contract import Contract
from conformance.resources import RESOURCES, Record
from conformance.suite.check import Subjects
from conformance.suite.outcome import CouldNotRun, Violation
from conformance.suite.plans import CREATE, RUN, deployment
from conformance.target import Client
from conformance.world import World

QUEUE: Final = "POST /work_queues/{id}/get_runs"
DEPLOYMENTS: Final = "POST /deployments/get_scheduled_flow_runs"

AT: Final = datetime(2031, 5, 1, 12, tzinfo=UTC)
"""When a run is to start, unless a check says otherwise."""

_LATEST: Final = datetime(2035, 1, 1, tzinfo=UTC)
"""After all runs of a check. Orion hands out nothing from the future unless it is told how far to look."""

# 3.0.0 notes a poll after it has answered, fails at that, and drops the connection: what was sent on it meanwhile has
# been done then, without an answer.
_ALONE: Final = {"connection": "close"}


def pools(contract: Contract) -> str | None:
    """The collection of work pools that can be polled, None where the generation has none."""
    known = ("work_pools", "experimental/work_pools")
    return next((name for name in known if polling(name) in contract.operations), None)


def with_status(contract: Contract) -> bool:
    """Whether the contract's pools tell whether they are ready."""
    return "WorkPoolStatus" in contract.document.get("components", {}).get("schemas", {})


def heartbeats(contract: Contract) -> str | None:
    """The operation that a worker reports to a pool with, None where the generation has no workers."""
    found = RESOURCES[f"{pools(contract)}/workers"].creates if pools(contract) else None
    return found if found in contract.operations else None


def polling(collection: str) -> str:
    """The operation that polls a pool."""
    return f"POST /{collection}/{{name}}/get_scheduled_flow_runs"


class Queue:
    """A queue of its own: in a pool where the generation has pools. Without a limit, unless `fields` set one."""

    def __init__(self, world: World, pool: Pool | None, **fields: Any) -> None:
        self.shop = world.workshop
        self.pool = pool
        resource = RESOURCES["work_queues" if pool is None else f"{pool.collection}/queues"]
        body = {"name": self.shop.name("queue"), **fields}
        self._updates = str(resource.updates)
        self._within = {} if pool is None else {"work_pool_name": pool.name}
        self.record: Record = self.shop.send(str(resource.creates), body, **self._within)

    @property
    def place(self) -> Record:
        """The fields of a deployment that send its runs here."""
        within = {} if self.pool is None else {"work_pool_name": self.pool.name}
        return {**within, "work_queue_name": self.record["name"]}

    def change(self, **fields: Any) -> None:
        """Change some fields."""
        named = {"id": str(self.record["id"])} if self.pool is None else {**self._within, "name": self.record["name"]}
        self.shop.send(self._updates, fields, **named)


class Pool:
    """A work pool of its own, without a limit unless `fields` set one. It comes with a default queue."""

    def __init__(self, world: World, **fields: Any) -> None:
        collection = pools(world.workshop.contract)
        if collection is None:
            raise TypeError("the contract has no work pools")
        self.collection = collection
        self.world = world
        resource = RESOURCES[collection]
        body = {**resource.body(world.workshop), **fields}
        if "concurrency_limit" not in fields:
            del body["concurrency_limit"]
        self.record: Record = world.workshop.send(str(resource.creates), body)

    @property
    def name(self) -> str:
        """How paths address it."""
        return str(self.record["name"])

    def queue(self, **fields: Any) -> Queue:
        """A new queue in it."""
        return Queue(self.world, self, **fields)

    def change(self, **fields: Any) -> None:
        """Change some fields."""
        self.world.workshop.send(str(RESOURCES[self.collection].updates), fields, name=self.name)

    def beat(self, worker: str) -> None:
        """Report to it, as a worker of that name does."""
        workers = RESOURCES[f"{self.collection}/workers"]
        body = {**workers.body(self.world.workshop), "name": worker}
        self.world.workshop.send(str(workers.creates), body, work_pool_name=self.name)


def a_pool(world: World) -> Pool | None:
    """A pool of its own, where the generation has any."""
    return Pool(world) if pools(world.workshop.contract) else None


def run_of(world: World, of: Record, at: datetime = AT, type_: str = "SCHEDULED") -> Record:
    """A run of a deployment. Raises CouldNotRun where it is not in the state that was asked for."""
    state: Record = {"type": type_}
    if type_ == "SCHEDULED":
        state["state_details"] = {"scheduled_time": at.isoformat()}
    name = world.workshop.name(type_.lower())
    # The key, so that one request is one run: a server that is busy may have made it before it says so.
    body = {"name": name, "state": state, "idempotency_key": name}
    run: Record = world.workshop.send(RUN, body, id=str(of["id"]))
    if run.get("state_type") != type_:
        raise CouldNotRun(f"a run that is created {type_} is {run.get('state_type')}")
    return run


class Poll(ABC):
    """One way to poll, and what it polls. `fields` are those of the queue that it polls."""

    queue: Queue | None = None
    """The queue that is polled, where it is one."""

    variant: ClassVar[str] = ""
    """What sets it apart from other ways by the same operation."""

    def __init__(self, client: Client, world: World, **fields: Any) -> None:
        self.client = client
        self.world = world
        self.deployment = self.make(fields)

    @classmethod
    @abstractmethod
    def operation(cls, contract: Contract) -> str | None:
        """The operation, None where the contract has not what it takes."""

    @abstractmethod
    def make(self, fields: Record) -> Record:
        """What is polled, and a deployment whose runs are found there."""

    @abstractmethod
    def stranger(self) -> Record:
        """A scheduled run that is another one's to hand out."""

    @property
    def placeholders(self) -> Mapping[str, str]:
        """What fills the path."""
        return {}

    @property
    def named(self) -> Record:
        """What the body says of whose runs are wanted."""
        return {}

    def run(self, at: datetime = AT, type_: str = "SCHEDULED") -> Record:
        """A run that is this one's to hand out, once it is scheduled and due."""
        return run_of(self.world, self.deployment, at, type_)

    def rows(self, **body: Any) -> list[Record]:
        """What is answered to a poll. Raises Violation where that is no list."""
        contract = self.world.workshop.contract
        path = contract.operations[str(self.operation(contract))].fill(self.placeholders)
        bounds = {"scheduled_before": _LATEST.isoformat(), **body}
        sent = {**self.named, **{key: value for key, value in bounds.items() if value is not None}}
        response = self.client.request("POST", path, sent, headers=_ALONE)
        found = response.json() if response.is_success else None
        if not isinstance(found, list):
            raise Violation(
                "a poll is not answered by a list",
                expected=[],
                observed={"status": response.status_code, "body": response.text[:300]},
            )
        return found

    def ask(self, **body: Any) -> list[Record]:
        """The runs that are handed out. A `scheduled_before` after all of them is sent, unless `body` has another."""
        return self.rows(**body)


class OfQueue(Poll):
    """A queue that deployments name."""

    @classmethod
    def operation(cls, contract: Contract) -> str | None:
        """Where deployments know of queues."""
        knows = QUEUE in contract.operations and "work_queue_name" in contract.body_properties(CREATE)
        return QUEUE if knows else None

    def make(self, fields: Record) -> Record:
        """Of a pool of its own, where there are pools."""
        self.pool = a_pool(self.world)
        self.queue = Queue(self.world, self.pool, **fields)
        return deployment(self.world, **self.queue.place)

    @property
    def placeholders(self) -> Mapping[str, str]:
        """By id."""
        assert self.queue is not None
        return {"id": str(self.queue.record["id"])}

    def stranger(self) -> Record:
        """Of a sister queue."""
        return run_of(self.world, deployment(self.world, **Queue(self.world, self.pool).place))


class OfTags(Poll):
    """A queue with a filter for tags, which deployments need not know of."""

    variant = "by tags"

    @classmethod
    def operation(cls, contract: Contract) -> str | None:
        """Where queues have filters."""
        knows = QUEUE in contract.operations and "filter" in contract.body_properties("POST /work_queues/")
        return QUEUE if knows else None

    def make(self, fields: Record) -> Record:
        """With two tags."""
        self.tags = [self.world.workshop.name("tag") for _ in range(2)]
        self.queue = Queue(self.world, None, filter={"tags": self.tags}, **fields)
        return deployment(self.world, tags=self.tags)

    @property
    def placeholders(self) -> Mapping[str, str]:
        """By id."""
        assert self.queue is not None
        return {"id": str(self.queue.record["id"])}

    def stranger(self) -> Record:
        """With one of the two tags."""
        return run_of(self.world, deployment(self.world, tags=self.tags[:1]))


class OfFilteredDeployments(OfTags):
    """A queue with a filter for deployments."""

    variant = "by deployments"

    def make(self, fields: Record) -> Record:
        """With one deployment."""
        of = deployment(self.world)
        self.queue = Queue(self.world, None, filter={"deployment_ids": [of["id"]]}, **fields)
        return of

    def stranger(self) -> Record:
        """Of another deployment."""
        return run_of(self.world, deployment(self.world))


class OfPool(Poll):
    """A pool, all queues of it."""

    @classmethod
    def operation(cls, contract: Contract) -> str | None:
        """Where there are pools."""
        collection = pools(contract)
        return None if collection is None else polling(collection)

    def make(self, fields: Record) -> Record:
        """A pool of its own, with a queue beside the default one."""
        self.pool = Pool(self.world)
        self.queue = self.pool.queue(**fields)
        return deployment(self.world, **self.queue.place)

    @property
    def placeholders(self) -> Mapping[str, str]:
        """By name."""
        return {"name": self.pool.name}

    def stranger(self) -> Record:
        """Of another pool."""
        return run_of(self.world, deployment(self.world, **Pool(self.world).queue().place))

    def rows(self, **body: Any) -> list[Record]:
        """Each with its run."""
        found = super().rows(**body)
        if any(not isinstance(row, dict) or not isinstance(row.get("flow_run"), dict) for row in found):
            raise Violation("what is handed out is no run", expected={"flow_run": {}}, observed=found)
        return found

    def ask(self, **body: Any) -> list[Record]:
        """The runs alone."""
        return [row["flow_run"] for row in self.rows(**body)]


class OfNamedQueues(OfPool):
    """A pool, those of its queues that are named."""

    variant = "of named queues"

    @property
    def named(self) -> Record:
        """The one queue."""
        assert self.queue is not None
        return {"work_queue_names": [self.queue.record["name"]]}

    def stranger(self) -> Record:
        """Of another queue of the pool."""
        return run_of(self.world, deployment(self.world, **self.pool.queue().place))


class OfDeployments(Poll):
    """Deployments, wherever their runs are sent."""

    @classmethod
    def operation(cls, contract: Contract) -> str | None:
        """Where the contract has it."""
        return DEPLOYMENTS if DEPLOYMENTS in contract.operations else None

    def make(self, fields: Record) -> Record:
        """One with neither a pool nor a queue."""
        return deployment(self.world)

    @property
    def named(self) -> Record:
        """By id."""
        return {"deployment_ids": [self.deployment["id"]]}

    def stranger(self) -> Record:
        """Of another deployment."""
        return run_of(self.world, deployment(self.world))


_POLLS: Final[tuple[type[Poll], ...]] = (OfQueue, OfTags, OfFilteredDeployments, OfPool, OfNamedQueues, OfDeployments)


def polls(holds: Callable[[type[Poll]], bool] = lambda _: True) -> Subjects:
    """The ways to poll that a contract has and that something holds of, by their operation and what sets them apart."""

    def of_that_kind(contract: Contract) -> Mapping[str, type[Poll]]:
        found = {}
        for poll in filter(holds, _POLLS):
            if (operation := poll.operation(contract)) is not None:
                found[f"{operation}: {poll.variant}" if poll.variant else operation] = poll
        return found

    return of_that_kind
