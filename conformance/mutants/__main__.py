"""`python -m conformance.mutants`."""

from conformance import tool
from conformance.mutants.command import run

if __name__ == "__main__":
    tool.run(run)
