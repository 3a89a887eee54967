"""The commands, in the order in which `--help` lists them."""

from __future__ import annotations

import sys
from typing import Any, Final

import typer

from conformance.cli import certificates, proving, reading, running
from conformance.errors import ConformanceError, ExitCode

app = typer.Typer(
    name="prefect-conformance",
    help="Does a server keep the contract of the Prefect REST API, and if not, exactly where?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(running.run)
app.command("merge")(running.merge)
app.command("sweep")(running.sweep)
app.command("certify")(running.certify)
app.command("certificate")(certificates.certificate_)
app.command("verify")(certificates.verify)
app.command("badge")(certificates.badge)
app.command("catalogue")(reading.show_catalogue)
app.command("diff")(reading.diff)
app.command("report")(reading.report)
app.command("summary")(reading.summary)
app.command("prove")(proving.prove)
app.command("version")(reading.version)

_waivers = typer.Typer()
_waivers.callback(invoke_without_command=True)(reading.list_waivers)
_waivers.command("propose")(reading.propose)
app.add_typer(_waivers, name="waivers")

# typer keeps its own copy of click, and names only some of its errors.
_UsageError: Any = typer.BadParameter.__mro__[1]

_INTERRUPTED: Final = 130
"""What typer makes of Ctrl-C."""


def main() -> None:
    """The console script: every error that the user can mend is one line, and ends with the documented code."""
    try:
        code = app(standalone_mode=False)
    except ConformanceError as error:
        _end(str(error), ExitCode.USAGE)
    except _UsageError as error:
        _end(error.format_message(), ExitCode.USAGE)
    except (typer.Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    if code == _INTERRUPTED:
        _end("interrupted", ExitCode.INCOMPLETE)
    sys.exit(code)


def _end(message: str, code: ExitCode) -> None:
    print(f"Error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)
