"""The operations that take job variables for runs in a work pool, each with what it takes them for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import httpx

from conformance.contract import Contract
from conformance.resources import RESOURCES, Record
from conformance.suite.made_runs import created
from conformance.suite.plans import BULK, CREATE, RUN, deployment, that_runs
from conformance.suite.polls import Pool, pools
from conformance.suite.references import related_to
from conformance.target import Client
from conformance.world import World

FIELD: Final = "job_variables"
_FORMERLY: Final = "infra_overrides"
"""What 2.20 still calls them where it shows a deployment; it refuses a body that has both."""

TEMPLATE: Final = "base_job_template"


def template(*required: str, size: Any = 1) -> Record:
    """A job template with the variables `image`, a text without a default, and `size`, a number with one."""
    return {
        "job_configuration": {"image": "{{ image }}", "size": "{{ size }}"},
        "variables": {
            "type": "object",
            "properties": {"image": {"type": "string"}, "size": {"type": "integer", "default": size}},
            "required": list(required),
        },
    }


def templated(contract: Contract) -> bool:
    """Whether the pools of a contract have job templates, and deployments what goes into them."""
    collection = pools(contract)
    return (
        collection is not None
        and TEMPLATE in contract.body_properties(f"POST /{collection}/")
        and FIELD in contract.body_properties(CREATE)
    )


class Taker(ABC):
    """One operation, and a deployment in a new pool whose job template wants some of its variables."""

    operation: ClassVar[str]

    def __init__(self, client: Client, world: World, *required: str) -> None:
        self.client = client
        self.world = world
        self.pool = Pool(world, **{TEMPLATE: template(*required)})
        self.place = self.pool.queue().place
        self.deployment = deployment(world, **self.place)

    def give(self, variables: Mapping[str, Any]) -> httpx.Response:
        """Send the variables."""
        found = self.world.workshop.contract.operations[self.operation]
        return self.client.request(found.method, found.fill(self.address()), self.body(dict(variables)))

    def address(self) -> Mapping[str, str]:
        """What stands for the placeholders of the path."""
        return {"id": str(self.deployment["id"])}

    def body(self, variables: Record) -> Any:
        """The body that has them."""
        return {FIELD: variables}

    def refused(self, answer: httpx.Response) -> bool:
        """Whether the answer to `give` says that the variables are not taken."""
        return answer.is_client_error

    @abstractmethod
    def kept(self) -> list[Any]:
        """The job variables of all that the operation has made or changed, as the server shows them now."""


def _of_deployment(record: Record) -> Any:
    return record[FIELD if FIELD in record else _FORMERLY]


class _NewDeployment(Taker):
    operation = CREATE

    def address(self) -> Mapping[str, str]:
        return {}

    def body(self, variables: Record) -> Record:
        body = {**RESOURCES["deployments"].body(self.world.workshop), **self.place, FIELD: variables}
        return {key: value for key, value in body.items() if key != _FORMERLY}

    def kept(self) -> list[Any]:
        inside = {"work_pools": {"name": {"any_": [self.pool.name]}}}
        found: Sequence[Record] = self.world.workshop.send("POST /deployments/filter", inside)
        return [_of_deployment(one) for one in found if one["id"] != self.deployment["id"]]


class _OldDeployment(Taker):
    operation = "PATCH /deployments/{id}"

    def kept(self) -> list[Any]:
        return [_of_deployment(self.world.workshop.send("GET /deployments/{id}", **self.address()))]


class _NewRun(Taker):
    operation = RUN

    def kept(self) -> list[Any]:
        of_it = {"deployments": {"id": {"any_": [self.deployment["id"]]}}}
        return [run[FIELD] for run in self.world.workshop.send("POST /flow_runs/filter", of_it)]


class _NewRuns(_NewRun):
    operation = BULK

    def give(self, variables: Mapping[str, Any]) -> httpx.Response:
        return created(self.client, self.world, self.deployment, [{FIELD: dict(variables)}])

    def refused(self, answer: httpx.Response) -> bool:
        if answer.is_success:
            return [result["status"] for result in answer.json()["results"]] == ["FAILED"]
        return super().refused(answer)


class _OldRun(Taker):
    operation = "PATCH /flow_runs/{id}"

    def __init__(self, client: Client, world: World, *required: str) -> None:
        super().__init__(client, world, *required)
        self._run: Record = world.workshop.send(RUN, {}, id=str(self.deployment["id"]))

    def address(self) -> Mapping[str, str]:
        return {"id": str(self._run["id"])}

    def kept(self) -> list[Any]:
        return [self.world.workshop.send("GET /flow_runs/{id}", **self.address())[FIELD]]


class _NewAutomation(Taker):
    operation = "POST /automations/"

    def address(self) -> Mapping[str, str]:
        return {}

    def body(self, variables: Record) -> Record:
        return {**RESOURCES["automations"].body(self.world.workshop), **self.action(variables)}

    def action(self, variables: Record) -> Record:
        """The fields of an automation that runs the deployment with the variables."""
        return {"actions": [that_runs(self.deployment, **{FIELD: variables})]}

    def kept(self) -> list[Any]:
        return [one["actions"][0][FIELD] for one in related_to(self.world, self.deployment)]


class _OldAutomation(_NewAutomation):
    operation = "PUT /automations/{id}"

    def __init__(self, client: Client, world: World, *required: str) -> None:
        super().__init__(client, world, *required)
        self._made = world.workshop.make("automations")

    def address(self) -> Mapping[str, str]:
        return {"id": str(self._made.record["id"])}

    def body(self, variables: Record) -> Record:
        replacement = RESOURCES["automations"].replacement
        assert replacement is not None
        return {**replacement(self.world.workshop, self._made), **self.action(variables)}


_TAKERS: Final = (_NewDeployment, _OldDeployment, _NewRun, _NewRuns, _OldRun, _NewAutomation, _OldAutomation)


def takers(contract: Contract) -> Mapping[str, type[Taker]]:
    """Those of a contract, by their operation."""
    if not templated(contract):
        return {}
    return {
        taker.operation: taker
        for taker in _TAKERS
        if taker.operation in contract.operations
        and (issubclass(taker, _NewAutomation | _NewRuns) or FIELD in contract.body_properties(taker.operation))
    }
