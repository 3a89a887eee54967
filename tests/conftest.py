"""What the end-to-end tests share: the installed command, and one real server for those that only look."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.target import embedded


def cli(*arguments: str, cwd: Path, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """Run the console script as a user does, in a folder that is not the checkout."""
    script = Path(sys.executable).with_name("prefect-conformance")
    return subprocess.run(
        [str(script), *arguments], cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False
    )


@pytest.fixture(scope="session")
def server() -> Iterator[embedded.EmbeddedServer]:
    """A real Prefect of the newest supported release."""
    started = embedded.start(embedded.newest(), print)
    try:
        yield started
    finally:
        started.stop()
