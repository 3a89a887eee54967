"""Servers that are broken by hand are seen to be: twenty defects in a real server's own source, one at a time."""

from __future__ import annotations

import re
import shutil
import sqlite3
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Annotated

import pytest
from conftest import silent
from pydantic import BaseModel, ConfigDict, Field

from conformance.contract import Contract
from conformance.run import Run, Workbench, run_directly
from conformance.run.workbench import Shared
from conformance.settings import Settings
from conformance.suite.check import declarations, functions, selected
from conformance.target.embedded import EmbeddedServer, release
from conformance.target.embedded.cache import new_log, provision
from conformance.target.embedded.server import launch
from conformance.verdicts.model import Judgement, Verdict


class Defect(BaseModel):
    """An entry of `defects.toml`, which says what each field is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    title: str
    file: str
    old: Annotated[str, Field(min_length=1)]
    new: str
    caught_by: Annotated[tuple[str, ...], Field(min_length=1)]


class Defects(BaseModel):
    """The whole of `defects.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    release: str
    defect: tuple[Defect, ...]


DEFECTS = Defects.model_validate(tomllib.loads(Path(__file__).with_name("defects.toml").read_text("utf-8")))
RELEASE = release(DEFECTS.release)

Judge = Callable[[str, str], Judgement]
"""What the check of a requirement finds on a subject."""


@contextmanager
def started(state: Path, home: Path, defect: Defect | None = None) -> Iterator[EmbeddedServer]:
    """A server on a copy of the files in `state`, which runs a copy of its package with the defect in it.

    Python looks for a package in the folder that it is started in before it looks among those installed: what lies in
    `home` is what runs, and what other servers are started from is not touched. `home` is gone in the end.
    """
    python = provision(RELEASE, silent).python
    (installed,) = python.parent.parent.glob("lib/python*/site-packages/prefect")
    shutil.copytree(state, home, dirs_exist_ok=True)
    # With the times of its files, so that what is compiled of them is of use here too.
    shutil.copytree(installed, home / "prefect")
    if defect is not None:
        put_into(home / "prefect" / defect.file, defect)
    server = launch(RELEASE, python, home, new_log(RELEASE), patience=180, grace=0.5, disposable=True)
    try:
        yield server
    finally:
        server.stop()


def put_into(path: Path, defect: Defect) -> None:
    """Break one file of a copy."""
    source = path.read_text("utf-8")
    assert source.count(defect.old) == 1, f"{defect.id}: its text is {source.count(defect.old)} times in {defect.file}"
    path.write_text(source.replace(defect.old, defect.new), "utf-8")


@contextmanager
def asking(shared: Shared, server: EmbeddedServer, contract: Contract) -> Iterator[Judge]:
    """Judges `server`, whose database holds the population of the run `shared`."""
    workbench = Workbench(shared.model_copy(update={"url": server.url}), contract=contract)

    def judge(requirement: str, subject: str) -> Judgement:
        return run_directly(workbench, functions()[requirement], subject)

    yield judge
    workbench.close()


class Seeded(BaseModel):
    """A run that has been populated, and the files of the server as they were then."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    shared: Shared
    contract: Contract
    state: Path


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    """Every server, intact or broken, gets the same world: made once, by an intact one."""
    home, state = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("state")
    with started(provision(RELEASE, silent).template, home) as server:
        settings = Settings(url=server.url, exclusive=True, reports=tmp_path_factory.mktemp("reports"))
        run = Run(settings, silent).open()
        run.populate()
        assert run.workbench is not None
        assert run.workbench.world.population.trouble is None
        for path in home.iterdir():
            if path.suffix == ".db":
                # Some of it is in files beside it, while the server runs.
                with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(state / path.name)) as copy:
                    source.backup(copy)
            elif path.suffix == ".toml":
                shutil.copy2(path, state)
        run.workbench.close()
    yield Seeded(shared=run.workbench.shared, contract=run.workbench.contract, state=state)
    shutil.rmtree(run.workbench.shared.folder)


@pytest.fixture(scope="module")
def intact(seeded: Seeded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    """What a check finds on a copy that nobody broke, started just as the broken ones are."""
    with (
        started(seeded.state, tmp_path_factory.mktemp("home")) as server,
        asking(seeded.shared, server, seeded.contract) as judge,
    ):
        yield cache(judge)


@pytest.mark.server
@pytest.mark.wide
@pytest.mark.parametrize("defect", DEFECTS.defect, ids=lambda defect: defect.id)
def test_defect_is_caught(defect: Defect, seeded: Seeded, intact: Judge, tmp_path: Path) -> None:
    checks = {pattern: list(named(pattern, seeded.contract)) for pattern in defect.caught_by}
    before = {check: intact(*check) for found in checks.values() for check in found}
    sound = [check for check, judgement in before.items() if judgement.verdict is Verdict.PASSED]
    with (
        started(seeded.state, tmp_path / "home", defect) as server,
        asking(seeded.shared, server, seeded.contract) as judge,
    ):
        after = {check: judge(*check) for check in sound}
    for pattern, found in checks.items():
        caught = [check for check in found if check in after and after[check].verdict is Verdict.FAILED]
        told = [
            f"{name} {judged[check].verdict} {judged[check].summary}"
            for check in found
            for name, judged in (("intact", before), ("broken", after))
            if check in judged
        ]
        assert caught, f"{pattern} does not see that {defect.title}: {found} {told}"
        print(f"{defect.title}: {caught}")


def named(pattern: str, contract: Contract) -> Iterator[tuple[str, str]]:
    """The checks that `--select` would find by the pattern."""
    for _, declared in declarations():
        for subject in declared.names(contract):
            if selected(declared.requirement, subject, (pattern,)):
                yield declared.requirement, subject


def test_the_defects_are_twenty_and_all_over() -> None:
    assert len({defect.id for defect in DEFECTS.defect}) == len(DEFECTS.defect) == 20
    subjects = {pattern.partition(" ")[2] for defect in DEFECTS.defect for pattern in defect.caught_by}
    # `POST /flows/filter`, `flows.name.any_`, `flows by flow_runs`
    collections = {re.split(r"[. *]|/\w+$", subject.removeprefix("POST /"))[0] for subject in subjects}
    assert len(collections) >= 12, collections
