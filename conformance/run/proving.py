"""All faults, one after another, in one laboratory or in several at once."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from conformance.faults import FAULTS, Fault
from conformance.run.proof import Laboratory, Proof

Progress = Callable[[str], None]


def prove(faults: Sequence[Fault], *, complete: bool, workers: int, progress: Progress) -> list[Proof]:
    """The proof of each fault. `complete`: with all other requirements that have to do with it.

    Faults are dealt to the workers, each a process with a laboratory of its own; they call `progress`, which has to
    be a function of a module. Raises what opening a laboratory raises.
    """
    shares = [tuple(fault.id for fault in faults[number::workers]) for number in range(workers)]
    if workers == 1:
        return list(_share(shares[0], complete, progress))
    context = multiprocessing.get_context("spawn")  # a fork would share connections and locks
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        running = [pool.submit(_whole, share, complete, progress) for share in shares if share]
        return [proof for share in running for proof in share.result()]


def _whole(ids: Sequence[str], complete: bool, progress: Progress) -> list[Proof]:
    return list(_share(ids, complete, progress))


def _share(ids: Sequence[str], complete: bool, progress: Progress) -> Iterator[Proof]:
    known = {fault.id: fault for fault in FAULTS}
    with tempfile.TemporaryDirectory(prefix="prefect-conformance-") as reports, ExitStack() as stack:
        lab = stack.enter_context(Laboratory(progress, Path(reports)))
        for number, id_ in enumerate(ids, 1):
            fault = known[id_]
            own = lab.prove(fault)
            others = lab.compare(fault) if complete else []
            also = f", and by {sum(trial.caught for trial in others)} of {len(others)} others" if others else ""
            progress(f"{number}/{len(ids)} {id_}: {'caught' if own.caught else own.found} by {own.requirement}{also}")
            yield Proof(id_, own, tuple(others))
            if others and not lab.intact():
                progress("a check has deleted what the others are judged on: another server")
                stack.pop_all().close()
                lab = stack.enter_context(Laboratory(progress, Path(reports)))
