"""The same server gets the same verdicts, however the suite is run."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import cli, differing, plain_pytest, verdicts

from conformance.verdicts import document

pytestmark = [pytest.mark.server, pytest.mark.wide]

RUNS = int(os.environ.get("STEADY_RUNS", "20"))
SHARE = os.environ.get("STEADY_SHARE", "1/1")
"""What is run so often: everything, or a share of it, as `--shard` says it."""

TABLE = Path("reports") / "steadiness.md"

# Last of all: the suite's own sort, which keeps chapters together, is undone too. In each process the same order.
_SHUFFLE = """
import os, random, pytest

@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    random.Random(os.environ["STEADY_ORDER"]).shuffle(items)
"""


def counted(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Questions that a cell of the grammar was judged by: those with a hit, with a miss, and on a null."""
    grammar = document.load(folder / "reports" / "verdicts.json").grammar
    return {cell.name: (cell.hit, cell.miss, cell.null) for cell in grammar.cells}


def test_one_worker_and_plain_pytest_give_the_same_verdicts(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    assert cli("run", "--workers", "1", "--no-waivers", cwd=one, timeout=1200).returncode == 1
    assert plain_pytest("-n", "2", "--conformance-no-waivers", cwd=other, timeout=1200).returncode == 1
    assert len(verdicts(one)) > 4000
    assert differing(verdicts(one), verdicts(other)) == {}
    assert counted(one) == counted(other)


@dataclass(frozen=True)
class Once:
    """One of the runs in a row: how it was run, how long that took, and what it did not agree on with the first."""

    number: int
    workers: int
    loaded: bool
    seconds: float
    checks: int
    differing: object


@contextmanager
def burning(processes: int) -> Iterator[None]:
    """Others that want the processor, all the time."""
    others = [multiprocessing.get_context("fork").Process(target=_burn, daemon=True) for _ in range(processes)]
    for other in others:
        other.start()
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.join()


def _burn() -> None:
    while True:
        pass


def test_runs_in_a_row_find_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shuffle.py").write_text(_SHUFFLE)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    first: dict[tuple[str, str], tuple[str, str]] | None = None
    row: list[Once] = []
    for number in range(1, RUNS + 1):
        workers, loaded = 1 + number % 2, number % 4 > 1
        folder = tmp_path / f"{number}"
        folder.mkdir()
        monkeypatch.setenv("STEADY_ORDER", str(number))
        began = time.monotonic()
        with burning(2 if loaded else 0):
            share = () if SHARE == "1/1" else (f"--conformance-shard={SHARE}",)
            done = plain_pytest("-n", str(workers), "-p", "shuffle", *share, cwd=folder, timeout=7200)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr
        found = verdicts(folder)
        first = first or found
        row.append(Once(number, workers, loaded, time.monotonic() - began, len(found), differing(first, found)))
        _write(row)
    assert {once.number: once.differing for once in row if once.differing} == {}


def _write(row: list[Once]) -> None:
    lines = ["| run | workers | others at work | seconds | checks | differing |", "|---|---|---|---|---|---|"]
    for once in row:
        load = "2" if once.loaded else "0"
        cells = [once.number, once.workers, load, f"{once.seconds:.0f}", once.checks, len(once.differing)]  # type: ignore[arg-type]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text("\n".join(lines) + "\n")
