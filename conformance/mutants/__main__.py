"""`python -m conformance.mutants`."""

import sys

import typer

from conformance.errors import ConformanceError, ExitCode
from conformance.mutants.command import run, say

if __name__ == "__main__":
    try:
        typer.run(run)
    except ConformanceError as error:
        say(f"Error: {error}")
        sys.exit(ExitCode.USAGE)
