"""The command that proves that the checks can fail."""

from __future__ import annotations

from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from conformance import catalogue
from conformance.cli import shared_options
from conformance.errors import ConformanceError, ExitCode
from conformance.verdicts.console import say, stdout


def prove(
    select: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Only faults, or those of requirements, that match. Repeatable."),
    ] = None,
    complete: Annotated[
        bool,
        typer.Option("--complete", help="Show each fault to the other requirements it touches too: most of an hour."),
    ] = False,
    workers: Annotated[
        str | None, typer.Option(metavar="N|auto", help="Servers at once; auto: one a core.", show_default="auto")
    ] = None,
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where the kill matrix goes.")] = Path("reports"),
) -> None:
    """Put each fault before a real Prefect, and see that the requirement that has to catch it does.

    Writes kill-matrix.json and kill-matrix.md. Ends with 0 where each is caught, 1 where one is not or a requirement
    has none, 2 usage or configuration, 3 where the honest server, or the target's trouble, left one undecided.
    """
    # The proxy's server is an extra: who only judges servers need not install one.
    if find_spec("uvicorn") is None:
        raise ConformanceError("prove needs more than is installed: pip install 'prefect-conformance[prove]'")
    from conformance.faults import FAULTS
    from conformance.run import interrupts, kill_matrix, proving
    from conformance.run.proof import Proof

    chosen = [
        fault
        for fault in FAULTS
        if not select or any(fnmatchcase(name, p) for p in select for name in (fault.id, fault.requirement))
    ]
    if not chosen:
        raise ConformanceError(f"no fault matches --select {' '.join(map(repr, select or ()))}")
    rules = catalogue.load()
    processes = min(len(chosen), shared_options.workers(workers, shared_options.cores()))
    found: dict[str, Proof] = {}
    try:
        with interrupts.told_by_sigterm(), interrupts.insistent():
            for proof in proving.prove(chosen, complete=complete, workers=processes, progress=_tell):
                found[proof.fault] = proof
    finally:
        # However it ends: nothing that was proved is lost.
        proofs = [found[fault.id] for fault in chosen if fault.id in found]
        if proofs:
            kill_matrix.write(proofs, rules, output)
        if 0 < len(proofs) < len(chosen):
            _tell(f"{len(proofs)} of {len(chosen)} faults were shown: {output / kill_matrix.PAGE}")
    missed = [proof for proof in proofs if not proof.own.caught]
    for proof in missed:
        own = proof.own
        say(
            stdout(), f"{proof.fault}: {own.requirement} on {own.subject}: {own.before} without it, {own.found} with it"
        )
    bare = [] if select else kill_matrix.uncovered(FAULTS, rules)
    for requirement in bare:
        say(stdout(), f"{requirement}: no fault is there to show that its check can fail")
    say(stdout(), f"{len(proofs) - len(missed)} of {len(proofs)} faults are caught: {output / kill_matrix.PAGE}")
    if bare or any(proof.own.decided for proof in missed):
        raise typer.Exit(ExitCode.NON_CONFORMANT)
    raise typer.Exit(ExitCode.INCOMPLETE if missed else ExitCode.CONFORMANT)


def _tell(text: str) -> None:
    say(Console(stderr=True), text)
