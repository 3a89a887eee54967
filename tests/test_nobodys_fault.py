"""What is nobody's fault: what a busy server tells of and has not done, and what its services do meanwhile."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from conftest import cli, silent
from test_trouble import free_port

from conformance.faults.bends import Json
from conformance.faults.fault import Bend, Request, Response, Upstream
from conformance.run import run_directly
from conformance.run.proof import Laboratory
from conformance.suite.check import functions
from conformance.target import embedded
from conformance.target.embedded import EmbeddedServer
from conformance.verdicts import document
from conformance.verdicts.model import Verdict

pytestmark = pytest.mark.server


# A busy server


@dataclass
class HalfDone:
    """The first deletion of a flow is refused with 503 after it has told its event, for as many flows as that."""

    flows: int
    refused: set[str] = field(default_factory=set)

    @property
    def bend(self) -> Bend:
        return self

    async def __call__(self, request: Request, upstream: Upstream) -> Response:
        flow = f"prefect.flow.{request.path.rpartition('/')[2]}"
        deletes = request.method == "DELETE" and request.path.startswith("/flows/")
        if deletes and flow not in self.refused and len(self.refused) < self.flows:
            self.refused.add(flow)
            return Response.of(503, {"exception_message": "Service Unavailable"})
        answer = await upstream(request)
        if request.path != "/events/filter":
            return answer
        page = answer.json
        told = [event for event in page["events"] for _ in range(1 + self.is_of_a_refusal(event))]
        return answer.with_json({**page, "events": told})

    def is_of_a_refusal(self, event: Json) -> bool:
        resource = event["resource"]["prefect.resource.id"]
        return event["event"] == "prefect.flow.deleted" and resource in self.refused


def test_a_deletion_that_was_refused_once_may_be_told_twice(lab: Laboratory) -> None:
    half_done = HalfDone(flows=1)
    with lab.faulty(half_done) as judge:
        judged = judge("emitted.lifecycle", "flows")
    assert len(half_done.refused) == 1
    assert judged.verdict is Verdict.PASSED, judged.summary + judged.details


def test_a_server_that_is_busy_each_time_is_not_judged(lab: Laboratory) -> None:
    with lab.faulty(HalfDone(flows=1_000)) as judge:
        judged = judge("emitted.lifecycle", "flows")
    assert judged.verdict is Verdict.COULD_NOT_RUN, judged.summary


# Background services


@pytest.mark.parametrize(("state", "verdict"), [("COMPLETED", Verdict.FAILED), ("CANCELLED", Verdict.PASSED)])
def test_a_cancellation_that_nobody_confirms_may_end_and_in_no_other_way(
    lab: Laboratory, state: str, verdict: Verdict
) -> None:
    lab.workbench.examiner.forget()
    runs = lab.workbench.world.population.of("flow_runs")
    cancelling = next(run["id"] for run in runs if run["name"].endswith("cancel\\ling"))
    ended = {"state": {"type": state}, "force": True}
    httpx.post(f"{lab.url}/flow_runs/{cancelling}/set_state", json=ended).raise_for_status()
    check = functions()["aggregates.history-counts"]
    judged = run_directly(lab.workbench, check, "POST /flow_runs/history")
    assert judged.verdict is verdict, judged.summary


@contextmanager
def as_a_user_starts_it(home: Path, release: embedded.Release, **variables: str) -> Iterator[str]:
    """`prefect server start`, with all services and no setting but these; its base URL."""
    port = free_port()
    programs = embedded.interpreter(release, silent).parent
    environment = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "PREFECT_HOME": str(home),
        **variables,
    }
    log = home / "log"
    with log.open("wb") as output:
        started = subprocess.Popen(
            [programs / "prefect", "server", "start", "--port", str(port)],
            env=environment,
            cwd=home,
            stdout=output,
            stderr=output,
        )
    server = EmbeddedServer(f"http://127.0.0.1:{port}/api", release.version, log, started, grace=20)
    try:
        server.wait_until_healthy(120)
        yield server.url
    finally:
        server.stop()


def conformant(folder: Path, release: embedded.Release, **variables: str) -> document.Document:
    """What a whole run finds at the URL of such a server, which is conformant."""
    home, here = folder / "home", folder / "here"
    home.mkdir()
    here.mkdir()
    with as_a_user_starts_it(home, release, **variables) as url:
        done = cli("run", "--url", url, "--no-allure", cwd=here, timeout=3600)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    return document.load(here / "reports" / "verdicts.json")


@pytest.mark.wide
def test_a_whole_run_beside_all_services(tmp_path: Path) -> None:
    # Five minutes by default, which a run on a fast machine does not take.
    soon = {"PREFECT_SERVER_SERVICES_CANCELLATION_CLEANUP_CANCELLING_TIMEOUT_SECONDS": "20"}
    found = conformant(tmp_path, embedded.newest(), **soon)
    assert found.counts[Verdict.PASSED] > 5_000


@pytest.mark.wide
def test_what_prefect_2_has_switched_off_is_not_applicable(tmp_path: Path) -> None:
    found = conformant(tmp_path, embedded.release("prefect==2.20.27"))
    assert found.counts[Verdict.PASSED] > 4_000
    creates = (entry for entry in found.verdicts if entry.subject == "POST /automations/")
    assert {entry.verdict for entry in creates if entry.requirement.startswith("fuzz.")} == {Verdict.NOT_APPLICABLE}
