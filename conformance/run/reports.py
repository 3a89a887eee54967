"""The reports of a run, all rendered from its one ledger."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from rich.console import Console

from conformance import __version__
from conformance.catalogue import Catalogue
from conformance.contract import Contract, excerpt
from conformance.errors import ConformanceError
from conformance.run import folder as places
from conformance.run.timings import Timings
from conformance.settings import DEFAULT_FUZZ_EXAMPLES, DEFAULT_SEED, Settings
from conformance.target import access
from conformance.verdicts import (
    allure,
    allure_results,
    api_coverage_page,
    coverage_page,
    document,
    explanations,
    junit,
    page,
    terminal,
)
from conformance.verdicts.ledger import Ledger
from conformance.verdicts.model import one_line

INDEX: Final = "index.html"
"""The page to open."""

VERDICTS: Final = "verdicts.json"
CONTRACT: Final = "contract.json"
"""The facts of the contract that was judged by, so that two runs' can be compared."""


class Judged(Protocol):
    """What has been judged, and is to be told: a run, or what its shards come to."""

    @property
    def settings(self) -> Settings:
        """What was asked for."""

    @property
    def catalogue(self) -> Catalogue:
        """The requirements."""

    @property
    def ledger(self) -> Ledger:
        """The verdicts."""

    @property
    def target(self) -> document.Target:
        """The server."""

    @property
    def contract(self) -> Contract | None:
        """What it was judged by, None where none was found."""

    @property
    def started(self) -> datetime:
        """When it began."""

    @property
    def seconds(self) -> float:
        """Its wall time."""

    @property
    def lost(self) -> str | None:
        """Why the target was of no use any more before the end, None where it was."""

    @property
    def timings(self) -> Timings:
        """How long its phases took."""

    @property
    def progress(self) -> Callable[[str], None]:
        """Says what is being done."""


@dataclass(frozen=True)
class Written:
    """The document that was written, the page to open, and a line for each report that could not be."""

    document: document.Document
    page: Path
    files: tuple[Path, ...]
    missing: tuple[str, ...]


