"""The Allure report, rendered with the real command-line tool; and the one line where that can't be done."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from verdict_samples import MUST, SHOULD, build, judged, ledger, waived

from conformance import data
from conformance.catalogue import Level
from conformance.verdicts import allure, allure_results
from conformance.verdicts.ledger import ErrorKind, Ledger
from conformance.verdicts.model import Judgement, Verdict

needs_node = pytest.mark.skipif(shutil.which("node") is None or shutil.which("npm") is None, reason="no Node.js")

CHECKS = """
import allure, pytest
from conformance.plugin.allure import know_waivers

know_waivers()

@pytest.mark.parametrize("subject", ["GET /flows/{id}", "POST /flows/filter", "flows", "runs", "pools"])
def test_rule(subject):
    allure.dynamic.feature("Verbs")
    allure.dynamic.story("verbs.must")
    allure.dynamic.title(f"verbs.must · {subject}")
    allure.attach("<script>alert(1)</script></script>", name="exchanges", attachment_type=allure.attachment_type.TEXT)
    if subject == "flows":
        pytest.skip("not applicable: x")
    if subject == "pools":
        pytest.xfail("it is known")
    if subject == "runs":
        raise RuntimeError("refused")
    assert subject != "GET /flows/{id}"
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What allure-pytest writes of a few checks."""
    folder = tmp_path_factory.mktemp("checks")
    (folder / "test_checks.py").write_text(CHECKS, "utf-8")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "allure_pytest.plugin", "-p", "no:cacheprovider"),
            *("-c", os.devnull, "--rootdir", folder, "--alluredir", folder / "allure-results", folder),
        ],
        env=environment,
        cwd=folder,
        capture_output=True,
        check=False,
    )
    found = folder / "allure-results"
    assert len(list(found.glob("*-result.json"))) == 5
    allure_results.environment(found, {"target": "http://127.0.0.1:4200/api", "a = b: c": "flüsse 😀 \\n\n#"})
    return found


@pytest.fixture(scope="module")
def cache(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tool, installed by two runs at once into a folder that was empty: one of them installs, one waits."""
    folder = tmp_path_factory.mktemp("cache")
    told: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        ended = list(
            pool.map(lambda n: allure.render(results, results.parent / f"first{n}", told.append, cache=folder), "ab")
        )
    assert ended == [None, None]
    assert sum(line.startswith("installing") for line in told) == 1
    assert sum(line.startswith("rendering") for line in told) == 2
    kept = [entry.name for entry in folder.iterdir() if entry.is_dir()]
    assert len(kept) == 1, "an unfinished installation was left"
    return folder


def embedded(page: Path) -> dict[str, bytes]:
    """The files that the page carries."""
    html = page.read_text("utf-8")
    return {name: base64.b64decode(content) for name, content in re.findall(r'd\("([^"]+)","([^"]*)"\)', html)}


def shown(files: dict[str, bytes]) -> dict[str, Any]:
    """The results on the page, by their names."""
    found = [json.loads(content) for name, content in files.items() if name.startswith("data/test-results/")]
    return {result["name"]: result for result in found}


def categories(files: dict[str, bytes]) -> set[str]:
    """The categories with a result in them."""
    found = json.loads(files["widgets/categories.json"])
    return {node["name"] for key, node in found["nodes"].items() if key in found["roots"]}


@needs_node
def test_the_report_is_one_file_that_asks_no_network(results: Path, cache: Path, tmp_path: Path) -> None:
    report = tmp_path / "allure-report"
    told: list[str] = []
    assert allure.render(results, report, told.append, cache=cache) is None
    assert told == ["rendering the Allure report"]
    assert [entry.name for entry in report.iterdir()] == ["index.html"]
    html = (report / "index.html").read_text("utf-8")
    assert "Prefect REST API conformance" in html
    assert html.count("Content-Security-Policy") == 1
    assert html.index("Content-Security-Policy") < html.index("<script")
    assert not re.search(r'<(script|link|img|iframe)\b[^<>]*\b(src|href)="(https?:)?//', html)
    files = embedded(report / "index.html")
    assert {name: found["status"] for name, found in shown(files).items()} == {
        "verbs.must · GET /flows/{id}": "failed",
        "verbs.must · POST /flows/filter": "passed",
        "verbs.must · flows": "skipped",
        "verbs.must · runs": "broken",
        "verbs.must · pools": "failed",
    }
    pools = shown(files)["verbs.must · pools"]
    assert pools["resolution"] == "accepted"
    assert pools["error"]["message"].startswith("waived: it is known\n")
    facts = {item["name"]: item["values"] for item in json.loads(files["widgets/allure_environment.json"])}
    assert facts == {"target": ["http://127.0.0.1:4200/api"], "a = b: c": ["flüsse 😀 \\n #"]}
    assert categories(files) == {"Other failures", "Could not run", "Known (waived)", "Not applicable"}


