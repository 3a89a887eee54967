"""What Prefect's own SDK did on the target, and saw of it: done once a server, and read by every check that asks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

from conformance.errors import TargetTrouble
from conformance.resources import Record
from conformance.suite.outcome import CouldNotRun, NotApplicable, Violation
from conformance.target import BUSY, Client, WouldWrite
from conformance.target.sdk import SdkTrouble, Use, release_for, travel
from conformance.world import World
from conformance.world.workshop import SeedingError

FLOWS: Final = ("tasks", "parent", "child", "retried-task", "retried-flow", "failing", "served", "keeping")
"""What the names of the SDK's flows end in."""

_PATIENCE: Final = 300.0
"""Seconds for all of it: some 15 on two idle cores, and several times that on a loaded machine."""

_SETTLED: Final = 15.0
"""Seconds after the SDK's end by which all that it sent is there: task runs and logs may come in by a queue."""

_LIMIT: Final = "POST /v2/concurrency_limits/"

_REFUSED: Final = ("httpx.HTTPStatusError", "prefect.exceptions.", "pydantic")
"""What the classes of errors begin with by which the SDK says that it is refused, or answered what it can't read."""

_UNREACHED: Final = ("httpx.TransportError", "httpx.RequestError", "httpcore.")
"""The same, where it is not answered."""


