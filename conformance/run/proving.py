"""All faults, in several laboratories at once, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import queue
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final, Protocol

from conformance.errors import ConformanceError
from conformance.faults import FAULTS, Fault
from conformance.run import interrupts
from conformance.run.comparing import Comparison, Hearing
from conformance.run.proof import Laboratory, Others, Proof
from conformance.verdicts.model import Verdict

Progress = Callable[[str], None]

_TRIES: Final = 2
"""The second is for a fault that was shown to a server which an earlier one had left in disorder."""

_LOOK: Final = 1.0
"""Seconds between two looks at whether the processes live."""

_PATIENCE: Final = 30.0
"""Seconds that a process has to put its servers and folders away."""


class _Told(Protocol):
    """A queue from process to process: proofs, then None, or the error that a process ends with."""

    def put(self, told: Proof | Exception | None) -> None: ...

    def get(self, *, timeout: float) -> Proof | Exception | None: ...


def prove(faults: Sequence[Fault], *, complete: bool, workers: int, progress: Progress) -> Iterator[Proof]:
    """The proof of each fault, as soon as it is there. `complete`: later again, with what others make of the fault.

    The workers are processes with a laboratory of their own; they call `progress`, which has to be a function of a
    module. Raises what opening a laboratory raises, and ConformanceError where a worker dies.
    """
    context = multiprocessing.get_context("spawn")  # a fork would share connections and locks
    told: _Told = context.Queue()
    # Neighbours go to different workers. Dealt by resource, each check would be listened to by one worker alone, and
    # the one with the flow runs would still be at it half an hour after the others.
    shares = [tuple(fault.id for fault in faults[number::workers]) for number in range(workers)]
    processes = [context.Process(target=_work, args=(ids, complete, progress, told)) for ids in shares if ids]
    try:
        with interrupts.deaf():  # Ctrl-C is for this process, which then ends the others
            for process in processes:
                process.start()
        going = len(processes)
        shown = Counter[bool]()
        while going:
            match _next(told, processes):
                case Proof() as proof:
                    yield proof
                    shown[proof.others is None] += 1
                    progress(f"{shown[proof.others is None]}/{len(faults)} {_line(proof)}")
                case None:
                    going -= 1
                case error:
                    raise error
    finally:
        _end(processes)


def _line(proof: Proof) -> str:
    own, others = proof.own, proof.others
    if others is None:
        return f"{proof.fault}: {'caught' if own.caught else own.found} by {own.requirement}"
    caught = sum(trial.caught for trial in others.trials)
    return f"{proof.fault}: caught by {caught} of {len(others.trials)} others, nothing to see for {len(others.unmoved)}"


def _next(told: _Told, processes: Sequence[BaseProcess]) -> Proof | Exception | None:
    while True:
        # Before it is looked what they have told: what has died may have told something.
        codes = [process.exitcode for process in processes]
        try:
            return told.get(timeout=_LOOK)
        except queue.Empty:
            if any(codes) or None not in codes:
                why = f"a process of the proof died, with {codes}: try fewer --workers"
                raise ConformanceError(why) from None


def _end(processes: Sequence[BaseProcess]) -> None:
    """Have those that are still at work put away what they have."""
    for process in processes:
        if process.pid is not None:
            process.terminate()
    for process in processes:
        if process.pid is not None:
            process.join(_PATIENCE)
            process.kill()


def _leave(*_: object) -> None:
    """Hear SIGTERM once: what is put away then is put away whole."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _work(ids: Sequence[str], complete: bool, progress: Progress, told: _Told) -> None:
    """A worker's whole life. It ends early where it is sent SIGTERM."""
    end: Exception | None = None
    signal.signal(signal.SIGTERM, _leave)
    try:
        with interrupts.insistent():
            for proof in _proofs(ids, complete, progress):
                told.put(proof)
    except KeyboardInterrupt:
        end = ConformanceError("a process of the proof was told to end before it was through")
    except Exception as error:  # noqa: BLE001 - it is raised where the user can be told
        end = error
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    told.put(end)


def _proofs(ids: Sequence[str], complete: bool, progress: Progress) -> Iterator[Proof]:
    known = {fault.id: fault for fault in FAULTS}
    faults = [known[id_] for id_ in ids]
    with tempfile.TemporaryDirectory(prefix="prefect-conformance-") as reports:
        proofs = []
        # First, and in a laboratory of their own: a fault that remembers what went by is fed with recorded exchanges
        # before it is shown to others.
        with Laboratory(progress, Path(reports)) as lab:
            for fault in faults:
                proofs.append(Proof(fault.id, lab.prove(fault)))
                yield proofs[-1]
        if complete:
            for proof, others in zip(proofs, _others(faults, Path(reports), progress), strict=True):
                yield Proof(proof.fault, proof.own, others)


def _others(faults: Sequence[Fault], reports: Path, progress: Progress) -> Iterator[Others]:
    hearing = Hearing(faults)
    with ExitStack() as stack:
        comparison = Comparison(stack.enter_context(Laboratory(progress, reports)), hearing)
        for fault in faults:
            for _ in range(_TRIES):
                others = comparison.compare(fault)
                if not others.trials or comparison.intact():
                    break
                progress("a check has changed what the others are judged on: another server")
                stack.close()
                comparison = Comparison(stack.enter_context(Laboratory(progress, reports)), hearing)
                if all(trial.before is Verdict.PASSED for trial in others.trials):
                    break
            yield others
