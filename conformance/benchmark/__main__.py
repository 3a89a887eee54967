"""`python -m conformance.benchmark`."""

from conformance import tool
from conformance.benchmark.command import run

if __name__ == "__main__":
    tool.run(run)
