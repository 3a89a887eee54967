"""`python -m conformance.benchmark`."""

import sys

import typer

from conformance.benchmark.command import run, say
from conformance.errors import ConformanceError, ExitCode

if __name__ == "__main__":
    try:
        typer.run(run)
    except ConformanceError as error:
        say(f"Error: {error}")
        sys.exit(ExitCode.USAGE)
