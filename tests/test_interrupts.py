"""Ctrl-C ends what it is meant to end, wherever it falls."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from conformance.run import interrupts


@pytest.fixture(autouse=True)
def others() -> Iterator[list[str]]:
    """What other hooks are told."""
    told: list[str] = []
    before = sys.unraisablehook
    sys.unraisablehook = lambda swallowed: told.append(swallowed.exc_type.__name__)
    yield told
    sys.unraisablehook = before


class _Dying:
    """Gets Ctrl-C while it is being finalised, and takes its time about it."""

    def __init__(self, seconds: float = 0) -> None:
        self.seconds = seconds

    def __del__(self) -> None:
        if self.seconds:
            time.sleep(self.seconds)
        else:
            os.kill(os.getpid(), signal.SIGINT)


def _work(*seconds: float) -> None:
    """Finalise something, for each of `seconds`, and go on."""
    for each in seconds:
        _Dying(each)
    time.sleep(10)


def test_python_itself_loses_it(others: list[str]) -> None:
    _Dying()
    time.sleep(0.1)
    assert others == ["KeyboardInterrupt"]


def test_what_a_finaliser_swallowed_is_raised_after_it(others: list[str]) -> None:
    with interrupts.insistent(), pytest.raises(KeyboardInterrupt):
        _work(0)
    assert others == []


def test_it_may_be_swallowed_more_than_once(others: list[str]) -> None:
    with interrupts.insistent(), pytest.raises(KeyboardInterrupt):
        _work(0, 0.5)
    assert others == []


def test_what_else_a_finaliser_raises_is_for_others(others: list[str]) -> None:
    class Failing:
        def __del__(self) -> None:
            raise ValueError

    with interrupts.insistent():
        Failing()
    assert others == ["ValueError"]


def test_the_alarm_of_others_is_theirs_again(others: list[str]) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _: heard.append(number))
    try:
        with interrupts.insistent(), pytest.raises(KeyboardInterrupt):
            _work(0)
        signal.raise_signal(signal.SIGALRM)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert (heard, others) == ([signal.SIGALRM], [])


def test_sigterm_is_ctrl_c() -> None:
    with interrupts.told_by_sigterm(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
