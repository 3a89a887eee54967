"""Trouble on the way: what is sent again and what is not, how long is waited, and when a target is given up."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from conftest import cli
from test_access import CONTRACT, SECRET, Answer, Asked, prefect, web

from conformance.errors import TargetTrouble
from conformance.run import sweeping, unfinished
from conformance.settings import Settings
from conformance.target import Access, Busy, Client, Journal, Lost, Unreachable
from conformance.target.client import Elsewhere, retry_after
from conformance.target.pace import Pace
from conformance.verdicts import document
from conformance.world.ledger import Created

GOOD: Answer = (200, {}, b"[]")


class Script:
    """Answers one thing after another, the last one for ever; None: the connection is dropped."""

    def __init__(self, *answers: Answer | None) -> None:
        self.answers = list(answers)

    def __call__(self, asked: Asked) -> Answer | None:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def talking(answer: Callable[[Asked], Answer | None], **options: object) -> Iterator[tuple[Client, list[Asked]]]:
    with web(answer) as (url, seen), Client(url, Access(), CONTRACT, Journal(), **options) as client:  # type: ignore[arg-type]
        yield client, seen


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_question_is_asked_again_of_a_busy_server(status: int) -> None:
    with talking(Script((status, {}, b""), (status, {}, b""), GOOD)) as (client, seen):
        assert client.request("POST", "/flows/filter", {}).status_code == 200
        assert len(seen) == 3


def test_the_time_that_a_server_takes_to_refuse_is_not_of_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.target.client.BUDGET", 1.0)
    after = Script((503, {}, b""), (503, {}, b""), GOOD)

    def answer(asked: Asked) -> Answer | None:
        if len(after.answers) == 3:
            time.sleep(1.1)
        return after(asked)

    with talking(answer) as (client, seen):
        assert client.request("POST", "/flows/", {"name": "x"}).status_code == 200
        assert len(seen) == 3


def test_a_question_that_is_refused_while_another_is_answered_has_its_answer() -> None:
    def answer(asked: Asked) -> Answer:
        return (503, {}, b"no") if asked[1].endswith("/flow_runs/filter") else GOOD

    with talking(answer) as (client, seen):
        assert client.request("POST", "/flow_runs/filter", {"offset": -1}).status_code == 503
        assert len(seen) == 5


def test_a_change_that_is_refused_may_be_so_for_others_that_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.target.client.BUDGET", 1.0)

    def answer(asked: Asked) -> Answer:
        return GOOD if asked[1].endswith("/filter") else (503, {}, b"no")

    with talking(answer) as (client, _), pytest.raises(Busy):
        client.request("POST", "/flows/", {"name": "x"})


@pytest.mark.parametrize(("status", "times"), [(429, 2), (503, 2), (502, 1), (504, 1)])
def test_what_may_have_been_done_is_not_sent_again(status: int, times: int) -> None:
    with talking(Script((status, {}, b""), (201, {}, b"{}"))) as (client, seen):
        if times == 1:
            with pytest.raises(Busy, match=str(status)):
                client.request("POST", "/flows/", {"name": "x"})
        else:
            assert client.request("POST", "/flows/", {"name": "x"}).status_code == 201
        assert len(seen) == times


@pytest.mark.parametrize(("method", "path", "times"), [("GET", "/flows/x", 3), ("POST", "/flows/filter", 3)])
def test_a_question_survives_dropped_connections(method: str, path: str, times: int) -> None:
    with talking(Script(None, None, GOOD)) as (client, seen):
        assert client.request(method, path).status_code == 200
        assert len(seen) == times


@pytest.mark.parametrize(("method", "path"), [("POST", "/flows/"), ("DELETE", "/flows/x"), ("PATCH", "/flows/x")])
def test_a_change_is_not_repeated_after_the_connection_dropped(method: str, path: str) -> None:
    def answer(asked: Asked) -> Answer | None:
        return GOOD if asked[1].endswith("/filter") else None

    with talking(answer) as (client, seen):
        with pytest.raises(Unreachable):
            client.request(method, path, {})
        with pytest.raises(Unreachable):
            client.send_once(method, client.base_url + path, b"{}", {})
        assert len([asked for asked in seen if asked[1].endswith(path)]) == 2
        assert client.lost is None


def test_after_a_500_servers_drop_connections_and_that_is_no_news() -> None:
    with talking(Script((500, {}, b""), None, (201, {}, b"{}"))) as (client, seen):
        assert client.request("POST", "/flows/", {}).status_code == 500
        assert client.request("POST", "/flows/", {}).status_code == 201
        assert len(seen) == 3


def test_a_server_says_how_long_to_wait() -> None:
    with talking(Script((429, {"retry-after": "1"}, b""), GOOD)) as (client, _):
        began = time.monotonic()
        client.send_once("POST", f"{client.base_url}/flows/", b"{}", {})
        assert 1 <= time.monotonic() - began < 5


def test_nobody_waits_beyond_the_budget() -> None:
    with talking(Script((429, {"retry-after": "3600"}, b""))) as (client, seen), pytest.raises(Busy, match="3600 s"):
        client.request("GET", "/flows/x")
    assert len(seen) == 1


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after({"retry-after": "7"}) == 7
    soon = retry_after({"retry-after": format_datetime(datetime.now(UTC) + timedelta(seconds=30))})
    assert soon is not None
    assert 28 < soon <= 30
    assert retry_after({"retry-after": format_datetime(datetime.now(UTC) - timedelta(days=1))}) == 0
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None


def test_credentials_that_expire_end_it() -> None:
    answers = {"refused": False}

    def answer(asked: Asked) -> Answer:
        return (401, {}, b"no") if answers["refused"] else prefect(asked)

    with web(answer) as (url, seen):
        access = Access(headers={"Authorization": f"Bearer {SECRET}"}, secrets=(SECRET,))
        client = Client(url, access, CONTRACT, Journal())
        assert client.request("POST", "/flows/filter", {}).status_code == 200
        answers["refused"] = True
        with pytest.raises(Lost, match="credentials any more") as caught:
            client.request("GET", "/flows/x")
        assert SECRET not in str(caught.value)
        before = len(seen)
        with pytest.raises(Lost):
            client.request("POST", "/flows/", {})
        assert len(seen) == before
        stranger = Client(url, access, CONTRACT, Journal(), stranger=True)
        assert stranger.request("GET", "/flows/x").status_code == 401


def test_one_operation_that_says_401_is_judged() -> None:
    def answer(asked: Asked) -> Answer:
        return (401, {}, b"no") if asked[1].endswith("/flows/x") else prefect(asked)

    with talking(answer) as (client, _):
        assert client.request("GET", "/flows/x").status_code == 401
        assert client.request("POST", "/flows/filter", {}).status_code == 200


def test_nothing_follows_to_another_host() -> None:
    with talking(Script((307, {"location": "http://elsewhere.invalid/x"}, b""))) as (client, _):
        with pytest.raises(Elsewhere, match=r"elsewhere\.invalid"):
            client.request("POST", "/flows/filter", {})
        assert issubclass(Elsewhere, TargetTrouble)
    with talking(Script((307, {"location": "/api/flows/"}, b""))) as (client, _):
        assert client.request("POST", "/flows", {}).status_code == 307


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_server_that_is_gone_is_given_up_at_once_or_after_some_patience() -> None:
    for patience in (0.0, 1.0):
        client = Client(f"http://127.0.0.1:{free_port()}/api", Access(), CONTRACT, Journal(), patience=patience)
        began = time.monotonic()
        with pytest.raises(Lost, match="does not answer any more"):
            client.request("GET", "/flows/x")
        assert patience <= time.monotonic() - began < patience + 4
        began = time.monotonic()
        with pytest.raises(Lost):
            client.request("GET", "/flows/x")
        assert time.monotonic() - began < 0.1


def test_a_server_that_restarts_is_waited_for() -> None:
    port = free_port()
    with ExitStack() as stack:

        def later() -> None:
            time.sleep(1.5)
            stack.enter_context(web(prefect, port=port))

        starting = threading.Thread(target=later)
        starting.start()
        client = Client(f"http://127.0.0.1:{port}/api", Access(), CONTRACT, Journal(), patience=20)
        # It never got there, so that sending it again does no harm, whatever it is.
        assert client.request("POST", "/flows/", {}).status_code == 404
        starting.join()


def test_a_rate_holds_for_all_who_share_it(tmp_path: Path) -> None:
    with web(prefect) as (url, seen):

        def ask() -> None:
            client = Client(url, Access(), CONTRACT, Journal(), pace=Pace(tmp_path / "pace", 20))
            other = client.another(url, {"x": "y"})
            for _ in range(3):
                client.request("GET", "/health")
                other.request("GET", "/health")

        asking = [threading.Thread(target=ask) for _ in range(2)]
        began = time.monotonic()
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        assert len(seen) == 12
        assert time.monotonic() - began >= 11 / 20


def test_a_sweep_keeps_to_the_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(unfinished.STATE_VARIABLE, str(tmp_path))
    deleted = []

    def answer(asked: Asked) -> Answer:
        if asked[0] == "DELETE":
            deleted.append(time.monotonic())
        return prefect(asked)

    with web(answer) as (url, _):
        left = unfinished.begin(unfinished.About(prefix="conformance-0a0b0c", url=url, started=datetime.now(UTC)))
        for number in range(6):
            left.ledger.add(Created("flows", "DELETE /flows/{id}", f"/flows/{number}"))
        settings = Settings(url=url, rate=20)
        assert sweeping.finish(settings, left.about.prefix, lambda _: None) == 0
    assert len(deleted) == 6
    # What one request is late by, the next one is not.
    assert deleted[-1] - deleted[0] >= 4 / 20


def test_a_target_that_is_lost_before_the_first_check_is_no_bad_input(tmp_path: Path) -> None:
    seen_others = threading.Event()

    def answer(asked: Asked) -> Answer:
        if asked[1].endswith("/filter") and not asked[1].endswith("/flows/filter"):
            seen_others.set()  # what is on the target is being looked at
        return (401, {}, f"no {SECRET}".encode()) if seen_others.is_set() else prefect(asked)

    (tmp_path / "token").write_text(SECRET)
    with web(answer) as (url, _):
        done = cli("run", "--url", url, "--token-file", "token", "--select", "routes.*", cwd=tmp_path)
    assert done.returncode == 3
    assert [line for line in done.stderr.splitlines() if "credentials any more" in line]
    assert "Traceback" not in done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert document.load(tmp_path / "reports" / "verdicts.json").result == "incomplete"
