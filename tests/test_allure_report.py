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

import pytest

from conformance import data
from conformance.verdicts import allure

needs_node = pytest.mark.skipif(shutil.which("node") is None or shutil.which("npm") is None, reason="no Node.js")

CHECKS = """
import allure, pytest

@pytest.mark.parametrize("subject", ["GET /flows/{id}", "POST /flows/filter", "flows", "runs"])
def test_rule(subject):
    allure.dynamic.feature("Verbs")
    allure.dynamic.story("verbs.must")
    allure.dynamic.title(f"verbs.must · {subject}")
    allure.attach("<script>alert(1)</script></script>", name="exchanges", attachment_type=allure.attachment_type.TEXT)
    if subject == "flows":
        pytest.skip("not applicable: x")
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
    assert len(list(found.glob("*-result.json"))) == 4
    allure.environment(found, {"target": "http://127.0.0.1:4200/api", "a = b: c": "flüsse 😀 \\n\n#"})
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
    checks = {
        found["name"]: found["status"]
        for name, content in files.items()
        if name.startswith("data/test-results/")
        for found in [json.loads(content)]
    }
    assert checks == {
        "verbs.must · GET /flows/{id}": "failed",
        "verbs.must · POST /flows/filter": "passed",
        "verbs.must · flows": "skipped",
        "verbs.must · runs": "broken",
    }
    facts = {item["name"]: item["values"] for item in json.loads(files["widgets/allure_environment.json"])}
    assert facts == {"target": ["http://127.0.0.1:4200/api"], "a = b: c": ["flüsse 😀 \\n #"]}
    categories = json.loads(files["widgets/categories.json"])
    names = {node["name"] for key, node in categories["nodes"].items() if key in categories["roots"]}
    assert names == {"Failed", "Could not run", "Not applicable"}


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
    assert "shows 3 of 4 results" in why
    assert (tmp_path / "report" / "index.html").exists()
    first.write_text(json.dumps(content)[:100], "utf-8")
    assert "shows 3 of 4 results" in (allure.render(copy, tmp_path / "report", print, cache=cache) or "")


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
