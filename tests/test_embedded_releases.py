"""Which servers can be asked for, and how a mistake in asking is answered."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import ProvisioningError
from conformance.target import embedded
from conformance.target.embedded import index
from conformance.target.embedded.releases import supported


def test_the_newest_release_is_the_last_one() -> None:
    assert embedded.newest().version == "3.9.1"
    assert embedded.newest() == supported()[-1]


@pytest.mark.parametrize("spec", ["prefect==2.0.0", "2.0.0", " prefect == 2.0.0 "])
def test_a_release_is_named_with_or_without_the_package(spec: str) -> None:
    assert embedded.release(spec).version == "2.0.0"


@pytest.mark.parametrize(
    "spec",
    ["prefect", "prefect==", "prefect>=3", "==3.9.1", "3.9", "3.9.1.1", "3.9.2rc1", "3.9.1+local", "1.4.1", "", "a b"],
)
def test_anything_else_is_answered_with_the_supported_versions_on_one_line(spec: str) -> None:
    with pytest.raises(ProvisioningError) as caught:
        embedded.release(spec)

    message = str(caught.value)
    assert "\n" not in message
    assert all(release.version in message for release in supported())


class Index:
    """A package index; `body` and `media` are what it answers, `asked` the paths that it was asked for."""

    def __init__(self) -> None:
        self.media = "application/vnd.pypi.simple.v1+json"
        self.asked: list[str] = []
        self.status = 200
        files = [
            ("prefect-3.2.7.tar.gz", "2025-02-21T23:30:00.000000Z"),
            ("prefect-3.2.7-py3-none-any.whl", "2025-02-21T23:10:00.000000Z"),
            ("prefect-2.3.0-py3-none-any.whl", "2022-08-24T12:00:00Z"),
            ("prefect-2.14.0-py3-none-any.whl", "2023-10-24T12:00:00Z"),
            ("prefect-3.10.0rc1-py3-none-any.whl", "2026-11-01T12:00:00Z"),
            ("prefect-3.2.8-py3-none-any.whl", None),
            ("nonsense.zip", "2025-01-01T00:00:00Z"),
        ]
        listed = [{"filename": name} | ({"upload-time": time} if time else {}) for name, time in files]
        self.body: Any = {"meta": {"api-version": "1.1"}, "name": "prefect", "files": listed}


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Index]:
    """An index of the environment's, and a cache where nothing is known yet."""
    made = Index()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            body = made.body if isinstance(made.body, bytes) else json.dumps(made.body).encode()
            self.send_response(made.status)
            self.send_header("content-type", made.media)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"here=http://me:hunter2@127.0.0.1:{httpd.server_port}/simple/")
        monkeypatch.setenv("NO_PROXY", "*")
        monkeypatch.setenv("PREFECT_CONFORMANCE_CACHE", str(tmp_path))
        embedded.release.cache_clear()
        yield made
        embedded.release.cache_clear()
        httpd.shutdown()


def test_a_release_in_between_is_resolved_with_the_packages_of_its_own_day(packages: Index) -> None:
    for _ in range(2):
        found = embedded.release("prefect==3.2.7")
        older = embedded.release("3.0.0")
        assert (found.version, found.exclude_newer) == ("3.2.7", "2025-02-25")
        assert (found.python, found.app, found.basic_auth) == (older.python, older.app, older.basic_auth)
        embedded.release.cache_clear()
    assert packages.asked == ["/simple/prefect/"]  # a day of upload is asked for once


def test_a_release_of_orion_is_served_by_orion_and_not_with_older_packages_than_its_neighbour(packages: Index) -> None:
    found, older = embedded.release("2.3.0"), embedded.release("2.0.0")
    assert found.app == older.app == "prefect.orion.api.server:create_app"
    assert found.exclude_newer == older.exclude_newer
    assert embedded.release("2.14.0").app == embedded.newest().app


def test_what_the_index_does_not_have_or_say(packages: Index) -> None:
    def told(version: str) -> str:
        with pytest.raises(ProvisioningError) as caught:
            embedded.release(version)
        assert "\n" not in str(caught.value)
        assert "hunter2" not in str(caught.value)
        assert "3.9.1" in str(caught.value)
        return str(caught.value)

    assert "has no prefect 99.0.0; the newest there is 3.2.8" in told("prefect==99.0.0")
    assert "does not say when prefect 3.2.8 was uploaded" in told("3.2.8")
    packages.body = b"<html><a href='../prefect-3.2.8-py3-none-any.whl#sha256=0'>x</a></html>"
    assert "does not say when prefect 3.2.8" in told("3.2.8")
    packages.body = ["nonsense"]
    assert "PEP 691" in told("3.2.7")
    packages.status = 503
    assert "answers 503" in told("3.2.7")


def test_an_index_of_pages(packages: Index) -> None:
    link = '<a href="/files/prefect-3.2.7.tar.gz#sha256=0" data-upload-time="2025-02-21T23:30:00Z">prefect-3.2.7</a>'
    packages.body = f"<!DOCTYPE html><html><body>{link}<a name='x'>y</a></body></html>".encode()
    assert embedded.release("3.2.7").exclude_newer == "2025-02-25"


def test_an_index_that_is_not_there(packages: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    with pytest.raises(ProvisioningError, match="can't ask the package index http://127.0.0.1:9/simple"):
        embedded.release("3.2.7")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "/opt/packages")
    with pytest.raises(ProvisioningError, match="no address"):
        embedded.release("3.2.7")


def test_the_index_is_the_one_that_packages_come_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("platformdirs.user_config_path", lambda *_, **__: tmp_path)
    assert index.address() == index.PYPI
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.example/simple")
    assert index.address() == "https://pip.example/simple"
    (tmp_path / "uv.toml").write_text('[[index]]\nurl = "https://uv.example/simple"\ndefault = true\n')
    assert index.address() == "https://uv.example/simple"
    monkeypatch.setenv("UV_INDEX_URL", "https://env.example/simple?a=b")
    assert index.address() == "https://env.example/simple?a=b"
