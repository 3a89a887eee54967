"""The queues of a work pool, addressed by the pool's name and their own."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.resources.base import Made, Record, Resource, Workshop, World, documented
from conformance.resources.work_queues import CLOCK, PATCHES


def pool(record: Record, world: World) -> Mapping[str, str]:
    """The pool that a queue or a worker is of."""
    pools = (pool["name"] for pool in world.get("work_pools", ()) if pool["id"] == record["work_pool_id"])
    return {"work_pool_name": next(pools)}


def queues(prefix: str) -> Resource:
    """The collection under a path prefix."""
    pools = f"{prefix}work_pools"
    create = f"POST /{pools}/{{work_pool_name}}/queues"

    def body(shop: Workshop) -> Record:
        fields = {
            "name": shop.name("queue"),
            "description": "made by the conformance suite",
            "is_paused": False,
            "concurrency_limit": 5,
        }
        return documented(shop, create, fields)

    def make(shop: Workshop) -> Made:
        within = {"work_pool_name": str(shop.shared(pools).record["name"])}
        sent = body(shop)
        made = Made(resource.name, shop.send(create, sent, **within), within, sent, within)
        return resource.read_back(shop, made)

    member = f"/{pools}/{{work_pool_name}}/queues/{{name}}"
    resource = Resource(
        name=f"{pools}/queues",
        members=(member,),
        creates=create,
        reads=f"GET {member}",
        updates=f"PATCH {member}",
        destroys=f"DELETE {member}",
        body=body,
        unique=("name",),
        again="conflicts",
        parents={pools: {"name": "work_pool_name"}},
        maker=make,
        clock=CLOCK,
        patches=PATCHES,
        filtered="work_queues",
        scope=pool,
    )
    return resource


WORK_POOL_QUEUES = queues("")
EXPERIMENTAL_WORK_POOL_QUEUES = queues("experimental/")
