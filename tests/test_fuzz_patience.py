"""A server that says that it is busy, and one that breaks connections: when it fails on the one request."""

from __future__ import annotations

from typing import Any

import pytest
from test_access import Answer, Asked
from test_trouble import GOOD, Script, talking

from conformance.suite.fuzz.patience import send
from conformance.target import Busy, Unreachable

BUSY: Answer = (503, {}, b"no")
NO_WORLD: Any = None
"""A question needs none: nothing is written beside it."""


def test_a_question_that_is_refused_while_another_is_answered_fails() -> None:
    def answer(asked: Asked) -> Answer:
        return GOOD if asked[1].endswith("/flows/filter") else BUSY

    with talking(answer, read_only=True) as (client, seen):
        assert send(client, NO_WORLD, "GET", f"{client.base_url}/flows/x", b"", {}).status == 503
        assert [asked[1].rpartition("/flows/")[2] for asked in seen] == ["x", *["filter", "x"] * 4]


def test_a_server_that_answers_in_the_end_was_busy() -> None:
    with talking(Script(BUSY, GOOD)) as (client, seen):
        assert send(client, NO_WORLD, "GET", f"{client.base_url}/flows/x", b"", {}).status == 200
        assert len(seen) == 3


def test_a_server_that_answers_nothing_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.target.client.BUDGET", 0.5)
    with talking(lambda _: BUSY) as (client, _), pytest.raises(Busy):
        send(client, NO_WORLD, "GET", f"{client.base_url}/flows/x", b"", {})


def test_a_connection_that_breaks_once_is_tried_once_more() -> None:
    with talking(Script(None, GOOD)) as (client, seen):
        assert send(client, NO_WORLD, "POST", f"{client.base_url}/flows/", b"{}", {}).status == 200
        assert len([asked for asked in seen if asked[1].endswith("/flows/")]) == 2


def test_one_that_breaks_each_time_is_no_answer() -> None:
    def answer(asked: Asked) -> Answer | None:
        return GOOD if asked[1].endswith("/flows/filter") else None

    with talking(answer) as (client, _), pytest.raises(Unreachable):
        send(client, NO_WORLD, "POST", f"{client.base_url}/flows/", b"{}", {})
    assert client.lost is None
