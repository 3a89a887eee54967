"""All faults, one after another, in one laboratory or in several at once."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from conformance.faults import FAULTS, Fault
from conformance.run.comparing import Comparison, Heard
from conformance.run.proof import Laboratory, Others, Proof, Trial
from conformance.verdicts.model import Verdict

Progress = Callable[[str], None]

_TRIES: Final = 2
"""The second is for a fault that was shown to a server which an earlier one had left in disorder."""


def prove(faults: Sequence[Fault], *, complete: bool, workers: int, progress: Progress) -> list[Proof]:
    """The proof of each fault. `complete`: with all other requirements that have to do with it.

    Faults are dealt to the workers, each a process with a laboratory of its own; they call `progress`, which has to
    be a function of a module. Raises what opening a laboratory raises.
    """
    # Neighbours go to different workers. Dealt by resource, each check would be listened to by one worker alone, and
    # the one with the flow runs would still be at it half an hour after the others.
    shares = [tuple(fault.id for fault in faults[number::workers]) for number in range(workers)]
    if workers == 1:
        return _share(shares[0], complete, progress)
    context = multiprocessing.get_context("spawn")  # a fork would share connections and locks
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        running = [pool.submit(_share, share, complete, progress) for share in shares if share]
        return [proof for share in running for proof in share.result()]


def _share(ids: Sequence[str], complete: bool, progress: Progress) -> list[Proof]:
    known = {fault.id: fault for fault in FAULTS}
    faults = [known[id_] for id_ in ids]
    with tempfile.TemporaryDirectory(prefix="prefect-conformance-") as reports:
        with Laboratory(progress, Path(reports)) as lab:
            owns = [_own(lab, fault, f"{number}/{len(ids)}", progress) for number, fault in enumerate(faults, 1)]
        others = _others(faults, Path(reports), progress) if complete else [None] * len(faults)
        return [Proof(fault.id, own, found) for fault, own, found in zip(faults, owns, others, strict=True)]


def _own(lab: Laboratory, fault: Fault, number: str, progress: Progress) -> Trial:
    own = lab.prove(fault)
    progress(f"{number} {fault.id}: {'caught' if own.caught else own.found} by {own.requirement}")
    return own


def _others(faults: Sequence[Fault], reports: Path, progress: Progress) -> Iterator[Others]:
    heard = Heard(faults)
    with ExitStack() as stack:
        comparison = Comparison(stack.enter_context(Laboratory(progress, reports)), heard)
        for number, fault in enumerate(faults, 1):
            for _ in range(_TRIES):
                others = comparison.compare(fault)
                if not others.trials or comparison.intact():
                    break
                progress("a check has changed what the others are judged on: another server")
                stack.close()
                comparison = Comparison(stack.enter_context(Laboratory(progress, reports)), heard)
                if all(trial.before is Verdict.PASSED for trial in others.trials):
                    break
            caught = sum(trial.caught for trial in others.trials)
            progress(
                f"{number}/{len(faults)} {fault.id}: caught by {caught} of {len(others.trials)} others, "
                f"nothing to see for {len(others.unmoved)}"
            )
            yield others
