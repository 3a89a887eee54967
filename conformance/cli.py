"""The commands."""

from __future__ import annotations

import os
import re
import secrets
import sys
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import platformdirs
import pytest
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from conformance import __version__, catalogue, cli_certificates, data
from conformance.errors import ConformanceError, ExitCode
from conformance.plugin import SUITE, options
from conformance.run import Run, differing, reports, shards, sweeping
from conformance.settings import DEFAULT_FUZZ_EXAMPLES, DEFAULT_SEED, Settings
from conformance.suite.check import selected
from conformance.verdicts import difference, document, job_annotations, job_page, proposal, waiver_list, waivers
from conformance.verdicts.console import stdout

app = typer.Typer(
    name="prefect-conformance",
    help="Does a server keep the contract of the Prefect REST API, and if not, exactly where?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


waivers_app = typer.Typer()
app.add_typer(waivers_app, name="waivers")
app.command("certificate")(cli_certificates.certificate_)
app.command("verify")(cli_certificates.verify)
app.command("badge")(cli_certificates.badge)

_MOST_WORKERS = 4

# How a target is reached: the same options wherever one is asked for anything.
_Header = Annotated[
    list[str] | None, typer.Option(metavar="'NAME: VALUE'", help="Sent with every request. Repeatable.")
]
_TokenEnv = Annotated[str | None, typer.Option(metavar="VARIABLE", help="Environment variable with a bearer token.")]
_TokenFile = Annotated[Path | None, typer.Option(metavar="FILE", help="File with a bearer token.")]
_AuthEnv = Annotated[
    str | None, typer.Option(metavar="VARIABLE", help="Environment variable with user:password (Basic).")
]
_AuthFile = Annotated[Path | None, typer.Option(metavar="FILE", help="File with user:password (Basic).")]
_HeaderEnv = Annotated[
    list[str] | None,
    typer.Option(metavar="'NAME: VARIABLE'", help="As --header, the value from the environment. Repeatable."),
]
_HeaderFile = Annotated[
    list[str] | None,
    typer.Option(metavar="'NAME: FILE'", help="As --header, the value from a file. Repeatable."),
]
_Authority = Annotated[Path | None, typer.Option(metavar="FILE", help="Authority that signed the target's TLS.")]
_ClientCert = Annotated[Path | None, typer.Option(metavar="FILE", help="Client certificate for TLS.")]
_ClientKey = Annotated[Path | None, typer.Option(metavar="FILE", help="Its key, where that is in another file.")]
_Contract = Annotated[
    str | None,
    typer.Option(
        metavar="prefect==VERSION|FILE|URL", help="Judge by this OpenAPI document.", show_default="the target's own"
    ),
]
_Rate = Annotated[float | None, typer.Option(metavar="N", help="Requests per second at most, over all workers.")]


def _seed(value: str) -> int:
    if value == "random":
        return secrets.randbelow(2**31)
    if not value.isdecimal():
        raise typer.BadParameter(f"--seed {value!r} is neither a whole number nor `random`")
    return int(value)


def _above_zero(rate: float | None) -> float | None:
    if rate is not None and not 0 < rate < float("inf"):
        raise typer.BadParameter(f"--rate {rate:g}: it has to be a number of requests above 0")
    return rate


def _workers(value: str | None, default: int) -> int:
    if value is None:
        return default
    if value == "auto":
        return _cores()
    if not value.isdecimal() or int(value) < 1:
        raise typer.BadParameter(f"{value!r}: --workers takes a whole number above 0, or `auto`")
    return int(value)


def _cores() -> int:
    """Workers of a whole run: each has a server of its own, and both take a quarter of a gigabyte."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(cores, _MOST_WORKERS)


@app.command()
def run(
    url: Annotated[str | None, typer.Option(help="Test this server: the base URL of its API (…/api).")] = None,
    server: Annotated[
        str | None,
        typer.Option(help="Release to provision and test: any, such as prefect==3.9.1.", show_default="newest"),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="sqlite|postgres|URL|env:NAME",
            help="What the server is put on: a PostgreSQL of its own, or one that is there.",
            show_default="sqlite",
        ),
    ] = None,
    header: _Header = None,
    token_env: _TokenEnv = None,
    token_file: _TokenFile = None,
    auth_env: _AuthEnv = None,
    auth_file: _AuthFile = None,
    header_env: _HeaderEnv = None,
    header_file: _HeaderFile = None,
    ca: _Authority = None,
    client_cert: _ClientCert = None,
    client_key: _ClientKey = None,
    contract: _Contract = None,
    rate: _Rate = None,
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
        str | None,
        typer.Option(
            metavar="N|auto",
            help="Processes that run checks; auto: one a core.",
            show_default="auto; 1 with --url or --select",
        ),
    ] = None,
    seed: Annotated[str, typer.Option(metavar="N|random", help="Seed of all that is generated.")] = str(DEFAULT_SEED),
    waivers: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Accepted deviations. Repeatable.", show_default="the release's own"),
    ] = None,
    no_waivers: Annotated[bool, typer.Option("--no-waivers", help="Accept no deviation.")] = False,
    reports: Annotated[Path, typer.Option(metavar="DIR", help="Where the reports go.")] = Path("reports"),
    no_allure: Annotated[bool, typer.Option("--no-allure", help="Leave Allure's results unrendered.")] = False,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Send nothing that may change the target at --url.")
    ] = False,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Only this share of the checks; `merge` joins them.")
    ] = None,
    require_coverage: Annotated[
        list[str] | None,
        typer.Option(metavar="CRITERION=PERCENT", help="Coverage of the API below which it is incomplete. Repeatable."),
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
        database=database,
        headers=tuple(header or ()),
        token_env=token_env,
        token_file=token_file,
        auth_env=auth_env,
        auth_file=auth_file,
        header_env=tuple(header_env or ()),
        header_file=tuple(header_file or ()),
        ca=ca,
        client_cert=client_cert,
        client_key=client_key,
        contract=contract,
        rate=_above_zero(rate),
        exclusive=exclusive,
        select=tuple(select or ()),
        fuzz=not no_fuzz,
        fuzz_examples=fuzz_examples,
        workers=_workers(workers, 1 if list_ or url is not None or select else _cores()),
        seed=_seed(seed),
        waivers=tuple(waivers or ()),
        use_waivers=not no_waivers,
        reports=reports,
        allure=not no_allure,
        fail_fast=fail_fast,
        read_only=read_only,
        shard=shard,
        require_coverage=tuple(require_coverage or ()),
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
        for requirement, subject in this.planned:
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
    header: _Header = None,
    token_env: _TokenEnv = None,
    token_file: _TokenFile = None,
    auth_env: _AuthEnv = None,
    auth_file: _AuthFile = None,
    header_env: _HeaderEnv = None,
    header_file: _HeaderFile = None,
    ca: _Authority = None,
    client_cert: _ClientCert = None,
    client_key: _ClientKey = None,
    contract: _Contract = None,
    rate: _Rate = None,
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
    settings = Settings(
        url=url,
        headers=tuple(header or ()),
        token_env=token_env,
        token_file=token_file,
        auth_env=auth_env,
        auth_file=auth_file,
        header_env=tuple(header_env or ()),
        header_file=tuple(header_file or ()),
        ca=ca,
        client_cert=client_cert,
        client_key=client_key,
        contract=contract,
        rate=_above_zero(rate),
    )
    raise typer.Exit(sweeping.finish(settings, run_, print))


@app.command()
def certify(
    vendor: cli_certificates.Vendor,
    product: cli_certificates.ProductName,
    product_version: cli_certificates.ProductVersion,
    product_sha256: cli_certificates.ProductDigest = None,
    key: cli_certificates.SigningKey = None,
    set_: cli_certificates.SetId = None,
    url: Annotated[str | None, typer.Option(help="Certify this server: the base URL of its API (…/api).")] = None,
    server: Annotated[str | None, typer.Option(help="Or a release to provision, such as prefect==3.9.1.")] = None,
    database: Annotated[str | None, typer.Option(metavar="sqlite|postgres|URL|env:NAME", help="As of `run`.")] = None,
    header: _Header = None,
    token_env: _TokenEnv = None,
    token_file: _TokenFile = None,
    auth_env: _AuthEnv = None,
    auth_file: _AuthFile = None,
    header_env: _HeaderEnv = None,
    header_file: _HeaderFile = None,
    ca: _Authority = None,
    client_cert: _ClientCert = None,
    client_key: _ClientKey = None,
    contract: _Contract = None,
    rate: _Rate = None,
    exclusive: Annotated[
        bool, typer.Option("--exclusive", help="The target at --url belongs to this run alone.")
    ] = False,
    workers: Annotated[str | None, typer.Option(metavar="N|auto", help="As of `run`.")] = None,
    waivers: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Accepted deviations. Repeatable. Default: those shipped.")
    ] = None,
    reports: Annotated[Path, typer.Option(metavar="DIR", help="Where the reports go.")] = Path("reports"),
    no_allure: Annotated[bool, typer.Option("--no-allure", help="Leave Allure's results unrendered.")] = False,
) -> None:
    """Run every check, and write certificate.json beside the other reports.

    Ends as `run` does: 0 conformant, 1 non-conformant, 2 usage or configuration, 3 incomplete.
    """
    if (url is None) == (server is None):
        raise ConformanceError("say what is certified: one of --url and --server")
    settings = Settings(
        url=url,
        server=server,
        database=database,
        headers=tuple(header or ()),
        token_env=token_env,
        token_file=token_file,
        auth_env=auth_env,
        auth_file=auth_file,
        header_env=tuple(header_env or ()),
        header_file=tuple(header_file or ()),
        ca=ca,
        client_cert=client_cert,
        client_key=client_key,
        contract=contract,
        rate=_above_zero(rate),
        exclusive=exclusive,
        workers=_workers(workers, 1 if url is not None else _cores()),
        waivers=tuple(waivers or ()),
        reports=reports,
        allure=not no_allure,
    )
    Run.check(settings)
    of = cli_certificates.product(vendor, product, product_version, product_sha256)
    conclude = cli_certificates.begin(reports, of, set_, key)
    code = _run(settings)
    conclude()
    raise typer.Exit(code)


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
    # What the checks, the faults and the waivers know of it takes seconds to gather, and stands in the page already.
    page = data.requirements() / f"{id_}.md"
    try:
        print(page.read_text("utf-8"), end="")
    except OSError as error:
        raise ConformanceError(
            f"{page}: {error.strerror or error}; `python -m conformance.run.requirement_pages` writes it"
        ) from error


@app.command()
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


@app.command("report")
def report_(
    run_: Annotated[Path, typer.Argument(metavar="RUN", help="verdicts.json of a run, or the folder that it is in.")],
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the pages go.", show_default="beside verdicts.json")
    ] = None,
) -> None:
    """Render the report page of a run again, from its verdicts.json."""
    verdicts = _verdicts(run_)
    found = document.load(verdicts)
    folder = verdicts.parent if output is None else output
    reports.prepare(folder)
    if folder.resolve() != verdicts.parent.resolve():
        # The page names it.
        document.write(found, folder / "verdicts.json", checked=True)
    print(reports.pages(found, catalogue.load(), folder))


class _Summary(StrEnum):
    MARKDOWN = "markdown"
    ANNOTATIONS = "annotations"


@app.command()
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


@waivers_app.callback(invoke_without_command=True)
def waivers_(
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


@waivers_app.command("propose")
def propose_(
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
    return path / "verdicts.json" if path.is_dir() else path


@app.command()
def version() -> None:
    """Print the version of the suite."""
    print(__version__)


# typer keeps its own copy of click, and names only some of its errors.
_UsageError: Any = typer.BadParameter.__mro__[1]


def main() -> None:
    """The console script: every error that the user can mend is one line, and ends with the documented code."""
    try:
        sys.exit(app(standalone_mode=False))
    except ConformanceError as error:
        _end(str(error), ExitCode.USAGE)
    except _UsageError as error:
        _end(error.format_message(), ExitCode.USAGE)
    except (typer.Abort, KeyboardInterrupt):
        _end("interrupted", ExitCode.INCOMPLETE)


def _end(message: str, code: ExitCode) -> None:
    print(f"Error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)