def prepare(folder: Path) -> None:
    """Make sure that reports can be written to `folder`. Raises ConformanceError, before anything is run."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConformanceError(
            f"can't write reports to {folder}: {error.strerror or error}; name another folder with --reports"
        ) from error


def write(run: Judged) -> Written:
    """Write every report of a closed run.

    The verdicts come first: what can fail after them loses nothing, and is told. They are written once more at the
    end, with the time that the reports took. Raises DocumentError where they can't be written.
    """
    folder = run.settings.reports
    verdicts = folder / VERDICTS
    files, missing = [verdicts], []

    def add(name: str, make: Callable[[], object], *, named: bool = True) -> None:
        try:
            make()
        except (OSError, ConformanceError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            missing.append(one_line(f"{name}: not written: {why}"))
        else:
            if named:
                files.append(folder / name)

    with run.timings.phase("reports"):
        run.progress("writing the reports")
        written = _document(run)
        document.write(written, verdicts)
        # Before what takes longer, so that no report of an earlier run is ever taken for this one's.
        add("what an earlier run left", lambda: places.make_room(folder), named=False)
        add("junit.xml", lambda: junit.write(written, run.ledger.judgements, run.catalogue, folder / "junit.xml"))
        add(INDEX, lambda: pages(written, run.catalogue, folder), named=False)
        for name, there in (
            ("coverage.html", bool(written.grammar.asked)),
            ("api-coverage.html", written.api_coverage is not None),
        ):
            if there and (folder / name).is_file():
                files.append(folder / name)
        add(CONTRACT, lambda: _keep(run.contract, folder / CONTRACT), named=False)
        add("allure-report", lambda: _allure(run, written, files, missing), named=False)
    written = _document(run)
    document.write(written, verdicts, checked=True)
    index = folder / INDEX
    if index.is_file():
        index.write_text(page.render(written, run.catalogue), "utf-8")
    return Written(written, index, tuple(files), tuple(missing))


def _allure(run: Judged, written: document.Document, files: list[Path], missing: list[str]) -> None:
    """Complete the results for Allure and have them rendered. Raises OSError."""
    folder = run.settings.reports
    results = folder / "allure-results"
    if not results.is_dir():
        return
    allure_results.environment(results, _facts(written))
    allure_results.run_itself(results, written)
    if (left := _unrendered(run)) is not None:
        missing.append(f"allure-report: not rendered: {left}; `allure generate {results}` does it")
    elif why := allure.render(results, folder / "allure-report", run.progress, history=folder / "allure-history.jsonl"):
        missing.append(why)
    else:
        files.append(folder / "allure-report" / "index.html")


def pages(written: document.Document, catalogue: Catalogue, folder: Path) -> Path:
    """Write the page of a document and those that it leads to, and return its path.

    Raises ConformanceError where the folder does not take them.
    """
    index = folder / INDEX
    try:
        index.write_text(page.render(written, catalogue), "utf-8")
        (folder / "catalogue.html").write_text(explanations.render(catalogue), "utf-8")
        # Also where there is nothing in it, for the page of an earlier run would be taken for this one's.
        (folder / "coverage.html").write_text(coverage_page.render(written), "utf-8")
        (folder / "api-coverage.html").write_text(api_coverage_page.render(written), "utf-8")
    except OSError as error:
        raise ConformanceError(f"{folder}: can't write the pages: {error.strerror or error}") from error
    return index


def _keep(contract: Contract | None, path: Path) -> None:
    """Write the facts of a contract; without one, take away that of an earlier run."""
    if contract is None:
        path.unlink(missing_ok=True)
        return
    # A name may have half a surrogate pair, as JSON lets it: that is escaped.
    path.write_bytes(excerpt.dump(excerpt.facts(contract.document)).encode("utf-8", "backslashreplace"))


def _unrendered(run: Judged) -> str | None:
    """Why Allure's results are left as they are, None where they aren't."""
    if run.lost is not None:
        # Whoever waits for the end of a run on a server that is gone waits for seconds, not for a page.
        return "the target was lost"
    return None if run.settings.allure else "as asked"


def _document(run: Judged) -> document.Document:
    settings = run.settings
    about = document.Run(
        seed=settings.seed,
        started=run.started,
        seconds=run.seconds,
        workers=settings.workers,
        shard=settings.shard,
        read_only=settings.read_only,
        command=_rerun(run),
        filtered=run.ledger.filtered,
        fuzz_examples=settings.fuzz_examples,
    )
    suite = document.Suite(version=__version__)
    return document.build(run.ledger, suite=suite, target=run.target, run=about, timings=run.timings)


def show(run: Judged, written: Written, console: Console) -> None:
    """Print every failure on a screen of its own, the table, the result, and where the reports are."""
    terminal.failures(console, written.document, run.ledger.judgements, run.catalogue, _rerun(run))
    terminal.summary(console, written.document, run.catalogue, written.files, written.missing, written.page)


def _rerun(run: Judged) -> str:
    """The command line that names this run's target again. A header is named without its value."""
    settings = run.settings
    seed = None if settings.seed == DEFAULT_SEED else settings.seed
    examples = None if settings.fuzz_examples == DEFAULT_FUZZ_EXAMPLES else settings.fuzz_examples
    valued = {
        "--url": run.target.url if settings.url is not None else None,
        "--server": settings.server,
        "--database": settings.database,
        "--contract": settings.contract,
        "--rate": None if settings.rate is None else f"{settings.rate:g}",
        "--seed": seed,
        "--fuzz-examples": examples,
    }
    headers = [name for header in settings.headers for name in ("--header", f"{header.partition(':')[0].strip()}: …")]
    flags = {"--exclusive": settings.exclusive, "--read-only": settings.read_only}
    return shlex.join(
        [
            *("prefect-conformance", "run"),
            *(str(part) for option, value in valued.items() if value is not None for part in (option, value)),
            *headers,
            *access.options(settings),
            *(flag for flag, wanted in flags.items() if wanted),
        ]
    )


def _facts(written: document.Document) -> dict[str, str]:
    """What Allure shows of the run."""
    return {
        "target": written.target.url or "",
        "server": f"{written.target.server} {written.target.version}",
        "database": written.target.database or "unknown",
        "contract": written.target.contract_sha256 or "",
        "suite": written.suite.version,
        "seed": str(written.run.seed),
        "result": written.result.value,
    }
