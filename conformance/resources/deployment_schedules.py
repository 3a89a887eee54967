"""The schedules of a deployment, which only the deployment's list shows."""

from __future__ import annotations

from conformance.resources.base import Made, Record, Resource, Workshop, listed_under
from conformance.resources.deployments import DEPLOYMENTS


def daily(hour: int) -> Record:
    """A schedule by cron, whole: the server shows the defaults of what is left out."""
    return {"cron": f"0 {hour} * * *", "timezone": "UTC", "day_or": True}


def body(shop: Workshop) -> list[Record]:
    """One schedule, inactive: an active one would make the server's scheduler create flow runs."""
    return [{"active": False, "schedule": daily(3)}]


def make(shop: Workshop) -> Made:
    """A schedule of a new deployment: the record of a deployment shows its schedules, so the shared one won't do."""
    within = {"id": str(DEPLOYMENTS.make(shop).record["id"])}
    sent = body(shop)
    (record,) = shop.send("POST /deployments/{id}/schedules", sent, **within)
    return Made("deployments/schedules", record, {}, sent, within)


def find(shop: Workshop, made: Made) -> Record:
    """The schedule in the list of its deployment."""
    listed = shop.send("GET /deployments/{id}/schedules", id=str(made.record["deployment_id"]))
    return listed_under(listed, "id", made.record["id"])


DEPLOYMENT_SCHEDULES = Resource(
    name="deployments/schedules",
    members=("/deployments/{deployment_id}/schedules/{id}",),
    creates="POST /deployments/{id}/schedules",
    updates="PATCH /deployments/{id}/schedules/{schedule_id}",
    destroys="DELETE /deployments/{id}/schedules/{schedule_id}",
    body=body,
    parents={"deployments": {"id": "deployment_id"}},
    lists=("/deployments/{deployment_id}/schedules",),
    maker=make,
    finder=find,
    patches={
        "active": True,
        "schedule": daily(4),
        "max_scheduled_runs": 3,
        "max_active_runs": 3,
        "catchup": True,
        "parameters": {"size": 2},
        "slug": lambda shop, record: shop.name("slug"),
    },
)
