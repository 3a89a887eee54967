"""Servers that ask who is asking, and the listener that counts who comes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from conformance.contract import Contract
from conformance.contract.document import parse
from conformance.data import fixtures
from conformance.run import Run, Workbench
from conformance.settings import Settings
from conformance.suite.guards import CSRF_TOKEN, Guards, authorization, mangled, secret_of, wrong
from conformance.suite.listener import Listener, is_here
from conformance.target import Access, Client, Guarded, Journal, Unreachable, embedded
from conformance.target.access import basic

CREDENTIALS = "conformance:tést"
CONTRACT = Contract(parse((fixtures() / "contracts" / "prefect-3.9.1.json").read_bytes()))


def test_basic_credentials_go_in_and_come_out() -> None:
    assert basic("admin:pass") == "Basic YWRtaW46cGFzcw=="
    assert secret_of(basic(CREDENTIALS)) == CREDENTIALS
    assert secret_of("Bearer abc") == "abc"
    assert secret_of("abc") == "abc"
    assert secret_of("Basic !") == "!"
    assert authorization({"x": "1", "authorization": "Bearer abc"}) == "Bearer abc"
    assert authorization({"x": "1"}) is None


@pytest.mark.parametrize("right", [basic("admin:pass"), "Bearer abcdef", "abcdef"])
def test_what_is_wrong_is_not_right(right: str) -> None:
    assert wrong(right) != right
    assert wrong(right).partition(" ")[0] == right.partition(" ")[0] or " " not in right
    assert right not in mangled(right).values()
    assert all(value.isascii() for value in mangled(right).values())


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:4200/api", True),
        ("http://127.8.0.1/api", True),
        ("http://localhost:4200/api", True),
        ("http://[::1]:4200/api", True),
        ("http://10.0.0.1/api", False),
        ("https://prefect.example/api", False),
        ("http://localhost.example/api", False),
    ],
)
def test_a_listener_is_in_reach_of_this_machine_only(url: str, here: bool) -> None:
    assert is_here(url) is here


def test_a_listener_counts_who_comes_and_answers() -> None:
    with Listener() as listener:
        assert listener.connections == 0
        assert httpx.get(f"{listener.url}/a.json").json() == {}
        assert httpx.get(f"{listener.url}/b.json").json() == {}
        # One that comes and says nothing has come.
        port = int(listener.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as silent:
            silent.shutdown(socket.SHUT_WR)
            silent.recv(1)
        assert listener.connections == 3
    with pytest.raises(httpx.ConnectError):
        httpx.get(listener.url)


def guards(headers: dict[str, str], beside: Guarded | None) -> Guards:
    client = Client("http://127.0.0.1:9/api", Access(headers=headers), CONTRACT, Journal())
    return Guards(client, CONTRACT, beside, exclusive=False, name="tests")


def test_credentials_of_the_run_make_the_target_the_one_that_asks() -> None:
    found = guards({"authorization": "Bearer abc", "x-other": "1"}, None).authenticating
    assert found is not None
    assert not found.own
    stranger = guards({}, None).another(found, without=["Authorization"])
    assert stranger.headers == {"x-other": "1"}
    assert guards({}, None).another(found, headers={"Authorization": "no"}).headers["Authorization"] == "no"


def test_without_credentials_there_is_none_or_the_one_beside() -> None:
    assert guards({}, None).authenticating is None
    beside = Guarded(url="http://127.0.0.1:9/api", credentials=CREDENTIALS, basic_auth=False)
    assert guards({}, beside).authenticating is None
    with pytest.raises(Unreachable, match="not up"):
        beside.wait(0)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = Run(Settings(select=("security.csrf-token",), reports=tmp_path), lambda _: None)
    yield made
    made.close(begun=False)


@pytest.mark.server
def test_a_run_starts_a_server_that_asks_where_a_check_needs_one(run: Run) -> None:
    run.open().populate()
    assert run.workbench is not None
    told = run.workbench.shared.guarded
    assert told is not None
    assert told.url != run.workbench.shared.url
    assert run.workbench.redactor.text(f"say {told.credentials}") == "say [redacted]"
    guard = run.workbench.guards.authenticating
    assert guard is not None
    assert guard.own
    assert guard is run.workbench.guards.against_forgery
    assert guard.client.headers[CSRF_TOKEN]
    assert httpx.get(f"{told.url}/flows/name/x").status_code == 401
    # Another process of the run, with a token of its own, which leaves this one's as it is.
    other = Workbench(run.workbench.shared, "other")
    assert other.guards.authenticating is not None
    for client in (other.guards.authenticating.client, guard.client):
        assert client.request("POST", "/flows/filter", {}).status_code == 200
    other.close()
    run.close(begun=False)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{told.url}/health")


@pytest.mark.server
def test_a_run_that_needs_none_starts_none(tmp_path: Path) -> None:
    run = Run(Settings(select=("security.secret-*",), reports=tmp_path), lambda _: None)
    try:
        run.open().populate()
        run.wait()
        assert run.workbench is not None
        assert run.workbench.shared.guarded is None
        assert run.workbench.guards.authenticating is None
        assert run.workbench.guards.against_forgery is None
    finally:
        run.close(begun=False)


def test_the_releases_that_ask_are_known() -> None:
    asks = {version: embedded.release(version).basic_auth for version in ("2.0.0", "2.20.27", "3.0.0", "3.9.1")}
    assert asks == {"2.0.0": False, "2.20.27": False, "3.0.0": False, "3.9.1": True}