class Journeys:
    """The parts of what the SDK did, by their names. `version` is what the target says that it is.

    `report` is a file of the run's temporary folder that all who test this server share: the first one who asks has
    the SDK set out, and the others wait for it.
    """

    def __init__(self, client: Client, world: World, version: str, report: Path) -> None:
        self._client = client
        self._world = world
        self._version = version
        self._report = report

    def part(self, name: str) -> Mapping[str, Any]:
        """What the SDK saw of one part.

        Raises Violation where the target refused it, NotApplicable where this generation's SDK has no such part or
        can't show what the target wants, and CouldNotRun where it did not get that far.
        """
        self._require_leave()
        parts = self._parts
        if parts.get("sdk", {}).get("lacking"):
            raise NotApplicable("headers")
        found = parts.get(name)
        if found is None and "end" in parts:
            raise NotApplicable("lacking")
        if found is None:
            raise CouldNotRun(parts.get("trouble", {}).get("error", "the SDK ended before it came to this"))
        if "error" in found:
            self._blame(name, found)
        return found

    def settled(self) -> bool:
        """Whether all that the SDK sent has had the time to come in."""
        return time.time() > self._ended + _SETTLED

    @property
    def flows(self) -> Mapping[str, str]:
        """The names of the flows."""
        self._require_leave()
        prefix = self._parts["sdk"]["prefix"]
        return {flow: f"{prefix}-{flow}" for flow in FLOWS}

    def _require_leave(self) -> None:
        """Raise WouldWrite where nothing may be changed: no client of the suite's stands between the SDK and that.

        Raise NotApplicable where the run has a client certificate: no release of the SDK can be told of one.
        """
        if self._client.read_only:
            raise WouldWrite("Prefect's own client makes what it is judged on")
        if self._client.access.certificate is not None:
            raise NotApplicable("certificate")

    @staticmethod
    def _blame(name: str, found: Mapping[str, Any]) -> None:
        """Raise Violation or CouldNotRun for an error that ended a part."""
        error, kinds = found["error"], found["of"]
        refused = any(kind.startswith(_REFUSED) for kind in kinds)
        busy = any(f"'{status} " in error for status in BUSY)
        if refused and not busy and not any(kind.startswith(_UNREACHED) for kind in kinds):
            raise Violation(f"Prefect's own client fails in {name}", expected="no error", observed=error)
        raise CouldNotRun(f"the client's part {name}: {error}")

    @cached_property
    def _parts(self) -> Mapping[str, Mapping[str, Any]]:
        with FileLock(self._report.with_suffix(".lock")):
            if not self._report.exists():
                self._set_out()
        lines = (json.loads(line) for line in self._report.read_text("utf-8").splitlines())
        return {line["part"]: line for line in lines}

    @cached_property
    def _ended(self) -> float:
        return self._report.stat().st_mtime

    def _set_out(self) -> None:
        """Have the SDK do all of it. What keeps it from that is written down too: nobody else need try."""
        workshop = self._world.workshop
        client = self._client
        self._report.touch()
        prefix = workshop.name("client")
        limit = None
        try:
            if workshop.has(_LIMIT):
                limit = workshop.send(_LIMIT, {"name": f"{prefix}-limit", "limit": 2})["name"]
            release = release_for(self._version, workshop.contract.operations)
            with self._entered(prefix):
                access = client.access
                use = Use(client.base_url, access.headers, prefix, limit, access.authority)
                travel(release, use, self._report, lambda: client.request("GET", "/health"), _PATIENCE)
        except (SdkTrouble, SeedingError, TargetTrouble) as trouble:
            with self._report.open("a", encoding="utf-8") as report:
                report.write(json.dumps({"part": "trouble", "error": str(trouble)}) + "\n")
            if isinstance(trouble, TargetTrouble):
                raise

    @contextmanager
    def _entered(self, prefix: str) -> Iterator[None]:
        """Whatever ends what is inside: what the SDK has created is entered in the ledger of what has to be removed."""
        try:
            yield
        finally:
            # What can't be listed now is not lost: what the SDK made bears the run's prefix, or hangs on what does,
            # and by that the sweep finds it at the end of the run.
            with suppress(TargetTrouble, SeedingError, ValueError):
                self._enter(prefix)

    def _enter(self, prefix: str) -> None:
        """Enter what bears the prefix, or belongs to it. What hangs on a flow is removed with it."""
        note = self._world.workshop.note
        flows = self._found("flows", "name", [f"{prefix}-{flow}" for flow in FLOWS])
        ids = [flow["id"] for flow in flows]
        runs = [run["id"] for run in self._found("flow_runs", "flow_id", ids, {"flows": {"id": {"any_": ids}}})]
        deployments = self._found("deployments", "flow_id", ids, {"flows": {"id": {"any_": ids}}})
        note("flows", flows)
        note("block_types", self._found("block_types", "slug", [f"{prefix}-note".lower()]))
        note("variables", self._found("variables", "name", [f"{prefix}_variable".lower().replace("-", "_")]))
        note("work_queues", self._found("work_queues", "name", [f"{prefix}-queue"]))
        note("artifacts", self._found("artifacts", "flow_run_id", runs))
        blocks = dict.fromkeys((*self._said_blocks(), *self._blocks(deployments)))
        note("block_documents", [{"id": block} for block in blocks])

    def _found(self, collection: str, key: str, values: Sequence[str], body: Record | None = None) -> list[Record]:
        """The members whose `key` is one of `values`: asked for by `body`, or by that key.

        Looked at once more: a server that does not know the criterion may answer with everything that it has.
        """
        operation = f"POST /{collection}/filter"
        if not self._world.workshop.has(operation):
            return []
        asked = body or {collection: {key: {"any_": list(values)}}}
        answer = self._client.request("POST", f"/{collection}/filter", asked)
        listed = answer.json() if answer.is_success else []
        rows = listed if isinstance(listed, list) else []
        return [row for row in rows if isinstance(row, dict) and row.get(key) in values]

    def _said_blocks(self) -> Iterator[str]:
        """The nameless blocks that the SDK says it has saved."""
        for line in self._report.read_text("utf-8").splitlines():
            yield from json.loads(line).get("blocks", ())

    def _blocks(self, deployments: Sequence[Record]) -> Iterator[str]:
        """The nameless blocks that the first generations save for a deployment."""
        keys = ("infrastructure_document_id", "storage_document_id")
        yield from (row[key] for row in deployments for key in keys if row.get(key))
