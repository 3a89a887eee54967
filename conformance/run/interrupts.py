"""Ctrl-C that is heard, and what else means the same."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Final

_MOMENT: Final = 0.01
"""Seconds after which an interrupt that was swallowed is raised once more."""


def told_by_sigterm() -> AbstractContextManager[None]:
    """What whoever stops a container or a job sends first is Ctrl-C. To be entered in the main thread."""
    return _handled(signal.SIGTERM, signal.default_int_handler)


def deaf() -> AbstractContextManager[None]:
    """Ctrl-C is not heard; nor, ever, by a process that is started meanwhile. To be entered in the main thread."""
    return _handled(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _handled(
    number: signal.Signals, handler: Callable[[int, FrameType | None], object] | signal.Handlers
) -> Iterator[None]:
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@contextmanager
def insistent() -> Iterator[None]:
    """Whoever is told to end by KeyboardInterrupt ends. To be entered in the main thread.

    Python raises it wherever the main thread happens to be. In a finaliser or in a callback of the garbage collector
    it ends nothing: it is printed as "Exception ignored in", and lost (https://docs.python.org/3/library/signal.html,
    "Signal handlers and exceptions"). One in thirty was, of those sent to a proof that had just begun a fault. Here
    it is raised again a moment later, until it falls where it counts.
    """
    before = sys.unraisablehook

    def hook(swallowed: sys.UnraisableHookArgs) -> None:
        # Windows has no such alarm: there it has to be pressed twice.
        if sys.platform != "win32" and issubclass(swallowed.exc_type, KeyboardInterrupt):
            _again()
        else:
            before(swallowed)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def _again() -> None:
    assert sys.platform != "win32"

    def ring(*_: object) -> None:
        signal.signal(signal.SIGALRM, before)
        raise KeyboardInterrupt

    # Not at once: this is still the finaliser's call.
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, _MOMENT)
