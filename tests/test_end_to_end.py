"""Runs on a server that is there, to their ends: clean-up, secrets, waivers, and a server that goes away."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import cli

from conformance.faults import Fault, Proxy
from conformance.faults.fault import Request, Response, Upstream
from conformance.target import embedded
from conformance.verdicts import document

pytestmark = pytest.mark.server


def run(server: Any, folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = cli("run", "--url", server.url, *arguments, cwd=folder)
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, json.loads((folder / "reports" / "verdicts.json").read_text())


def test_what_a_run_creates_on_a_shared_target_is_removed(server: Any, tmp_path: Path) -> None:
    def inventory() -> dict[str, set[str]]:
        found = {}
        for collection in ("flows", "flow_runs", "task_runs", "deployments", "work_pools", "variables", "automations"):
            rows = httpx.post(f"{server.url}/{collection}/filter", json={}, timeout=30).json()
            found[collection] = {row["id"] for row in rows}
        return found

    before = inventory()
    code, content = run(server, tmp_path, "--select", "verbs.delete*", "--select", "paging.count")
    assert code == 0, content["reasons"]
    assert content["errors"] == []
    assert inventory() == before


def test_fail_fast_stops_at_the_first_failed_verdict(server: Any, tmp_path: Path) -> None:
    code, content = run(server, tmp_path, "--no-waivers", "--fail-fast", "--select", "routes.*")
    assert code == 1
    assert content["result"] == "non-conformant"
    assert content["counts"]["failed"] == 1
    assert content["counts"]["could-not-run"] > 0


def test_a_waiver_whose_check_passes_is_an_error(server: Any, tmp_path: Path) -> None:
    waiver = tmp_path / "waivers.toml"
    waiver.write_text(
        "[[waiver]]\nrequirement = 'routes.snake-case'\nsubject = 'GET /flows/{id}'\nreason = 'r'\nreplay = 'curl x'\n"
    )
    code, content = run(server, tmp_path, "--waivers", str(waiver), "--select", "routes.snake-case GET /flows/{id}")
    assert code == 2
    assert content["result"] == "conformant"
    assert "remove it" in content["errors"][0]["message"]


def test_a_server_that_goes_away_ends_the_run_in_seconds(tmp_path: Path) -> None:
    started = embedded.start(embedded.newest(), print)
    script = Path(sys.executable).with_name("prefect-conformance")
    # So many that a time-out a check would show.
    command = [str(script), "run", "--url", started.url, "--select", "verbs.*", "--select", "refusals.*"]
    command += ["--select", "fuzz.no-server-error *", "--workers", "2", "--no-allure"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "checking: Verbs" in line:
            break
    time.sleep(2)
    started.stop()
    stopped = time.monotonic()
    output, _ = process.communicate(timeout=120)
    took = time.monotonic() - stopped
    content = json.loads((tmp_path / "reports" / "verdicts.json").read_text())
    assert process.returncode == 3, output
    assert content["result"] == "incomplete"
    assert "does not answer any more" in content["reasons"][0]
    assert content["counts"]["failed"] == 0
    assert content["counts"]["passed"] > 0
    assert content["counts"]["could-not-run"] > 500
    # Three of them are for a server that is just being restarted. With a time-out a check, it would be hours.
    assert took < 20


def test_the_list_is_what_runs(server: Any, tmp_path: Path) -> None:
    listed = cli("run", "--url", server.url, "--select", "routes.plural", "--list", cwd=tmp_path)
    assert listed.returncode == 0
    code, content = run(server, tmp_path, "--select", "routes.plural")
    assert code == 0
    told = {tuple(line.split("\t")) for line in listed.stdout.splitlines()}
    assert told == {(entry["requirement"], entry["subject"]) for entry in content["verdicts"]}


def test_the_seed_of_an_exploring_run_is_told(server: Any, tmp_path: Path) -> None:
    selected = ("--select", "fuzz.* GET /flows/{id}", "--seed", "random", "--fuzz-examples", "3")
    first = cli("run", "--url", server.url, *selected, cwd=tmp_path)
    seed = json.loads((tmp_path / "reports" / "verdicts.json").read_text())["run"]["seed"]
    assert f"seed:    {seed}" in first.stdout
    assert first.returncode == 0


def test_a_run_of_one_cell_tells_of_that_cell(server: Any, tmp_path: Path) -> None:
    done = cli("run", "--url", server.url, "--select", "filter.any flows.id.any_", cwd=tmp_path)
    assert "grammar: 1 of 1 cell covered\n" in done.stdout
    assert "uncovered" not in done.stdout
    assert f"report:  {Path('reports', 'coverage.html')}\n" in done.stdout
    grammar = document.load(tmp_path / "reports" / "verdicts.json").grammar
    assert [cell.name for cell in grammar.cells if cell.state == "covered"] == ["flows.id.any_"]


@pytest.mark.wide
def test_what_a_server_of_ours_can_not_remove_leaves_the_run_whole(tmp_path: Path) -> None:
    async def keeping(request: Request, upstream: Upstream) -> Response:
        kept = request.method == "DELETE" and request.path.startswith("/artifacts/")
        return Response.of(500, {"exception_message": "Internal Server Error"}) if kept else await upstream(request)

    started = embedded.start(embedded.newest(), print)
    try:
        fault = Fault("kept", "verbs.delete", "artifacts", "an artifact can't be deleted", keeping)
        with Proxy(started.url) as proxy, proxy.bent(fault):
            select = ("--select", "filter.any artifacts.key.any_")
            done = cli("run", "--url", proxy.url, "--exclusive", *select, cwd=tmp_path)
    finally:
        started.stop()
    assert "answered 500: it stays on the target, which belongs to this run" in " ".join(done.stdout.split())
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.wide
def test_what_a_server_fails_to_tell_of_is_not_left_there(tmp_path: Path) -> None:
    """3.9.1 takes half a surrogate pair as an artifact's data: no listing of artifacts would ever be answered again."""
    started = embedded.start(embedded.newest(), print)
    try:
        select = ("--select", "hostile.* PATCH /artifacts/{id}", "--select", "hostile.* POST /artifacts/")
        done = cli("run", "--url", started.url, "--exclusive", *select, cwd=tmp_path)
        assert httpx.post(f"{started.url}/artifacts/filter", json={}).json() == []
    finally:
        started.stop()
    assert "stays on the target" not in " ".join(done.stdout.split())
    assert done.returncode == 0, done.stdout + done.stderr


_BEFORE_THE_SERVERS = """
import sys
from conformance.errors import ProvisioningError
from conformance.target import embedded

def spawn_all(*_):
    raise ProvisioningError(f"loaded: {' '.join(sorted(sys.modules))}")

embedded.spawn_all = spawn_all
sys.argv = ["prefect-conformance", "run", "--workers", "2"]
from conformance.cli import main
main()
"""


def test_the_servers_are_on_their_way_before_what_only_checks_need_is_loaded(tmp_path: Path) -> None:
    """Nor is anything loaded that the user's pytest would load: it could change a verdict."""
    (tmp_path / "nosy.py").write_text("raise SystemExit('loaded')\n")
    asked = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}", "PYTEST_PLUGINS": "nosy"}
    command = [sys.executable, "-c", _BEFORE_THE_SERVERS]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **asked}
    )
    said = done.stderr.strip().splitlines()
    loaded = set(said[-1].partition("loaded: ")[2].split())
    assert (done.returncode, len(said)) == (2, 1), done.stderr
    assert {"xdist.plugin", "allure_pytest.plugin", "conformance.run.run"} <= loaded
    assert not loaded & {"schemathesis", "hypothesis", "requests", "pytest_randomly", "anyio.pytest_plugin"}
