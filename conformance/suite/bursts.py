"""Bursts: several threads that call the target at one moment, and what each of them got."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Final, TypeVar

T = TypeVar("T")

THREADS: Final = 8
"""Callers of a burst: enough to meet each other inside a server, and few enough to be answered in a moment."""


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make all calls at one moment, each in a thread of its own; their results, in the order of the calls.

    Raises what a call raised, once all have ended.
    """
    barrier = Barrier(len(calls))

    def wait_and_call(call: Callable[[], T]) -> T:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(wait_and_call, call) for call in calls]]
