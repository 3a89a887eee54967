"""Holds one server process and sees to it that it ends with whoever asked for it, however that one ends.

A program of its own, run by path and on the standard library alone: it has to be up before anything can go
wrong, and importing `conformance` would cost more than everything that it does.

    python -I -S supervisor.py GRACE REMOVE COMMAND...

It runs COMMAND in a session of its own until its standard input reaches the end (the parent closed the pipe,
or died, by SIGKILL too) or until it gets a signal. Then the command's whole process group is asked to stop, is
killed GRACE seconds later, and the folder REMOVE (empty: none) is removed. If the command ends by itself, the
supervisor does the rest at once. Standard output and error are the command's.
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys


def main(arguments: list[str]) -> int:
    """Supervises one command; returns 0 if it was asked to stop it and 1 if the command ended by itself."""
    grace, remove, command = float(arguments[0]), arguments[1], arguments[2:]
    stop_signals: list[int] = []
    signalled, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _: stop_signals.append(received))
    try:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            asked = _wait(server, signalled, stop_signals)
        finally:
            _end(server, grace)
    finally:
        if remove:
            shutil.rmtree(remove, ignore_errors=True)
    return 0 if asked else 1


def _wait(server: "subprocess.Popen[bytes]", signalled: int, stop_signals: list[int]) -> bool:
    """Whether the parent wants the server gone (True), or the server went by itself (False)."""
    while server.poll() is None:
        # A signal that came since the last look has left a byte in the pipe: none is slept through.
        ready, _, _ = select.select([0, signalled], [], [])
        if signalled in ready:
            os.read(signalled, 4096)
        if stop_signals or (0 in ready and not os.read(0, 4096)):
            return True
    return False


def _end(server: "subprocess.Popen[bytes]", grace: float) -> None:
    try:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(grace)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        pass
    # Also when the server itself is gone: what it started is still in its group.
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the second of a group of zombies
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
