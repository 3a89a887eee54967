"""The measurements, each of one thing once."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from conformance.benchmark import plain
from conformance.benchmark.exchanges import recording
from conformance.benchmark.figures import Gate, Plain, World
from conformance.benchmark.process import Measured, measure
from conformance.benchmark.replay import Replayed, replay
from conformance.errors import ConformanceError, ExitCode
from conformance.faults import Exchanged
from conformance.target import Access, discover, embedded
from conformance.target.embedded import Release

_HERE: Final = Path(sys.executable).parent

_ENDED: Final = (ExitCode.CONFORMANT, ExitCode.NON_CONFORMANT)
"""How a run that came to its end may have ended: what it found is not measured here."""

_MIB: Final = 2**20

_ONE_CHECK: Final = "routes.snake-case GET /flows/{id}"
"""A check that needs no more than the target's document."""


def silent(_: str) -> None:
    """No progress."""


def gate(release: Release, verdicts: Path) -> Gate:
    """The whole gate on servers of its own, with all its reports. Its verdicts are kept at `verdicts`."""
    with _folder() as folder:
        found = _run(["--server", f"prefect=={release.version}"], folder)
        shutil.copy(folder / "reports" / "verdicts.json", verdicts)
    told = json.loads(verdicts.read_text("utf-8"))
    operations = told["operations"].values()
    return Gate(
        seconds=found.seconds,
        first=_first_verdict(found),
        phases=told["timings"],
        peak=found.peak / _MIB,
        operations=len(operations),
        reached=sum(any(status.startswith("2") for status in one["statuses"]) for one in operations),
        checks=len(told["verdicts"]),
    )


def part(release: Release, chosen: Sequence[str], workers: int) -> float:
    """Seconds of the chosen checks on servers of the run's own."""
    with _folder() as folder:
        server = ["--server", f"prefect=={release.version}", "--workers", str(workers)]
        return _run([*server, "--no-allure", *chosen], folder).seconds


def part_on_a_fresh_server(release: Release, chosen: Sequence[str]) -> float:
    """Seconds of the chosen checks, whole command, by one worker on a server that is up."""
    with _server(release) as url, _folder() as folder:
        return _run(_alone(url, chosen), folder).seconds


def recorded(release: Release, chosen: Sequence[str]) -> list[Exchanged]:
    """What the chosen checks ask, from the first request to the last."""
    with _server(release) as url, recording(url) as (relayed, record), _folder() as folder:
        _run(_alone(relayed, chosen), folder)
        return record.exchanges


def replayed_on_a_fresh_server(release: Release, exchanges: Sequence[Exchanged]) -> Replayed:
    """The same requests without the suite."""
    with _server(release) as url:
        return replay(exchanges, url)


def beside_others(url: str, chosen: Sequence[str], flow_runs: int) -> World:
    """The chosen checks, by one worker, on a server that is others' too and has so many flow runs."""
    with _folder() as folder:
        found = _run(["--url", url, "--workers", "1", "--no-allure", *chosen], folder)
        told = json.loads((folder / "reports" / "verdicts.json").read_bytes())
    return World(
        flow_runs=flow_runs,
        checks=len(told["verdicts"]),
        seconds=found.seconds,
        phases=told["timings"],
        peak=found.peak / _MIB,
    )


def bare_start(release: Release) -> float:
    """Seconds from the command to the first healthy answer, on a copy of the migrated database."""
    began = time.perf_counter()
    with _server(release):
        return time.perf_counter() - began


def first_verdict(release: Release) -> float:
    """Seconds from the command to the first verdict, on a server of the run's own."""
    with _folder() as folder:
        server = ["--server", f"prefect=={release.version}", "--workers", "1", "--no-allure"]
        return _first_verdict(_run([*server, "--select", _ONE_CHECK], folder))


def collection(release: Release) -> float:
    """Seconds in which pytest collects every check for a server that is up, whole command.

    The server has been asked for its document before: to put that together takes it seconds, once.
    """
    with _server(release) as url, _folder() as folder:
        discover(url, Access())
        collects = ["-m", "pytest", "--pyargs", "conformance", "--collect-only", "-q", "--target", url]
        found = measure([sys.executable, *collects], folder, _is_ours)
    _require(found, (ExitCode.CONFORMANT,))
    return found.seconds


def plainly(release: Release, seconds: float) -> Plain:
    """Plain Schemathesis, for so long, on a fresh server."""
    with _server(release) as url, _folder() as folder:
        found = measure(plain.command(url, seconds), folder, _is_ours)
        _require(found, _ENDED)
        contract = discover(url, Access()).contract
        return plain.read(folder, contract, url, found.seconds)


@contextmanager
def _server(release: Release) -> Iterator[str]:
    started = embedded.start(release, silent)
    try:
        yield started.url
    finally:
        started.stop()


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="prefect-conformance-") as name:
        yield Path(name)


def _alone(url: str, chosen: Sequence[str]) -> list[str]:
    return ["--url", url, "--exclusive", "--workers", "1", "--no-allure", *chosen]


def _run(options: Sequence[str], folder: Path) -> Measured:
    found = measure([str(_HERE / "prefect-conformance"), "run", *options], folder, _is_ours)
    _require(found, _ENDED)
    return found


def _is_ours(command: Sequence[str]) -> bool:
    """Whether a process is the suite's own: servers have interpreters of their own, and Allure's tool has none."""
    return bool(command) and Path(command[0]).parent == _HERE


def _first_verdict(found: Measured) -> float:
    first = found.first("checking:")
    if first is None:
        raise ConformanceError("a run told of no verdict")
    return first


def _require(found: Measured, codes: Sequence[ExitCode]) -> None:
    if found.code not in codes:
        said = "; ".join(line for _, line in found.lines[-3:])
        raise ConformanceError(f"what was measured ended with {found.code}: {said}")
