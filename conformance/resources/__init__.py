"""The collections of the API, one module each. A new collection is one more module and one more line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from conformance.resources.admin_storage import ADMIN_STORAGE
from conformance.resources.artifacts import ARTIFACTS, LATEST_ARTIFACTS
from conformance.resources.automations import AUTOMATIONS
from conformance.resources.base import (
    At,
    Made,
    Reader,
    Record,
    Relation,
    Resource,
    Workshop,
    World,
    keys_by_placeholder,
    segments,
)
from conformance.resources.block_documents import BLOCK_DOCUMENTS
from conformance.resources.block_schemas import BLOCK_SCHEMAS
from conformance.resources.block_types import BLOCK_TYPES
from conformance.resources.collections_views import COLLECTIONS_VIEWS
from conformance.resources.concurrency_limits import CONCURRENCY_LIMITS
from conformance.resources.deployment_schedules import DEPLOYMENT_SCHEDULES
from conformance.resources.deployments import DEPLOYMENTS
from conformance.resources.events import EVENTS
from conformance.resources.flow_run_inputs import FLOW_RUN_INPUTS
from conformance.resources.flow_run_notification_policies import FLOW_RUN_NOTIFICATION_POLICIES
from conformance.resources.flow_run_states import FLOW_RUN_STATES
from conformance.resources.flow_runs import FLOW_RUNS
from conformance.resources.flows import FLOWS
from conformance.resources.logs import LOGS
from conformance.resources.saved_searches import SAVED_SEARCHES
from conformance.resources.task_run_states import TASK_RUN_STATES
from conformance.resources.task_runs import TASK_RUNS
from conformance.resources.task_workers import TASK_WORKERS
from conformance.resources.v2_concurrency_limit_leases import V2_CONCURRENCY_LIMIT_LEASES
from conformance.resources.v2_concurrency_limits import V2_CONCURRENCY_LIMITS
from conformance.resources.variables import VARIABLES
from conformance.resources.work_pool_queues import EXPERIMENTAL_WORK_POOL_QUEUES, WORK_POOL_QUEUES
from conformance.resources.work_pool_workers import EXPERIMENTAL_WORK_POOL_WORKERS, WORK_POOL_WORKERS
from conformance.resources.work_pools import EXPERIMENTAL_WORK_POOLS, WORK_POOLS
from conformance.resources.work_queues import WORK_QUEUES

__all__ = [
    "RESOURCES",
    "At",
    "Made",
    "Reader",
    "Record",
    "Relation",
    "Resource",
    "Workshop",
    "World",
    "address",
]

RESOURCES: Mapping[str, Resource] = MappingProxyType(
    {
        resource.name: resource
        for resource in (
            FLOWS,
            FLOW_RUNS,
            TASK_RUNS,
            DEPLOYMENTS,
            FLOW_RUN_STATES,
            TASK_RUN_STATES,
            FLOW_RUN_INPUTS,
            DEPLOYMENT_SCHEDULES,
            SAVED_SEARCHES,
            LOGS,
            ARTIFACTS,
            LATEST_ARTIFACTS,
            VARIABLES,
            CONCURRENCY_LIMITS,
            V2_CONCURRENCY_LIMITS,
            V2_CONCURRENCY_LIMIT_LEASES,
            BLOCK_TYPES,
            BLOCK_SCHEMAS,
            BLOCK_DOCUMENTS,
            WORK_POOLS,
            WORK_POOL_QUEUES,
            WORK_POOL_WORKERS,
            EXPERIMENTAL_WORK_POOLS,
            EXPERIMENTAL_WORK_POOL_QUEUES,
            EXPERIMENTAL_WORK_POOL_WORKERS,
            WORK_QUEUES,
            EVENTS,
            AUTOMATIONS,
            COLLECTIONS_VIEWS,
            FLOW_RUN_NOTIFICATION_POLICIES,
            ADMIN_STORAGE,
            TASK_WORKERS,
        )
    }
)
"""Every collection of every supported generation, by name. Parents come before what hangs on them."""


def address(path: str) -> tuple[Resource, Mapping[str, str]] | None:
    """The collection whose member an operation's path is about, and the key that fills each of its placeholders.

    `/flow_runs/{id}/graph-v2` is about a flow run, and `Made.value("id")` of one fills `id`. The longest
    member template that is a prefix of the path decides. None where no template fills all placeholders.
    """
    best: tuple[int, Resource, Mapping[str, str]] | None = None
    for resource in RESOURCES.values():
        for template in resource.members:
            keys = keys_by_placeholder(template, path)
            length = len(segments(template))
            if keys is not None and (best is None or length > best[0]):
                best = (length, resource, keys)
    return None if best is None else best[1:]
