"""Embedded servers from start to end, with real ones."""

from __future__ import annotations

import errno
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from conftest import silent

from conformance.errors import ProvisioningError
from conformance.target import embedded
from conformance.target.embedded import cache, supervisor
from conformance.target.embedded.server import launch

pytestmark = pytest.mark.server

# Another process than this one, to be killed: it says where its server is and waits.
_HOST = """
from conformance.target import embedded
server = embedded.start(embedded.newest(), lambda _: None)
print(server.url, flush=True)
input()
"""


def answers(url: str) -> bool:
    address = urlsplit(url)
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((address.hostname, address.port)) == 0


def eventually(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture(scope="module")
def provisioned() -> cache.Provisioned:
    return cache.provision(embedded.newest(), silent)


def test_one_that_can_not_be_started_leaves_no_folder(own_temp: Path) -> None:
    class Full(embedded.Databases):
        def place(self, home: Path) -> dict[str, str]:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> list[str]:
            return []

    with pytest.raises(ProvisioningError, match="No space left"):
        embedded.spawn_guarded(embedded.newest(), "a:b", silent, Full())
    assert list(own_temp.iterdir()) == []


@pytest.fixture
def own_temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files that nobody else uses, so that what is left in it can be counted."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    monkeypatch.undo()
    tempfile.tempdir = None


def test_a_server_starts_from_the_cache_answers_and_goes_without_a_trace(
    provisioned: cache.Provisioned, own_temp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a user may have set, and must not reach the server.
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "admin:secret")
    monkeypatch.setenv("UV_OFFLINE", "1")
    steps: list[str] = []

    server = embedded.start(embedded.newest(), steps.append)
    try:
        assert steps == ["starting"]
        assert server.version == embedded.newest().version
        assert list(own_temp.iterdir())
        with httpx.Client(trust_env=False, timeout=30) as client:
            assert client.get(f"{server.url}/health").json() is True
            assert client.post(f"{server.url}/flows/filter", json={}).json() == []
            assert client.post(f"{server.url}/flows/", json={"name": "one"}).status_code == 201
            assert len(client.post(f"{server.url}/flows/filter", json={}).json()) == 1
            # The template has them all, as after a first start of a user.
            assert len(client.post(f"{server.url}/block_types/filter", json={}).json()) > 10
    finally:
        began = time.monotonic()
        server.stop()
        took = time.monotonic() - began

    assert took < 3
    assert not answers(server.url)
    assert not list(own_temp.iterdir())
    assert server.log.exists()
    server.stop()


def test_a_server_ends_with_a_killed_parent(provisioned: cache.Provisioned, own_temp: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", _HOST], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    url = parent.stdout.readline().strip()
    assert answers(url)

    parent.send_signal(signal.SIGKILL)
    parent.communicate()

    assert eventually(lambda: not answers(url), 3)
    assert eventually(lambda: not list(own_temp.iterdir()), 3)


@pytest.mark.wide
def test_two_servers_share_nothing(provisioned: cache.Provisioned) -> None:
    first = embedded.start(embedded.newest(), silent)
    try:
        second = embedded.start(embedded.newest(), silent)
        try:
            assert first.url != second.url
            with httpx.Client(trust_env=False, timeout=30) as client:
                client.post(f"{first.url}/flows/", json={"name": "mine"}).raise_for_status()
                assert client.post(f"{second.url}/flows/filter", json={}).json() == []
        finally:
            second.stop()
        assert answers(first.url)
    finally:
        first.stop()


def test_a_server_that_ends_early_is_told_on_one_line_with_its_last_words(
    provisioned: cache.Provisioned, tmp_path: Path
) -> None:
    broken = embedded.newest().model_copy(update={"app": "prefect.server.api.nowhere:create_app"})

    with pytest.raises(ProvisioningError) as caught:
        launch(broken, provisioned.python, tmp_path, tmp_path / "log", patience=60, grace=0, disposable=False)

    message = str(caught.value)
    assert "\n" not in message
    assert "prefect.server.api.nowhere" in message
    assert str(tmp_path / "log") in message


def test_a_stubborn_server_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    doomed = tmp_path / "home"
    doomed.mkdir()
    # Deaf to SIGTERM, like the child that it starts.
    stubborn = "trap '' TERM; sleep 60 & echo $!; echo $$; wait"
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", supervisor.__file__, "0.2", str(doomed), "/bin/sh", "-c", stubborn],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    assert int(process.stdout.readline())
    assert int(process.stdout.readline())
    began = time.monotonic()

    process.stdin.close()

    # The end of the output: none of those who could write to it is left.
    assert process.stdout.read() == ""
    assert process.wait() == 0
    process.stdout.close()
    assert time.monotonic() - began < 5
    assert not doomed.exists()
