"""The commands that read what is there: the catalogue, the waivers, and the reports of runs."""

from __future__ import annotations

import re
import sys
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from conformance import __version__, catalogue, data
from conformance.errors import ConformanceError, ExitCode
from conformance.run import differing, folder, reports
from conformance.suite.check import selected
from conformance.verdicts import difference, document, job_annotations, job_page, proposal, waiver_list, waivers
from conformance.verdicts.console import stdout


def show_catalogue(
    id_: Annotated[str | None, typer.Argument(metavar="[ID]", help="The requirement to explain.")] = None,
) -> None:
    """List the requirements, or explain one."""
    console = Console()
    requirements = catalogue.load()
    if id_ is None:
        table = Table(Column("requirement", no_wrap=True), "level", "profile", "title", box=None, pad_edge=False)
        for requirement in requirements.values():
            table.add_row(requirement.id, requirement.level, requirement.profile, escape(requirement.title))
        console.print(table)
        return
    if id_ not in requirements:
        raise ConformanceError(f"the catalogue has no requirement {id_!r}; `prefect-conformance catalogue` lists them")
    # What the checks, the faults and the waivers know of it takes seconds to gather, and stands in the page already.
    page = data.requirements() / f"{id_}.md"
    try:
        print(page.read_text("utf-8"), end="")
    except OSError as error:
        raise ConformanceError(
            f"{page}: {error.strerror or error}; `python -m conformance.run.requirement_pages` writes it"
        ) from error


def diff(
    before: Annotated[
        str,
        typer.Argument(
            metavar="A", help="A run (its reports folder or verdicts.json), or a contract: prefect==VERSION, FILE, URL."
        ),
    ],
    after: Annotated[str, typer.Argument(metavar="B", help="A later run, or another contract.")],
    fail_on: Annotated[
        difference.FailOn, typer.Option(help="What ends it with 1; `breaking`: a regression does too.")
    ] = difference.FailOn.REGRESSION,
    format_: Annotated[difference.Format, typer.Option("--format", help="How it is written.")] = difference.Format.TEXT,
) -> None:
    """Compare two runs: what regressed, was fixed, is new, is gone; and what changed in their contracts.

    Two contracts, also those of two servers, are compared by what their OpenAPI documents say (URL/openapi.json) and
    nothing else: to judge two servers, run the suite on each, and compare the runs.

    Ends with 1 if a check that was in order in A failed or could not run in B, else with 0. Changes of the contract
    that break clients of A are named, and end it with 1 with --fail-on breaking only: a release may mean them.
    """
    found = differing.differences(differing.side(before), differing.side(after))
    if fail_on is difference.FailOn.BREAKING and found.contract is None:
        raise ConformanceError(f"--fail-on breaking: {found.notes[0]}")
    match format_:
        case difference.Format.TEXT:
            difference.show(stdout(), found)
        case difference.Format.JSON:
            print(difference.as_json(found))
        case difference.Format.MARKDOWN:
            print(difference.as_markdown(found), end="")
    failed = found.regressed or (fail_on is difference.FailOn.BREAKING and found.breaking)
    raise typer.Exit(ExitCode.NON_CONFORMANT if failed else ExitCode.CONFORMANT)


def report(
    run_: Annotated[Path, typer.Argument(metavar="RUN", help="verdicts.json of a run, or the folder that it is in.")],
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the pages go.", show_default="beside verdicts.json")
    ] = None,
) -> None:
    """Render the report page of a run again, from its verdicts.json."""
    verdicts = _verdicts(run_)
    found = document.load(verdicts)
    to = verdicts.parent if output is None else output
    reports.prepare(to)
    if to.resolve() != verdicts.parent.resolve():
        folder.require_whole(to)
        folder.put_certified_aside(to)
        # The page names it.
        document.write(found, to / "verdicts.json", checked=True)
        folder.make_room(to)
    print(reports.pages(found, catalogue.load(), to))


class _Summary(StrEnum):
    MARKDOWN = "markdown"
    ANNOTATIONS = "annotations"


def summary(
    reports: Annotated[
        Path, typer.Argument(metavar="RUN", help="verdicts.json of a run, or the folder that it is in.")
    ],
    format_: Annotated[
        _Summary, typer.Option("--format", help="Markdown for the page of a CI job, or GitHub's annotations.")
    ] = _Summary.MARKDOWN,
) -> None:
    """Print what a run came to as a CI system shows it. Ends with 0, whatever the result was."""
    found = document.load(_verdicts(reports))
    match format_:
        case _Summary.MARKDOWN:
            text = job_page.render(found, catalogue.load())
        case _Summary.ANNOTATIONS:
            text = job_annotations.render(found)
    # Into a file, and whatever the locale: a job's page is UTF-8.
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))


def list_waivers(
    context: typer.Context,
    server: Annotated[
        str | None, typer.Option(help="Only those that hold for this release, such as prefect==3.9.1.")
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Only requirements or subjects that match. Repeatable."),
    ] = None,
    files: Annotated[
        list[Path] | None,
        typer.Option("--waivers", metavar="FILE", help="Accepted deviations. Repeatable.", show_default="the shipped"),
    ] = None,
) -> None:
    """List the accepted deviations, the oldest first; or propose some from a run."""
    if context.invoked_subcommand is not None:
        return
    version = None if server is None else _version_of(server)
    read = waivers.read(files or waivers.shipped(), catalogue.load())
    found = [
        waiver
        for waiver, _ in read
        if (version is None or waiver.holds_for(version))
        and selected(waiver.requirement, waiver.subject, tuple(select or ()))
    ]
    waiver_list.show(stdout(), found, date.today())  # noqa: DTZ011 - the day where the user is


def _version_of(server: str) -> str:
    named = re.fullmatch(r"(?:prefect==)?(\d+\.\d+\.\d+)", server)
    if named is None:
        raise ConformanceError(f"--server {server!r}: write prefect==VERSION, such as prefect==3.9.1")
    return named[1]


def propose(
    reports: Annotated[
        Path, typer.Argument(metavar="RUN", help="verdicts.json of a run, or the folder that it is in.")
    ],
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write them. Default: print.")] = None,
) -> None:
    """Write a waiver for each failure of a run, for a person to judge and to give its reason.

    As it is written, the file is refused: no waiver has its reason yet.
    """
    text = proposal.render(proposal.propose(document.load(_verdicts(reports))))
    if output is None:
        print(text, end="")
        return
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        raise ConformanceError(f"{output}: can't write the waivers: {error.strerror or error}") from error


def _verdicts(path: Path) -> Path:
    """The document of a run. Raises ConformanceError for a folder whose last run has not written all its reports."""
    if not path.is_dir():
        return path
    folder.require_whole(path)
    return path / "verdicts.json"


def version() -> None:
    """Print the version of the suite."""
    print(__version__)
