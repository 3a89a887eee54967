"""What the suite's own servers say of themselves is asked of the first one of a kind, and known of all others."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import cli, silent

from conformance.cache_folder import CACHE_VARIABLE
from conformance.contract import Contract, Reading, frozen
from conformance.errors import ExitCode
from conformance.run import Run, own_servers
from conformance.run.own_servers import OwnServers
from conformance.run.timings import Timings
from conformance.settings import Settings
from conformance.target import Access, Target, discover, embedded, recollection
from conformance.target.embedded import EmbeddedServer, Kind, cache

RAW = frozen.path("3.9.1").read_bytes()
URL = "http://127.0.0.1:4200/api"


SERVED = Reading(served=True)


def target(raw: bytes = RAW, notes: tuple[str, ...] = (), reading: Reading = SERVED) -> Target:
    return Target(URL, "3.9.1", Contract.parse(RAW, reading), raw, notes)


@pytest.fixture
def kind(tmp_path: Path) -> Kind:
    return Kind(tmp_path / "known.json", "a key")


def test_what_was_remembered_is_recalled_for_another_address(kind: Kind) -> None:
    recollection.remember(kind, target())
    found = recollection.recall(kind, "http://127.0.0.1:4300/api")
    assert found is not None
    assert (found.url, found.version, found.raw, found.csrf) == ("http://127.0.0.1:4300/api", "3.9.1", RAW, False)
    assert found.contract.operations.keys() == target().contract.operations.keys()
    assert found.contract.reading == Reading(base="/api", version="3.9.1", served=True)
    assert list(kind.place.parent.iterdir()) == [kind.place]


@pytest.mark.parametrize(
    "told",
    [
        target(notes=("it keeps 3 operations from its users",)),
        target(reading=Reading(served=False)),
        target(reading=Reading(served=True, hidden=frozenset({"GET /health"}))),
        target(raw=b"\xff"),
    ],
)
def test_what_the_user_has_to_be_told_of_is_asked_each_time(kind: Kind, told: Target) -> None:
    recollection.remember(kind, told)
    assert list(kind.place.parent.iterdir()) == []
    assert recollection.recall(kind, URL) is None


@pytest.mark.parametrize("torn", ["", "[]", "{}"])
def test_what_can_not_be_read_is_not_known(kind: Kind, torn: str) -> None:
    kind.place.write_text(torn)
    assert recollection.recall(kind, URL) is None


def test_a_document_that_is_none_is_not_known(kind: Kind) -> None:
    recollection.remember(kind, target(raw=b"{}"))
    assert kind.place.exists()
    assert recollection.recall(kind, URL) is None


def test_another_kind_has_its_own(kind: Kind) -> None:
    recollection.remember(kind, target())
    assert recollection.recall(replace(kind, key="another key"), URL) is None
    recollection.forget(kind)
    assert recollection.recall(kind, URL) is None
    recollection.forget(kind)


def test_a_place_that_can_not_be_written_is_no_trouble(tmp_path: Path) -> None:
    recollection.remember(Kind(tmp_path / "missing" / "known.json", "a key"), target())
    assert not (tmp_path / "missing").exists()


@pytest.mark.server
def test_a_server_of_the_same_kind_says_what_is_known_of_it(server: EmbeddedServer, kind: Kind) -> None:
    found = discover(server.url, Access())
    recollection.remember(kind, found)
    known = recollection.recall(kind, server.url)
    assert known is not None
    assert (known.version, known.raw, known.csrf, known.notes) == (found.version, found.raw, found.csrf, found.notes)
    assert known.contract.reading == found.contract.reading


@pytest.mark.server
def test_the_second_run_asks_nothing_before_its_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = Kind(tmp_path / "known.json", "a key")
    monkeypatch.setattr(embedded, "kind", lambda _: kind)
    told: list[str] = []
    for number in range(2):
        this = Run(Settings(reports=tmp_path / "reports", select=("routes.*",)), told.append)
        try:
            this.open()
            assert kind.place.exists()
            assert len(this.planned) > 100
            this.populate()
        finally:
            this.close(begun=False)
        if number == 0:
            monkeypatch.setattr(own_servers, "discover", None)
    assert sum("reading the contract" in line for line in told) == 1


@pytest.mark.server
def test_what_is_known_is_listed_without_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = Kind(tmp_path / "known.json", "a key")
    monkeypatch.setattr(embedded, "kind", lambda _: kind)
    listed = []
    for _ in range(2):
        told: list[str] = []
        this = Run(Settings(reports=tmp_path / "reports", select=("routes.*",)), told.append)
        try:
            listed.append((list(this.open(to_list=True).planned), "prefect 3.9.1: starting" in told))
        finally:
            this.close(begun=False)
    (first, started), (second, started_again) = listed
    assert first == second
    assert (started, started_again) == (True, False)


@pytest.mark.server
def test_what_is_changed_in_an_installed_release_is_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    release = embedded.newest()
    before = embedded.kind(release)
    assert embedded.kind(release) == before
    installed = cache.provision(release, print).python.parent.parent
    module = next(installed.glob("lib/python*/site-packages/prefect/__init__.py"))
    was = module.stat()
    module.touch()
    try:
        assert embedded.kind(release) != before
    finally:
        os.utime(module, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert embedded.kind(release) == before
    monkeypatch.setenv("TMPDIR", "/somewhere")
    assert embedded.kind(release) == before


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
    recollection.remember(embedded.kind(embedded.newest()), discover(server.url, Access()))
    done = cli("run", *options, cwd=tmp_path)
    assert done.returncode == ExitCode.USAGE, done.stdout + done.stderr
    assert "reading the contract" not in done.stdout + done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(said) == 1, done.stderr
    assert "prefect 3.9.1 ended while it was starting: " in said[0]
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "reports" / "verdicts.json").exists()


@pytest.mark.server
@pytest.mark.parametrize("other", [False, True], ids=["the same", "another"])
def test_a_whole_run_holds_what_was_recalled_against_what_is_served(
    other: bool, kind: Kind, server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "kind", lambda _: kind)
    found = discover(server.url, Access())
    recollection.remember(kind, replace(found, raw=found.raw + b" ") if other else found)
    this = Run(Settings(reports=tmp_path / "reports", allure=False), silent)
    try:
        this.open()
        this.wait()
    finally:
        this.close()
    said = [error.message for error in this.ledger.errors if "is not what its kind was" in error.message]
    assert len(said) == int(other)
    assert kind.place.exists() is not other


@pytest.mark.server
def test_a_server_that_is_lost_after_it_was_healthy_is_no_start_that_failed(tmp_path: Path) -> None:
    own = OwnServers(Settings(reports=tmp_path), Timings(), silent)
    try:
        own.start()
        own.wait()
        own.stop()
        own.wait()
    finally:
        own.stop()
    assert own.urls


@pytest.mark.server
def test_nothing_of_a_server_stays_that_is_stopped_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for _ in range(5):
        own = OwnServers(Settings(reports=tmp_path), Timings(), silent)
        own.start()
        own.stop()
    assert list(tmp_path.iterdir()) == []


def test_what_is_just_being_edited_in_an_installed_release_is_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    release = embedded.newest()
    before = embedded.kind(release)
    packages = before.place.with_suffix("") / "environment" / "lib" / "python3.11" / "site-packages" / "prefect"
    packages.mkdir(parents=True)
    (packages / ".#api.py").symlink_to("user@host.123")
    assert embedded.kind(release).key != before.key
    assert embedded.kind(release).place == before.place
