"""A command as a whole: how long it takes, when it says what, and how much memory it and its children hold."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

Counts = Callable[[Sequence[str]], bool]

_EVERY: Final = 0.25
"""Seconds between two looks at the memory."""


@dataclass(frozen=True)
class Measured:
    """`lines`: what was printed, with the seconds since the start. `peak`: bytes, the most held at one time."""

    seconds: float
    code: int
    lines: Sequence[tuple[float, str]]
    peak: int

    def first(self, text: str) -> float | None:
        """Seconds until a line with that text."""
        return next((at for at, line in self.lines if text in line), None)


def measure(command: Sequence[str], folder: Path, counts: Counts) -> Measured:
    """Run a command in `folder` to its end.

    `counts` tells from a process's command line whether its memory is counted. Pages of files, which processes share,
    are counted once.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        list(command),
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    ended = threading.Event()
    peak = 0

    def watch() -> None:
        nonlocal peak
        while not ended.wait(_EVERY):
            peak = max(peak, _held(process.pid, counts))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    assert process.stdout is not None
    lines = [(time.perf_counter() - began, line.rstrip()) for line in process.stdout]
    code = process.wait()
    seconds = time.perf_counter() - began
    ended.set()
    watcher.join()
    return Measured(seconds, code, lines, peak)


def _held(pid: int, counts: Counts) -> int:
    own, shared = 0, 0
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    for process in tree:
        try:
            if counts(process.cmdline()):
                memory = process.memory_info()
                own += memory.rss - memory.shared
                shared = max(shared, memory.shared)
        except psutil.Error:  # it has ended meanwhile
            continue
    return own + shared
