"""The workers of a work pool: a heartbeat makes one, and only the pool's list shows it."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.resources.base import Made, Record, Resource, Workshop, documented, listed_under
from conformance.resources.work_pool_queues import pool as pool_of


def workers(prefix: str) -> Resource:
    """The collection under a path prefix."""
    pools = f"{prefix}work_pools"
    heartbeat = f"POST /{pools}/{{work_pool_name}}/workers/heartbeat"
    create_pool = f"POST /{pools}/"

    def body(shop: Workshop) -> Record:
        return documented(shop, heartbeat, {"name": shop.name("worker"), "heartbeat_interval_seconds": 60})

    def make(shop: Workshop) -> Made:
        # A pool of its own, because a heartbeat changes the status of the pool.
        pool = documented(shop, create_pool, {"name": shop.name("pool"), "type": "process", "base_job_template": {}})
        within = {"work_pool_name": str(shop.send(create_pool, pool)["name"])}
        sent = body(shop)
        shop.send(heartbeat, sent, **within)
        return resource.read_back(shop, Made(resource.name, {"name": sent["name"]}, within, sent, within))

    def gather(shop: Workshop, made: Sequence[Made]) -> list[Record]:
        """The workers in the lists of their pools."""
        names = dict.fromkeys(member.address["work_pool_name"] for member in made)
        query = f"POST /{pools}/{{work_pool_name}}/workers/filter"
        listed = {name: shop.send(query, {}, work_pool_name=name) for name in names}
        return [
            listed_under(listed[member.address["work_pool_name"]], "name", member.record["name"]) for member in made
        ]

    def find(shop: Workshop, made: Made) -> Record:
        return gather(shop, [made])[0]

    member = f"/{pools}/{{work_pool_name}}/workers/{{name}}"
    resource = Resource(
        name=f"{pools}/workers",
        members=(member,),
        creates=heartbeat,
        destroys=f"DELETE {member}",
        body=body,
        unique=("name",),
        parents={pools: {"name": "work_pool_name"}},
        maker=make,
        finder=find,
        gathered=gather,
        # A worker is offline when its last heartbeat is too long ago at the time of reading.
        clock=frozenset({"status"}),
        filtered="workers",
        # The grammar knows neither ids nor names of workers. But nobody else's are in the pool, which the path names.
        fence=None,
        scope=pool_of,
        filled=frozenset({"last_heartbeat_time", "status"}),
    )
    return resource


WORK_POOL_WORKERS = workers("")
EXPERIMENTAL_WORK_POOL_WORKERS = workers("experimental/")
