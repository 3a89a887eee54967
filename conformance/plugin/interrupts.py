"""Ctrl-C ends a run wherever it meets it.

Python has nobody to tell of an exception in a finalizer or in a callback of the garbage collector, and drops it. That
goes for the KeyboardInterrupt of a Ctrl-C which happens to come just then: the run would go on as if nobody had
pressed it.
"""

from __future__ import annotations

import _thread
import sys
import threading
from typing import Final

_SOON: Final = 0.05
"""Seconds until a dropped interrupt is raised again: by then, whatever dropped it has ended."""


def heed() -> None:
    """See to it that a KeyboardInterrupt that is dropped is raised again in the main thread."""
    told = sys.unraisablehook

    def hear(unraisable: sys.UnraisableHookArgs) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            told(unraisable)
            return
        again = threading.Timer(_SOON, _thread.interrupt_main)
        again.daemon = True
        again.start()

    sys.unraisablehook = hear
