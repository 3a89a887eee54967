"""The commands that ask a server: run, merge, sweep, certify."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import platformdirs
import pytest
import typer
from rich.console import Console
from rich.markup import escape

from conformance.cli import certificates, shared_options
from conformance.errors import ConformanceError, ExitCode
from conformance.plugin import SUITE, options
from conformance.run import Run, interrupts, shards, sweeping
from conformance.settings import DEFAULT_FUZZ_EXAMPLES, DEFAULT_SEED, Settings

_PLUGINS: Final = (
    "no:cacheprovider",
    "xdist.plugin",
    "allure_pytest.plugin",
    "conformance.plugin",
    "conformance.plugin.screen",
)
"""All that are loaded, beside pytest's own: a verdict must not hang on what else is installed."""


@shared_options.reaching
def run(
    *,
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
    target: shared_options.Reaching,
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
    settings = target.settings(
        url=url,
        server=server,
        database=database,
        exclusive=exclusive,
        select=tuple(select or ()),
        fuzz=not no_fuzz,
        fuzz_examples=fuzz_examples,
        workers=shared_options.workers(workers, 1 if list_ or url is not None or select else shared_options.cores()),
        seed=shared_options.seed(seed),
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
    # What the user's own pytest is told, or has been given as plugins, must not change a verdict.
    for variable in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(variable, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    # Hypothesis keeps notes; not in the folder that the user happens to be in.
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", platformdirs.user_cache_dir("prefect-conformance-hypothesis"))
    arguments = [
        str(SUITE),
        f"--rootdir={SUITE}",
        f"--confcutdir={SUITE}",
        "-c",
        os.devnull,
        *(word for plugin in _PLUGINS for word in ("-p", plugin)),
        *options.arguments(settings),
    ]
    with interrupts.told_by_sigterm():
        code = pytest.main(arguments)
    return ExitCode.USAGE if code == pytest.ExitCode.USAGE_ERROR else int(code)


def _list(settings: Settings) -> int:
    console = Console(stderr=True)
    this = Run(settings, lambda text: console.print(escape(text), style="dim", soft_wrap=True))
    try:
        this.open(to_list=True)
        for requirement, subject in this.planned:
            print(f"{requirement}\t{subject}")
    finally:
        this.close(begun=False)
    return ExitCode.CONFORMANT


def merge(
    shards_: Annotated[list[Path], typer.Argument(metavar="DIR…", help="The reports folders of all shards.")],
    reports: Annotated[Path, typer.Option(metavar="DIR", help="Where the reports of the whole go.")] = Path("reports"),
) -> None:
    """Join the shards of one run (`run --shard I/N`) into the reports and the result of the whole.

    Ends with 0 conformant, 1 non-conformant, 2 usage or configuration, 3 incomplete.
    """
    console = Console(stderr=True)
    raise typer.Exit(shards.merge(shards_, reports, lambda text: console.print(escape(text), style="dim")))


@shared_options.reaching
def sweep(
    *,
    url: Annotated[str | None, typer.Option(help="The server that was tested: the base URL of its API.")] = None,
    run_: Annotated[str | None, typer.Option("--run", metavar="ID", help="Only this run; without: all there.")] = None,
    target: shared_options.Reaching,
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
    settings = target.settings(url=url)
    raise typer.Exit(sweeping.finish(settings, run_, print))


@shared_options.reaching
def certify(
    *,
    vendor: certificates.Vendor,
    product: certificates.ProductName,
    product_version: certificates.ProductVersion,
    product_sha256: certificates.ProductDigest = None,
    key: certificates.SigningKey = None,
    set_: certificates.SetId = None,
    url: Annotated[str | None, typer.Option(help="Certify this server: the base URL of its API (…/api).")] = None,
    server: Annotated[str | None, typer.Option(help="Or a release to provision, such as prefect==3.9.1.")] = None,
    database: Annotated[str | None, typer.Option(metavar="sqlite|postgres|URL|env:NAME", help="As of `run`.")] = None,
    target: shared_options.Reaching,
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
    settings = target.settings(
        url=url,
        server=server,
        database=database,
        exclusive=exclusive,
        workers=shared_options.workers(workers, 1 if url is not None else shared_options.cores()),
        waivers=tuple(waivers or ()),
        reports=reports,
        allure=not no_allure,
    )
    Run.check(settings)
    of = certificates.product(vendor, product, product_version, product_sha256)
    conclude = certificates.begin(reports, of, set_, key)
    code = _run(settings)
    conclude()
    raise typer.Exit(code)
