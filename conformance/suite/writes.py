"""The operations that make or change one member, a legal body for each, and what shows that nothing came of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from conformance.contract import Contract, Operation
from conformance.resources import RESOURCES, Made, Resource, Workshop
from conformance.suite.calls import call, without
from conformance.suite.fuzz.patience import send
from conformance.target import Client, Exchange
from conformance.world import World

_TIMES_BESIDE_OTHERS: Final = 3


@dataclass(frozen=True)
class Write:
    """An operation that makes, changes or replaces members of a collection by a JSON body."""

    operation: Operation
    resource: Resource

    @property
    def creates(self) -> bool:
        """Whether it makes a member, rather than changing one."""
        return self.operation.label == self.resource.creates

    def legal(self, shop: Workshop, member: Made | None = None) -> Any:
        """A body that the operation takes, with new names; `member` is the one to replace, or else a shared one."""
        resource = self.resource
        if self.creates:
            return resource.body(shop)
        if self.operation.label == resource.replaces and resource.replacement is not None:
            return resource.replacement(shop, member or shop.shared(resource.name))
        return {}

    def send(self, client: Client, world: World, content: bytes, member: Made | None = None) -> Exchange:
        """Send a body, about `member` where the operation changes one. Raises Busy and Unreachable."""
        url = client.base_url + call(self.operation, world, member).path
        return send(client, world, self.operation.method, url, content, {"content-type": "application/json"})

    def number(self, client: Client, world: World) -> int | None:
        """How many members there are; None where none can tell."""
        counting = f"POST /{self.resource.name}/count"
        if not world.workshop.has(counting):
            return None
        answer = client.request("POST", counting.partition(" ")[2], {})
        found = answer.json() if answer.is_success else None
        return found if isinstance(found, int) else None

    def reading(self, client: Client, world: World, member: Made) -> httpx.Response | None:
        """What a single read of the member answers; None where there is no such operation."""
        resource = self.resource
        if resource.reads is None or not world.workshop.has(resource.reads):
            return None
        return client.request("GET", call(world.workshop.contract.operations[resource.reads], world, member).path)

    def stable(self, record: Any) -> Any:
        """What of a member's record stays as long as nobody changes it."""
        return without(self.resource.clock, record)


def times(world: World) -> int:
    """Times that a refused body has to leave something behind, one after the other.

    Another worker of the run may make a member of the same collection at the same moment: not every time.
    """
    return 1 if world.alone else _TIMES_BESIDE_OTHERS


def every_write(contract: Contract) -> Mapping[str, Write]:
    """Every such operation of the contract that the suite has a legal body for."""
    return {
        label: Write(contract.operations[label], resource)
        for resource in RESOURCES.values()
        for label in (resource.creates, resource.updates, resource.replaces)
        if label is not None
        and label in contract.operations
        and contract.operations[label].body is not None
        and resource.makeable
        and not resource.singleton
    }