@needs_node
def test_a_run_is_compared_with_those_before(results: Path, cache: Path, tmp_path: Path) -> None:
    history = tmp_path / "allure-history.jsonl"
    assert allure.render(results, tmp_path / "first", print, history=history, cache=cache) is None
    assert history.read_bytes().count(b"\n") == 1
    # Cut off, by whatever: no reason to have no report.
    with history.open("ab") as file:
        file.write(b'[]\n\xff\n{"testResults": {"a')
    now = shutil.copytree(results, tmp_path / "allure-results")
    for path in now.glob("*-result.json"):
        found = json.loads(path.read_text("utf-8"))
        if found["status"] == "failed" and "GET /flows/{id}" in found["name"]:
            path.write_text(json.dumps(found | {"status": "passed", "statusDetails": {}}), "utf-8")
        if found["status"] == "passed":
            path.write_text(json.dumps(found | {"status": "failed"}), "utf-8")
    assert allure.render(now, tmp_path / "second", print, history=history, cache=cache) is None
    assert [set(json.loads(line)) >= {"testResults"} for line in history.read_bytes().splitlines()] == [True, True]
    # What this suite can't read, a later one may: it is kept.
    assert (tmp_path / "allure-history-unread.jsonl").read_bytes() == b'[]\n\xff\n{"testResults": {"a\n'
    kept = ["allure-history-unread.jsonl", history.name]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == kept
    files = embedded(tmp_path / "second" / "index.html")
    transitions = {name: found.get("transition") for name, found in shown(files).items()}
    assert transitions["verbs.must · GET /flows/{id}"] == "fixed"
    assert transitions["verbs.must · POST /flows/filter"] == "regressed"
    assert transitions["verbs.must · pools"] is None
    assert categories(files) == {"New failures", "Could not run", "Known (waived)", "Not applicable", "Fixed"}


def written(made: Ledger, folder: Path) -> Path:
    """Results as a run with these verdicts writes them."""
    marks = {Verdict.FAILED: "failed", Verdict.WAIVED: "failed", Verdict.COULD_NOT_RUN: "broken"}
    folder.mkdir()
    for number, judgement in enumerate(made.judgements):
        severity = "critical" if made.catalogue[judgement.requirement].level is Level.MUST else "normal"
        content = {
            "uuid": str(number),
            "historyId": str(number),
            "name": judgement.subject,
            "status": marks.get(judgement.verdict, "passed"),
            "statusDetails": {"known": judgement.verdict is Verdict.WAIVED, "message": judgement.summary},
            "labels": [{"name": "severity", "value": severity}],
        }
        (folder / f"{number}-result.json").write_text(json.dumps(content), "utf-8")
    allure_results.run_itself(folder, build(made))
    return folder


def passes_gate(results: Path, cache: Path) -> bool:
    """Whether Allure's own quality gate, as it is configured, lets the results pass."""
    [tool] = cache.glob("allure-*/node_modules/allure/cli.js")
    configuration = str(data.allure() / allure.CONFIGURATION)
    done = subprocess.run(
        ["node", str(tool), "quality-gate", str(results), "--config", configuration],
        cwd=results,
        capture_output=True,
        check=False,
    )
    # It ends with 1 for whatever goes wrong in it, too.
    assert done.returncode == 0 or b"The number of failed tests" in done.stderr, done.stderr
    return done.returncode == 0


wide = pytest.mark.wide


@needs_node
@pytest.mark.parametrize(
    ("judgements", "error"),
    [
        # All that a conformant run may have.
        (
            [
                judged(MUST, "ok"),
                judged(SHOULD, "known", Verdict.FAILED),
                judged(SHOULD, "stuck", Verdict.COULD_NOT_RUN),
                judged(MUST, "not here", Verdict.NOT_APPLICABLE),
            ],
            None,
        ),
        ([judged(MUST, "ok")], ErrorKind.CLEAN_UP),
        pytest.param([judged(MUST, "ok"), judged(SHOULD, "bad", Verdict.FAILED)], None, marks=wide),
        pytest.param([judged(MUST, "ok"), judged(MUST, "stuck", Verdict.COULD_NOT_RUN)], None, marks=wide),
        pytest.param([judged(MUST, "ok")], ErrorKind.WAIVER, marks=wide),
        pytest.param([judged(MUST, "ok")], ErrorKind.SUITE, marks=wide),
        pytest.param([judged(MUST, "not here", Verdict.NOT_APPLICABLE)], None, marks=wide),
    ],
)
def test_the_quality_gate_agrees_with_the_exit_code(
    judgements: list[Judgement], error: ErrorKind | None, cache: Path, tmp_path: Path
) -> None:
    made = ledger(*judgements, waivers=waived((SHOULD, "known")), filtered=True)
    if error is not None:
        made.error("something is wrong", error)
    made.close()
    assert passes_gate(written(made, tmp_path / "results"), cache) is (made.exit_code() == 0)


