"""Work queues by id and by name: the first generations' own, and later those of a default pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conformance.resources.base import Record, Relation, Resource, Workshop, World, documented, link

WORK_POOL = link("work_pools", "work_pool_id", "id")


def queue_id(record: Record, world: World) -> Any:
    """The id of the queue that a flow run or a deployment is sent to.

    Only later generations show it; the names of the pool and of the queue in it say the same.
    """
    if record.get("work_queue_id") is not None or record.get("work_pool_name") is None:
        return record.get("work_queue_id")
    pools = {pool["id"] for pool in world.get("work_pools", ()) if pool["name"] == record["work_pool_name"]}
    queues = (queue for queue in world.get("work_queues", ()) if queue["name"] == record.get("work_queue_name"))
    return next((queue["id"] for queue in queues if queue.get("work_pool_id") in pools), None)


WORK_QUEUE = Relation("work_queues", (queue_id,), ("id",), named="work_pool_queues", then=(WORK_POOL,))
"""From a flow run or a deployment to its queue, and through that to the pool."""


def body(shop: Workshop) -> Record:
    """A queue with room for five. Without a priority: giving one would move those of other queues."""
    fields = {
        "name": shop.name("queue"),
        "description": "made by the conformance suite",
        "is_paused": False,
        "concurrency_limit": 5,
    }
    return documented(shop, "POST /work_queues/", fields)


# `status` and `last_polled` are moved by polls and by a service of the server, `active_slots` counts the runs
# of the moment, and `priority` shifts when a sibling in the same pool is made, changed or deleted.
CLOCK = frozenset({"status", "last_polled", "active_slots", "priority"})

# Not here: `priority`, which would move other queues, and `last_polled`, which is the clock's.
PATCHES: Mapping[str, Any] = {
    "name": lambda shop, record: shop.name("renamed"),
    "description": "changed by the conformance suite",
    "is_paused": True,
    "concurrency_limit": 7,
    "filter": {"tags": ["red"], "deployment_ids": []},
}


def queues(world: World) -> Sequence[Record]:
    """The queues of all pools and those that were made without naming one: this collection lists both."""
    return [*world.get("work_queues", ()), *world.get("work_pools/queues", ())]


WORK_QUEUES = Resource(
    name="work_queues",
    members=("/work_queues/{id}", "/work_queues/name/{name}"),
    creates="POST /work_queues/",
    reads="GET /work_queues/{id}",
    updates="PATCH /work_queues/{id}",
    destroys="DELETE /work_queues/{id}",
    body=body,
    unique=("name",),
    again="conflicts",
    clock=CLOCK,
    patches=PATCHES,
    derived=queues,
)
