"""The two ways to run the suite, on a real Prefect, to their ends: the same verdicts, and every report."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from conftest import cli, differing, plain_pytest, verdicts

from conformance.verdicts import document

pytestmark = pytest.mark.server


SHARE = "1/12"

_TWICE = ("routes", "verbs", "lifecycles")
"""The chapters whose share is run once more in another way."""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The main job, or a share of it: the folder in which `prefect-conformance run --shard 1/12` was run.

    Of every chapter it has a twelfth of the checks. The whole of it takes minutes: `tox run -e matrix` does that.
    """
    folder = tmp_path_factory.mktemp("gate")
    done = cli("run", "--shard", SHARE, cwd=folder, timeout=900, allure=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    assert "result:  conformant" in done.stdout
    return folder


@pytest.fixture(scope="module")
def plain(gate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Plain pytest, two workers, no waivers: all deviations are failures. What the gate did of `_TWICE`."""
    folder = tmp_path_factory.mktemp("plain")
    chosen = [f"--conformance-select={requirement} {subject}" for requirement, subject in twice(gate)]
    done = plain_pytest("-n", "2", "--conformance-no-waivers", *chosen, cwd=folder)
    assert done.returncode == 1, done.stdout[-4000:] + done.stderr
    return folder


def twice(gate: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """The verdicts of the gate in the chapters that are run once more."""
    return {key: found for key, found in verdicts(gate).items() if key[0].partition(".")[0] in _TWICE}


def test_the_gate_is_conformant_and_every_deviation_is_waived_by_name(gate: Path) -> None:
    found = document.load(gate / "reports" / "verdicts.json")
    assert found.result.value == "conformant"
    assert found.counts["failed"] == found.counts["could-not-run"] == 0  # type: ignore[index]
    assert found.errors == ()
    assert all(entry.waiver for entry in found.verdicts if entry.verdict.value == "waived")


def test_operations_are_called_and_known_by_what_tested_them(gate: Path) -> None:
    found = document.load(gate / "reports" / "verdicts.json")
    assert len(found.operations) == 188
    assert sum(operation.calls > 0 for operation in found.operations.values()) > 120
    fuzzed = {entry.subject for entry in found.verdicts if entry.requirement == "fuzz.no-server-error"}
    assert len(fuzzed) >= len(found.operations) // int(SHARE.partition("/")[2])
    assert all("fuzz.no-server-error" in found.operations[name].requirements for name in fuzzed)


def test_plain_pytest_and_other_workers_give_the_same_verdicts(gate: Path, plain: Path) -> None:
    assert len(twice(gate)) > 100
    assert differing(twice(gate), verdicts(plain)) == {}


def test_allure_has_one_entry_per_check(gate: Path) -> None:
    results = [json.loads(path.read_text()) for path in (gate / "reports" / "allure-results").glob("*-result.json")]
    assert len(results) == len(verdicts(gate))
    assert len({result["historyId"] for result in results}) == len(results)
    one = next(r for r in results if r["name"].startswith("routes.snake-case · "))
    subject = one["name"].partition(" · ")[2]
    labels = {(label["name"], label["value"]) for label in one["labels"]}
    assert ("feature", "Routes") in labels
    assert ("severity", "critical") in labels
    assert any(name == "story" and value.startswith("routes.snake-case") for name, value in labels)
    assert {"name": "subject", "value": repr(subject)} in [
        {key: p[key] for key in ("name", "value")} for p in one["parameters"]
    ]
    assert one["links"][0]["url"].endswith("catalogue.html#routes.snake-case")
    page = gate / "reports" / "allure-report" / "index.html"
    assert page.stat().st_size > 1_000_000


def test_junit_has_one_case_per_check(gate: Path) -> None:
    root = ET.parse(gate / "reports" / "junit.xml").getroot()
    assert {(c.get("classname"), c.get("name")) for c in root.iter("testcase")} == set(verdicts(gate))
