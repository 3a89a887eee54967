"""What tests share: the two ways to run the suite, a real server for those that only look, small certification sets."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import certificate_samples
import pytest

from conformance.run import unfinished
from conformance.run.proof import Laboratory
from conformance.target import embedded


def cli(*arguments: str, cwd: Path, timeout: float = 600, allure: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the console script as a user does, in a folder that is not the checkout.

    Allure's page takes seconds of a processor: a run makes it only for those who look at it.
    """
    script = Path(sys.executable).with_name("prefect-conformance")
    if arguments[0] == "run" and not allure:
        arguments = (*arguments, "--no-allure")
    return subprocess.run(
        [str(script), *arguments], cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False
    )


def silent(_: str) -> None:
    """Progress that nobody reads."""


def plain_pytest(*arguments: str, cwd: Path, timeout: float = 900) -> subprocess.CompletedProcess[str]:
    """Run the suite as a user of pytest does, on the newest release."""
    command = [sys.executable, "-m", "pytest", "--pyargs", "conformance", "--server", "prefect==3.9.1"]
    command += ["-p", "no:randomly", "-p", "no:cacheprovider", "-q", "--no-header", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False)


def verdicts(folder: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """(Requirement, subject) -> (verdict, summary), as the reports in the folder tell; a waived one is a failed one."""
    content = json.loads((folder / "reports" / "verdicts.json").read_text())
    return {
        (entry["requirement"], entry["subject"]): (
            "failed" if entry["verdict"] == "waived" else entry["verdict"],
            entry["summary"],
        )
        for entry in content["verdicts"]
    }


def differing(one: dict[tuple[str, str], tuple[str, str]], other: dict[tuple[str, str], tuple[str, str]]) -> object:
    """What two runs do not agree on."""
    return {key: (one.get(key), other.get(key)) for key in one | other if one.get(key) != other.get(key)}


# The longest ones begin first: what is left at the end is done by one worker alone.
_FIRST = ("test_gate", "test_faults", "test_end_to_end")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules that take longest, in whatever order the rest comes."""
    place = {name: number for number, name in enumerate(_FIRST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(_FIRST)))


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> Iterator[None]:
    """What a shell starts in the background ignores Ctrl-C, and so would every process that these tests start there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session", autouse=True)
def _state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs note what they create in a folder of these tests, and not in the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(unfinished.STATE_VARIABLE, str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[embedded.EmbeddedServer]:
    """A real Prefect of the newest supported release."""
    started = embedded.start(embedded.newest(), print)
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
def small_sets() -> Iterator[None]:
    """As if two small certification sets were all that is published."""
    with certificate_samples.small_sets():
        yield


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    """A real server behind the proxy, and a run that owns it: one for all tests of a module."""
    with Laboratory(silent, tmp_path_factory.mktemp("reports")) as lab:
        yield lab
