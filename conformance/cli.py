"""The commands."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Annotated

import platformdirs
import pytest
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from conformance import __version__, catalogue
from conformance.errors import ConformanceError, ExitCode
from conformance.plugin import SUITE, options
from conformance.run import Run, shards, sweeping
from conformance.settings import DEFAULT_FUZZ_EXAMPLES, DEFAULT_SEED, Settings

app = typer.Typer(
    name="prefect-conformance",
    help="Does a server keep the contract of the Prefect REST API, and if not, exactly where?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


_MOST_WORKERS = 4


def _seed(value: str) -> int:
    if value == "random":
        return secrets.randbelow(2**31)
    if not value.isdecimal():
        raise typer.BadParameter(f"{value!r} is neither a whole number nor `random`")
    return int(value)


def _cores() -> int:
    """Workers of a whole run: each has a server of its own, and both take a quarter of a gigabyte."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(cores, _MOST_WORKERS)


@app.command()
def run(
    url: Annotated[str | None, typer.Option(help="Test this server: the base URL of its API (…/api).")] = None,
    server: Annotated[
        str | None, typer.Option(help="Release to provision and test, such as prefect==3.9.1.", show_default="newest")
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option(metavar="'NAME: VALUE'", help="Sent with every request. Repeatable.")
    ] = None,
    exclusive: Annotated[
        bool, typer.Option("--exclusive", help="The target at --url belongs to this run alone.")
    ] = False,
    select: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Only requirements or subjects that match. Repeatable."),
    ] = None,
    no_fuzz: Annotated[bool, typer.Option("--no-fuzz", help="Leave the fuzz out.")] = False,
    fuzz_examples: Annotated[int, typer.Option(min=1, help="Generated cases an operation.")] = DEFAULT_FUZZ_EXAMPLES,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Processes that run checks.", show_default="as many as cores; 1 with --url or --select"
        ),
    ] = None,
    seed: Annotated[str, typer.Option(metavar="N|random", help="Seed of all that is generated.")] = str(DEFAULT_SEED),
    waivers: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Accepted deviations. Repeatable.", show_default="the release's own"),
    ] = None,
    no_waivers: Annotated[bool, typer.Option("--no-waivers", help="Accept no deviation.")] = False,
    reports: Annotated[Path, typer.Option(metavar="DIR", help="Where the reports go.")] = Path("reports"),
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Send nothing that may change the target at --url.")
    ] = False,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Only this share of the checks; `merge` joins them.")
    ] = None,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first failed verdict.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="Print the checks that would run, and run none.")] = False,
) -> None:
    """Test a Prefect API: a server at --url, or a real one that is provisioned for it.

    Ends with 0 conformant, 1 non-conformant, 2 usage or configuration, 3 incomplete.
    """
    if url is not None and server is not None:
        raise ConformanceError("--url and --server exclude each other: one server is tested at a time")
    if waivers and no_waivers:
        raise ConformanceError("--waivers and --no-waivers exclude each other")
    settings = Settings(
        url=url,
        server=server,
        headers=tuple(header or ()),
        exclusive=exclusive,
        select=tuple(select or ()),
        fuzz=not no_fuzz,
        fuzz_examples=fuzz_examples,
        workers=workers or (1 if list_ or url is not None or select else _cores()),
        seed=_seed(seed),
        waivers=tuple(waivers or ()),
        use_waivers=not no_waivers,
        reports=reports,
        fail_fast=fail_fast,
        read_only=read_only,
        shard=shard,
    )
    Run.check(settings)
    raise typer.Exit(_list(settings) if list_ else _run(settings))


def _run(settings: Settings) -> int:
    # What the user's own pytest is told must not change a verdict.
    os.environ.pop("PYTEST_ADDOPTS", None)
    # Hypothesis keeps notes; not in the folder that the user happens to be in.
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", platformdirs.user_cache_dir("prefect-conformance-hypothesis"))
    arguments = [
        str(SUITE),
        f"--rootdir={SUITE}",
        f"--confcutdir={SUITE}",
        "-c",
        os.devnull,
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        "-p",
        "conformance.plugin.screen",
        *options.arguments(settings),
    ]
    code = pytest.main(arguments)
    return ExitCode.USAGE if code == pytest.ExitCode.USAGE_ERROR else int(code)


def _list(settings: Settings) -> int:
    console = Console(stderr=True)
    this = Run(settings, lambda text: console.print(escape(text), style="dim", soft_wrap=True))
    try:
        this.open()
        for requirement, subject in this.planned():
            print(f"{requirement}\t{subject}")
    finally:
        this.close(begun=False)
    return ExitCode.CONFORMANT


@app.command("merge")
def merge_(
    shards_: Annotated[list[Path], typer.Argument(metavar="DIR…", help="The reports folders of all shards.")],
    reports: Annotated[Path, typer.Option(metavar="DIR", help="Where the reports of the whole go.")] = Path("reports"),
) -> None:
    """Join the shards of one run (`run --shard I/N`) into the reports and the result of the whole.

    Ends with 0 conformant, 1 non-conformant, 2 usage or configuration, 3 incomplete.
    """
    console = Console(stderr=True)
    raise typer.Exit(shards.merge(shards_, reports, lambda text: console.print(escape(text), style="dim")))


@app.command("sweep")
def sweep_(
    url: Annotated[str | None, typer.Option(help="The server that was tested: the base URL of its API.")] = None,
    run_: Annotated[str | None, typer.Option("--run", metavar="ID", help="Only this run; without: all there.")] = None,
    header: Annotated[
        list[str] | None, typer.Option(metavar="'NAME: VALUE'", help="Sent with every request. Repeatable.")
    ] = None,
) -> None:
    """Remove what runs that were killed have left on a server that is shared; without --url, list them.

    Ends with 0 where nothing of them is left, 2 usage or configuration, 3 where something is.
    """
    if url is None:
        if run_ is not None:
            raise ConformanceError(f"{sweeping.of(run_)}: say with --url where the run was")
        for line in sweeping.listed() or ["nothing to do: no unfinished run"]:
            print(line)
        return
    raise typer.Exit(sweeping.finish(url, tuple(header or ()), run_, print))


@app.command("catalogue")
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
    console.print(catalogue.explain(requirements[id_]), markup=False, highlight=False)


@app.command()
def version() -> None:
    """Print the version of the suite."""
    print(__version__)


# typer keeps its own copy of click, and names only some of its errors.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def main() -> None:
    """The console script: every error that the user can mend is one line, and ends with the documented code."""
    try:
        sys.exit(app(standalone_mode=False))
    except ConformanceError as error:
        _end(str(error), ExitCode.USAGE)
    except _UsageError as error:
        _end(str(error), ExitCode.USAGE)
    except (typer.Abort, KeyboardInterrupt):
        _end("interrupted", ExitCode.INCOMPLETE)


def _end(message: str, code: ExitCode) -> None:
    print(f"Error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)