def test_what_was_wrong_with_another_run_is_not_of_this_one(tmp_path: Path) -> None:
    made = ledger(judged(MUST, "ok"))
    made.error("left: <b>a flow</b>\x1b[31m", ErrorKind.CLEAN_UP)
    for _ in range(2):
        allure_results.run_itself(tmp_path, build(made))
        assert len(list(tmp_path.iterdir())) == 2
    allure_results.run_itself(tmp_path, build(ledger(judged(MUST, "ok"))))
    assert not list(tmp_path.iterdir())


@needs_node
def test_an_older_report_is_never_left_as_this_runs(cache: Path, tmp_path: Path) -> None:
    report = tmp_path / "allure-report"
    report.mkdir()
    (report / "index.html").write_text("older", "utf-8")
    why = allure.render(tmp_path / "none", report, print, cache=cache)
    assert why is not None
    assert "holds no results" in why
    assert not (report / "index.html").exists()


@needs_node
def test_a_check_that_is_not_in_the_report_is_missed(results: Path, cache: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(results, tmp_path / "allure-results")
    first, second, *_ = sorted(copy.glob("*-result.json"))
    content = json.loads(first.read_text("utf-8"))
    again = json.loads(second.read_text("utf-8")) | {"uuid": content["uuid"]}
    first.write_text(json.dumps(again), "utf-8")
    why = allure.render(copy, tmp_path / "report", print, cache=cache)
    assert why is not None
    assert "shows 4 of 5 results" in why
    assert (tmp_path / "report" / "index.html").exists()
    first.write_text(json.dumps(content)[:100], "utf-8")
    assert "shows 4 of 5 results" in (allure.render(copy, tmp_path / "report", print, cache=cache) or "")


@needs_node
def test_a_report_that_cannot_be_written_is_one_line(results: Path, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    why = allure.render(results, tmp_path / "file" / "report", print, cache=cache)
    assert why is not None
    assert why.startswith("the Allure report was not rendered: ")
    assert "\n" not in why


def script(folder: Path, name: str, lines: str) -> None:
    """A program of this name."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{lines}\n", "utf-8")
    path.chmod(0o755)


def rendered(results: Path, folder: Path) -> str:
    why = allure.render(results, folder / "report", print, cache=folder / "cache")
    assert why is not None
    assert "\n" not in why
    assert why.startswith("the Allure report was not rendered: ")
    assert not (folder / "report" / "index.html").exists()
    return why


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder that programs are found in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.mark.usefixtures("programs")
def test_without_node(results: Path, tmp_path: Path) -> None:
    assert "Node.js is not installed" in rendered(results, tmp_path)


@pytest.mark.parametrize("version", ["v18.20.0", "v20.18.9", "none"])
def test_with_a_node_that_is_too_old(results: Path, programs: Path, tmp_path: Path, version: str) -> None:
    script(programs, "node", f"echo {version}")
    why = rendered(results, tmp_path)
    assert "Node.js 20.19 or newer is needed" in why
    assert version in why


def test_with_a_node_that_does_not_start(results: Path, programs: Path, tmp_path: Path) -> None:
    script(programs, "node", "echo 'no libraries' >&2; exit 127")
    assert "node --version failed: no libraries" in rendered(results, tmp_path)


def test_without_npm(results: Path, programs: Path, tmp_path: Path) -> None:
    script(programs, "node", "echo v22.1.0")
    assert "npm is not installed" in rendered(results, tmp_path)


def test_without_a_network(results: Path, programs: Path, tmp_path: Path) -> None:
    script(programs, "node", "echo v22.1.0")
    script(programs, "npm", "echo 'npm error code ENOTFOUND' >&2; echo 'npm error network no way' >&2; exit 1")
    assert "npm ci failed: code ENOTFOUND; network no way" in rendered(results, tmp_path)
    assert [entry.suffix for entry in (tmp_path / "cache").iterdir()] in ([".lock"], [])


def test_the_lock_file_names_no_registry_and_pins_everything() -> None:
    source = data.allure()
    wanted = json.loads((source / "package.json").read_text("utf-8"))["dependencies"]
    packages = json.loads((source / "package-lock.json").read_text("utf-8"))["packages"]
    assert packages.pop("")["dependencies"] == wanted
    assert packages["node_modules/allure"]["version"] == wanted["allure"]
    assert all("resolved" not in package for package in packages.values())
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not any(package.get("hasInstallScript") for package in packages.values())
