"""A server that says that it is busy: when it is, and when it fails on the one request."""

from __future__ import annotations

from typing import Any

import pytest
from test_access import Answer, Asked
from test_trouble import GOOD, Script, talking

from conformance.suite.fuzz.patience import send
from conformance.target import Busy

BUSY: Answer = (503, {}, b"no")
NO_WORLD: Any = None
"""A question needs none: nothing is written beside it."""


def test_a_question_that_is_refused_while_another_is_answered_fails() -> None:
    def answer(asked: Asked) -> Answer:
        return GOOD if asked[1].endswith("/flows/filter") else BUSY

    with talking(answer, read_only=True) as (client, seen):
        assert send(client, NO_WORLD, "GET", f"{client.base_url}/flows/x", b"", {}).status == 503
        assert [asked[1].rpartition("/flows/")[2] for asked in seen] == ["x", "filter", "x", "filter", "x"]


def test_a_server_that_answers_in_the_end_was_busy() -> None:
    with talking(Script(BUSY, GOOD)) as (client, seen):
        assert send(client, NO_WORLD, "GET", f"{client.base_url}/flows/x", b"", {}).status == 200
        assert len(seen) == 3


def test_a_server_that_answers_nothing_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.target.client.BUDGET", 0.5)
    with talking(lambda _: BUSY) as (client, _), pytest.raises(Busy):
        send(client, NO_WORLD, "GET", f"{client.base_url}/flows/x", b"", {})
