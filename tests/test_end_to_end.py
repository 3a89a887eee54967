"""The two ways to run the suite, on a real Prefect, to their ends: the same verdicts, and every report."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from conftest import cli

from conformance.verdicts import document

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The main job: the folder in which `prefect-conformance run` was run without options."""
    folder = tmp_path_factory.mktemp("gate")
    done = cli("run", cwd=folder)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    assert "result:  conformant" in done.stdout
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Plain pytest, two workers, no waivers: all deviations are failures."""
    folder = tmp_path_factory.mktemp("plain")
    command = [sys.executable, "-m", "pytest", "--pyargs", "conformance", "--server", "prefect==3.9.1"]
    command += ["-p", "no:randomly", "-p", "no:cacheprovider", "-n", "2", "-q", "--no-header"]
    command += ["--conformance-no-waivers"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 1, done.stdout[-4000:] + done.stderr
    return folder


def verdicts(folder: Path) -> dict[tuple[str, str], tuple[str, str]]:
    content = json.loads((folder / "reports" / "verdicts.json").read_text())
    return {
        (entry["requirement"], entry["subject"]): (entry["verdict"], entry["summary"]) for entry in content["verdicts"]
    }


def test_the_gate_is_conformant_and_every_deviation_is_waived_by_name(gate: Path) -> None:
    found = document.load(gate / "reports" / "verdicts.json")
    assert found.result.value == "conformant"
    assert found.counts["failed"] == found.counts["could-not-run"] == 0  # type: ignore[index]
    assert found.errors == ()
    assert all(entry.waiver for entry in found.verdicts if entry.verdict.value == "waived")


def test_every_operation_was_called(gate: Path) -> None:
    found = document.load(gate / "reports" / "verdicts.json")
    assert len(found.operations) == 188
    assert found.never_called == ()
    assert found.unanswered == found.ineligible == ()
    assert all(operation.requirements for operation in found.operations.values())


def test_plain_pytest_and_two_workers_give_the_same_verdicts(gate: Path, plain: Path) -> None:
    accepted = {key: ("failed" if v == "waived" else v, summary) for key, (v, summary) in verdicts(gate).items()}
    assert verdicts(plain) == accepted


def test_two_workers_judge_the_same_questions(gate: Path, plain: Path) -> None:
    one, two = (document.load(folder / "reports" / "verdicts.json").grammar for folder in (gate, plain))
    assert two == one
    assert sum(cell.hit for cell in one.cells) > 500


def test_all_that_the_grammar_has_is_judged(gate: Path) -> None:
    grammar = document.load(gate / "reports" / "verdicts.json").grammar
    assert grammar.unknown == ()
    assert [str(gap) for gap in grammar.uncovered] == []


def test_a_run_of_one_cell_tells_of_that_cell(server: Any, tmp_path: Path) -> None:
    done = cli("run", "--url", server.url, "--select", "filter.any flows.id.any_", cwd=tmp_path)
    assert "grammar: 1 of 1 cell covered\n" in done.stdout
    assert "uncovered" not in done.stdout
    assert f"report:  {Path('reports', 'coverage.html')}\n" in done.stdout
    grammar = document.load(tmp_path / "reports" / "verdicts.json").grammar
    assert [cell.name for cell in grammar.cells if cell.state == "covered"] == ["flows.id.any_"]


def test_allure_has_one_entry_per_check(gate: Path) -> None:
    results = [json.loads(path.read_text()) for path in (gate / "reports" / "allure-results").glob("*-result.json")]
    assert len(results) == len(verdicts(gate))
    assert len({result["historyId"] for result in results}) == len(results)
    one = next(r for r in results if r["name"] == "routes.snake-case · GET /csrf-token")
    labels = {(label["name"], label["value"]) for label in one["labels"]}
    assert ("feature", "Routes") in labels
    assert ("severity", "critical") in labels
    assert any(name == "story" and value.startswith("routes.snake-case") for name, value in labels)
    assert {"name": "subject", "value": "'GET /csrf-token'"} in [
        {key: p[key] for key in ("name", "value")} for p in one["parameters"]
    ]
    assert one["links"][0]["url"].endswith("catalogue.html#routes.snake-case")
    page = gate / "reports" / "allure-report" / "index.html"
    assert page.stat().st_size > 1_000_000


def test_junit_has_one_case_per_check(gate: Path) -> None:
    root = ET.parse(gate / "reports" / "junit.xml").getroot()
    assert {(c.get("classname"), c.get("name")) for c in root.iter("testcase")} == set(verdicts(gate))


def run(server: Any, folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = cli("run", "--url", server.url, *arguments, cwd=folder)
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, json.loads((folder / "reports" / "verdicts.json").read_text())


def test_what_a_run_creates_on_a_shared_target_is_removed(server: Any, tmp_path: Path) -> None:
    import httpx

    def inventory() -> dict[str, set[str]]:
        found = {}
        for collection in ("flows", "flow_runs", "task_runs", "deployments", "work_pools", "variables", "automations"):
            rows = httpx.post(f"{server.url}/{collection}/filter", json={}, timeout=30).json()
            # The first work queue of a server makes it create a pool of its own, which stays.
            found[collection] = {row["id"] for row in rows if row.get("name") != "default-agent-pool"}
        return found

    before = inventory()
    code, content = run(server, tmp_path, "--select", "verbs.*", "--select", "paging.*")
    assert code == 0, content["reasons"]
    assert content["errors"] == []
    assert inventory() == before


def test_a_secret_header_is_in_no_report(server: Any, tmp_path: Path) -> None:
    secret = "sesame-0123456789"
    code, _ = run(server, tmp_path, "--header", f"Authorization: Bearer {secret}", "--select", "verbs.get-by-id")
    assert code == 0
    for path in (tmp_path / "reports").rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


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


def test_a_server_that_goes_away_ends_the_run_soon(tmp_path: Path) -> None:
    import time

    from conformance.target import embedded

    started = embedded.start(embedded.newest(), print)
    script = Path(sys.executable).with_name("prefect-conformance")
    command = [str(script), "run", "--url", started.url, "--select", "verbs.*", "--select", "filter.*"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "checking: Verbs" in line:
            break
    started.stop()
    stopped = time.monotonic()
    process.communicate(timeout=120)
    content = json.loads((tmp_path / "reports" / "verdicts.json").read_text())
    assert process.returncode == 3
    assert content["result"] == "incomplete"
    assert content["counts"]["failed"] == 0
    assert time.monotonic() - stopped < 60


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
