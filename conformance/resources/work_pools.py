"""Work pools, addressed by their name. Prefect 2.7 had them under `experimental/`."""

from __future__ import annotations

from conformance.resources.base import Record, Resource, Workshop, documented


def job_template(default: int) -> Record:
    """A template of jobs with one variable."""
    variables = {
        "type": "object",
        "properties": {"cpu": {"type": "integer", "default": default}},
        # Early generations fail on a template that does not say what is required.
        "required": [],
    }
    return {"job_configuration": {"cpu": "{{ cpu }}"}, "variables": variables}


def pools(prefix: str) -> Resource:
    """The collection under a path prefix."""
    name = f"{prefix}work_pools"
    create = f"POST /{name}/"

    def body(shop: Workshop) -> Record:
        fields = {
            "name": shop.name("pool"),
            "description": "made by the conformance suite",
            "type": "process",
            "base_job_template": job_template(1),
            "is_paused": False,
            "concurrency_limit": 5,
        }
        return documented(shop, create, fields)

    member = f"/{name}/{{name}}"
    return Resource(
        name=name,
        members=(member,),
        creates=create,
        reads=f"GET {member}",
        updates=f"PATCH {member}",
        destroys=f"DELETE {member}",
        body=body,
        unique=("name",),
        again="conflicts",
        # `status` follows the heartbeats of the pool's workers, `active_slots` counts the runs of the moment.
        clock=frozenset({"status", "active_slots"}),
        completed=frozenset({"storage_configuration"}),
        patches={
            "description": "changed by the conformance suite",
            "base_job_template": job_template(2),
            "is_paused": True,
            "concurrency_limit": 7,
            "storage_configuration": lambda shop, record: {
                "default_result_storage_block_id": shop.shared("block_documents").record["id"]
            },
        },
        filtered="work_pools",
        filled=frozenset({"id", "name", "type"}),
    )


WORK_POOLS = pools("")
EXPERIMENTAL_WORK_POOLS = pools("experimental/")
