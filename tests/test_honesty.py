"""Whatever goes wrong in the suite itself, a run does not end as *conformant*: told by its exit code, end to end.

The target keeps the few rules that are asked here: without the trouble, each of these runs ends with 0.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from hostile_servers import Asked, Behaviour, Peer, always, once_known, serving

from conformance.verdicts import document

CONFORMANT, USAGE, INCOMPLETE = 0, 2, 3
ASKED = ("--conformance-select=routes.plural",)

KILLED = """
import contextlib, os, signal
def pytest_runtest_call(item):
    if "GET /flows/{id}" in item.name:
        with contextlib.suppress(FileExistsError):
            os.close(os.open("killed", os.O_CREAT | os.O_EXCL))
            os.kill(os.getpid(), signal.SIGKILL)
"""
"""A worker is gone, once, with the check that it was at. The one in its place does the rest."""

FIXTURE = """
def pytest_fixture_setup(fixturedef, request):
    if fixturedef.argname == "subject" and "GET /flows/{id}" in request.node.name:
        raise ZeroDivisionError("out of a fixture")
"""

MODULE = """
def pytest_pycollect_makemodule(module_path, parent):
    if module_path.name == "test_verbs.py":
        raise ZeroDivisionError("out of a module")
"""

NO_FOLDER = """
import pathlib, shutil
def pytest_runtest_call(item):
    reports = pathlib.Path("reports")
    if reports.is_dir():
        shutil.rmtree(reports)
        reports.write_text("in the way")
"""
"""While it runs, another program puts a file where the reports go."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(once_known(always(404, b"{}"))) as (found, _):
        yield found


def ended(url: str, folder: Path, plugin: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The suite, run by plain pytest with a plugin that makes trouble."""
    (folder / "trouble.py").write_text(plugin)
    command = [sys.executable, "-m", "pytest", "--pyargs", "conformance", "--target", url, "-p", "trouble", "-q"]
    command += ["-p", "no:randomly", "-p", "no:cacheprovider", "--conformance-no-allure", *arguments]
    paths = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    print(done.stdout[-3000:], done.stderr[-3000:])
    return done


@pytest.mark.wide
def test_without_trouble_it_is_conformant(url: str, tmp_path: Path) -> None:
    assert ended(url, tmp_path, "", *ASKED).returncode == CONFORMANT


def test_a_worker_that_is_killed(url: str, tmp_path: Path) -> None:
    assert ended(url, tmp_path, KILLED, "-n", "2", *ASKED).returncode == INCOMPLETE
    found = document.load(tmp_path / "reports" / "verdicts.json")
    assert found.result == "incomplete"
    assert [error for error in found.errors if "died" in str(error)]


@pytest.mark.wide
def test_an_exception_in_a_fixture(url: str, tmp_path: Path) -> None:
    assert ended(url, tmp_path, FIXTURE, *ASKED).returncode == INCOMPLETE
    found = document.load(tmp_path / "reports" / "verdicts.json")
    assert {entry.subject for entry in found.verdicts if entry.verdict == "could-not-run"} >= {"GET /flows/{id}"}


@pytest.mark.wide
def test_a_module_that_can_not_be_collected(url: str, tmp_path: Path) -> None:
    assert ended(url, tmp_path, MODULE, *ASKED).returncode == INCOMPLETE


@pytest.mark.wide
@pytest.mark.parametrize("workers", ["0", "2"])
def test_no_check_is_collected(workers: str, url: str, tmp_path: Path) -> None:
    assert ended(url, tmp_path, "", "-n", workers, "-k", "nonsense", *ASKED).returncode == INCOMPLETE


@pytest.mark.wide
def test_a_folder_that_goes_away(url: str, tmp_path: Path) -> None:
    assert ended(url, tmp_path, NO_FOLDER, *ASKED).returncode not in (CONFORMANT, None)


def forgetful(number: int) -> Behaviour:
    """Creates so many objects, as it says, and then no more."""
    numbers = itertools.count(1)

    def behave(asked: Asked, peer: Peer) -> None:
        if asked.method != "POST" or asked.path.endswith("/filter"):
            peer.answer(200, b"[]")
        elif (created := next(numbers)) > number:
            peer.answer(500, b"{}")
        else:
            sent = json.loads(asked.body or b"{}")
            peer.answer(
                201, json.dumps({**(sent if isinstance(sent, dict) else {}), "id": str(UUID(int=created))}).encode()
            )

    return once_known(behave)


@pytest.mark.parametrize("number", [20, pytest.param(0, marks=pytest.mark.wide)])
def test_a_seeding_that_half_worked(number: int, tmp_path: Path) -> None:
    with serving(forgetful(number)) as (url, seen):
        code = ended(url, tmp_path, "", "--conformance-select=paging.limit POST /flows/filter").returncode
    assert code == INCOMPLETE
    assert len([asked for asked in seen if asked.method == "POST" and not asked.path.endswith("/filter")]) > number
    found = document.load(tmp_path / "reports" / "verdicts.json")
    assert [entry.verdict for entry in found.verdicts] == ["could-not-run"]
    assert "seeded" in found.verdicts[0].summary
