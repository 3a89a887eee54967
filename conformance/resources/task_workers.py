"""Task workers: clients that wait for scheduled task runs on a WebSocket, listed while they are connected."""

from __future__ import annotations

from conformance.resources.base import At, Resource

TASK_WORKERS = Resource(
    name="task_workers",
    identity="identifier",
    filtered="task_worker_filter",
    fence=None,
    criteria={".task_keys": At("task_keys")},
    filled=frozenset({".task_keys"}),
)
