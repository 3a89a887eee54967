"""What a run is doing, while it does it."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table

from conformance.verdicts.console import data, say
from conformance.verdicts.model import Judgement, Verdict

_QUIET_SECONDS = 30.0
"""A log hears of a long chapter this often: some CI services end a job that says nothing."""


class Progress:
    """The live progress of a run: on a terminal one line that is always now, elsewhere a line for each step.

    A context manager; `close` ends it early, and what comes after that is printed plainly. Nothing here raises for
    what it is told.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._began = self._spoke = clock()
        self._what = ""
        self._done = self._total = 0
        self._failed = self._stuck = 0
        self._chapters: set[str] = set()
        self._spinner = Spinner("dots" if "utf" in console.encoding else "line")
        self._live: Live | None = None
        if console.is_terminal:
            self._live = Live(
                get_renderable=self._line,
                console=console,
                transient=True,
                refresh_per_second=5,
                redirect_stdout=False,
                redirect_stderr=False,
            )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the live line away. Closing again changes nothing."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def phase(self, text: str) -> None:
        """A step of the run begins: provisioning, seeding, rendering."""
        self._what = text
        if self._live is None:
            self._tell(text)

    def chapter(self, title: str) -> None:
        """Checks of this chapter begin. With several workers chapters alternate: a log hears of each once."""
        self._what = title
        if self._live is None and title not in self._chapters:
            self._tell(f"checking: {title}")
        self._chapters.add(title)

    def checked(self, judgement: Judgement, done: int, total: int) -> None:
        """One more verdict: `done` of `total` checks are judged."""
        self._done, self._total = done, total
        self._failed += judgement.verdict is Verdict.FAILED
        self._stuck += judgement.verdict is Verdict.COULD_NOT_RUN
        if self._live is None and self._clock() - self._spoke >= _QUIET_SECONDS:
            self._tell(self._count())

    def message(self, text: str) -> None:
        """Something to be remembered, which stays on the screen."""
        if self._live is None:
            self._tell(text)
        else:
            say(self._console, text)

    def _tell(self, text: str) -> None:
        self._spoke = self._clock()
        say(self._console, f"{_elapsed(self._spoke - self._began)}  {text}")

    def _count(self) -> str:
        parts = [f"{self._done}/{self._total} checks"]
        if self._failed:
            parts.append(f"{self._failed} failed")
        if self._stuck:
            parts.append(f"{self._stuck} could not run")
        return ", ".join(parts)

    def _line(self) -> Table:
        line = Table.grid(padding=(0, 1))
        line.add_column(no_wrap=True)
        line.add_column(no_wrap=True)
        line.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        told = f"{self._what}: {self._count()}" if self._total else self._what
        line.add_row(
            self._spinner,
            _elapsed(self._clock() - self._began),
            data(self._console, told.replace("\n", " "), "red" if self._failed else ""),
        )
        return line


def _elapsed(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"
