"""What the suite's own servers say of themselves is asked of the first one of a kind, and known of all others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import cli

from conformance.cache_folder import CACHE_VARIABLE
from conformance.contract import Contract, Reading, frozen
from conformance.errors import ExitCode
from conformance.run import Run, run
from conformance.settings import Settings
from conformance.target import Access, Target, discover, embedded, recollection
from conformance.target.embedded import EmbeddedServer, cache

RAW = frozen.path("3.9.1").read_bytes()
URL = "http://127.0.0.1:4200/api"


SERVED = Reading(served=True)


def target(raw: bytes = RAW, notes: tuple[str, ...] = (), reading: Reading = SERVED) -> Target:
    return Target(URL, "3.9.1", Contract.parse(RAW, reading), raw, notes)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "known.json"


def test_what_was_remembered_is_recalled_for_another_address(place: Path) -> None:
    recollection.remember(place, target())
    found = recollection.recall(place, "http://127.0.0.1:4300/api")
    assert found is not None
    assert (found.url, found.version, found.raw, found.csrf) == ("http://127.0.0.1:4300/api", "3.9.1", RAW, False)
    assert found.contract.operations.keys() == target().contract.operations.keys()
    assert found.contract.reading == Reading(base="/api", version="3.9.1", served=True)
    assert list(place.parent.iterdir()) == [place]


@pytest.mark.parametrize(
    "told",
    [
        target(notes=("it keeps 3 operations from its users",)),
        target(reading=Reading(served=False)),
        target(reading=Reading(served=True, hidden=frozenset({"GET /health"}))),
        target(raw=b"\xff"),
    ],
)
def test_what_the_user_has_to_be_told_of_is_asked_each_time(place: Path, told: Target) -> None:
    recollection.remember(place, told)
    assert list(place.parent.iterdir()) == []
    assert recollection.recall(place, URL) is None


@pytest.mark.parametrize("torn", ["", "[]", '{"format": 0, "version": "3.9.1", "csrf": false, "document": "{}"}'])
def test_what_can_not_be_read_is_not_known(place: Path, torn: str) -> None:
    place.write_text(torn)
    assert recollection.recall(place, URL) is None


def test_a_place_that_can_not_be_written_is_no_trouble(tmp_path: Path) -> None:
    recollection.remember(tmp_path / "missing" / "known.json", target())
    assert not (tmp_path / "missing").exists()


@pytest.mark.server
def test_a_server_of_the_same_kind_says_what_is_known_of_it(server: EmbeddedServer, place: Path) -> None:
    found = discover(server.url, Access())
    recollection.remember(place, found)
    known = recollection.recall(place, server.url)
    assert known is not None
    assert (known.version, known.raw, known.csrf, known.notes) == (found.version, found.raw, found.csrf, found.notes)
    assert known.contract.reading == found.contract.reading


@pytest.mark.server
def test_the_second_run_asks_nothing_before_its_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "known.json"
    monkeypatch.setattr(embedded, "answers", lambda _: place)
    told: list[str] = []
    for number in range(2):
        this = Run(Settings(reports=tmp_path / "reports", select=("routes.*",)), told.append)
        try:
            this.open()
            assert place.exists()
            assert len(this.planned) > 100
            this.populate()
        finally:
            this.close(begun=False)
        if number == 0:
            monkeypatch.setattr(run, "discover", None)
    assert sum("reading the contract" in line for line in told) == 1


@pytest.mark.server
def test_what_is_changed_in_an_installed_release_is_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    release = embedded.newest()
    before = embedded.answers(release)
    assert embedded.answers(release) == before
    installed = cache.provision(release, print).python.parent.parent
    module = next(installed.glob("lib/python*/site-packages/prefect/__init__.py"))
    was = module.stat()
    module.touch()
    try:
        assert embedded.answers(release) != before
    finally:
        os.utime(module, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert embedded.answers(release) == before
    monkeypatch.setenv("TMPDIR", "/somewhere")
    assert embedded.answers(release) == before


@pytest.mark.server
@pytest.mark.parametrize(
    "options",
    [("--select", "routes.*"), ("--select", "paging.*"), ("--select", "routes.*", "--workers", "2")],
    ids=["nothing is seeded", "the world is seeded", "workers"],
)
def test_a_server_that_is_known_and_does_not_start_is_one_line(
    options: tuple[str, ...], server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = cache.provision(embedded.newest(), print).python.parent.parent.parent
    spoilt = tmp_path / "cache" / "servers" / whole.name
    (spoilt / "template").mkdir(parents=True)
    (spoilt / "environment").symlink_to(whole / "environment")
    (spoilt / "template" / "prefect.db").write_text("this is no database")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    recollection.remember(embedded.answers(embedded.newest()), discover(server.url, Access()))
    done = cli("run", *options, cwd=tmp_path)
    assert done.returncode == ExitCode.USAGE, done.stdout + done.stderr
    assert "reading the contract" not in done.stdout + done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(said) == 1, done.stderr
    assert "prefect 3.9.1 ended while it was starting: " in said[0]
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "reports" / "verdicts.json").exists()
