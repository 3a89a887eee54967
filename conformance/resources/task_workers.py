"""Task workers: clients that wait for scheduled task runs on a WebSocket, listed while they are connected."""

from __future__ import annotations

from conformance.resources.base import Resource

TASK_WORKERS = Resource(name="task_workers", filtered="task_worker_filter", fence=None)
