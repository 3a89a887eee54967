"""Provisioning: what is kept, what is never left behind, and how it fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import silent

from conformance.errors import ProvisioningError
from conformance.target import embedded
from conformance.target.embedded import cache

# A process of its own, so that it can be killed: it says each step, and the end.
_PROVISION = """
from conformance.target.embedded import cache, newest
cache.provision(newest(), lambda step: print(step, flush=True))
"""


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(cache.CACHE_VARIABLE, str(folder))
    return folder


def provisioning() -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", _PROVISION], stdout=subprocess.PIPE, text=True)


def eventually(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def running_in(folder: Path) -> list[int]:
    """The processes whose command line names `folder` (Linux; elsewhere none are found)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in command:
            found.append(int(process.name))
    return found


@pytest.mark.server
@pytest.mark.wide  # two whole provisionings
def test_an_interrupted_provisioning_leaves_nothing_half_made_and_the_next_one_succeeds(empty_cache: Path) -> None:
    interrupted = provisioning()
    assert interrupted.stdout
    assert interrupted.stdout.readline() == f"installing prefect {embedded.newest().version}\n"
    assert interrupted.stdout.readline() == "migrating a database\n"
    time.sleep(1)  # the server that makes the template is starting now
    interrupted.send_signal(signal.SIGKILL)
    interrupted.wait()
    interrupted.stdout.close()

    assert cache.cached(embedded.newest()) is None
    assert eventually(lambda: not running_in(empty_cache), 10)

    completed = provisioning()
    steps = completed.communicate(timeout=300)[0].splitlines()
    assert completed.returncode == 0
    assert steps == [f"installing prefect {embedded.newest().version}", "migrating a database"]
    assert cache.cached(embedded.newest())
    assert not list(empty_cache.glob("servers/*.part-*"))


@pytest.mark.parametrize(
    "unreachable", [{"UV_OFFLINE": "1"}, {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}]
)
def test_without_a_network_one_line_says_what_to_do(
    unreachable: dict[str, str], empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "nothing-cached"))
    for name, value in unreachable.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ProvisioningError) as caught:
        embedded.start(embedded.newest(), silent)

    message = str(caught.value)
    assert "\n" not in message
    assert f"can't install prefect {embedded.newest().version}" in message
    assert "check the network" in message
    assert cache.cached(embedded.newest()) is None
    assert not list(empty_cache.glob("servers/*.part-*"))


def test_a_cache_that_cannot_be_written_is_named_on_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(cache.CACHE_VARIABLE, str(tmp_path / "file" / "cache"))

    with pytest.raises(ProvisioningError) as caught:
        embedded.start(embedded.newest(), silent)

    message = str(caught.value)
    assert "\n" not in message
    assert str(tmp_path / "file" / "cache") in message
    assert cache.CACHE_VARIABLE in message


def test_another_cut_off_is_another_entry(empty_cache: Path) -> None:
    release = embedded.newest()
    other = release.model_copy(update={"exclude_newer": "2026-11-01"})
    ready = cache._folder(release)  # the key is all that can be wrong here, and nothing else shows it
    assert ready.parent == empty_cache / "servers"
    assert ready != cache._folder(other)
    assert ready != cache._folder(release.model_copy(update={"overrides": ()}))
