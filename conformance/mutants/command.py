"""The command: draw a sample, see what the checks and a plain Schemathesis run make of it, and write its page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from conformance.mutants import outcomes, page
from conformance.mutants.figures import figures
from conformance.mutants.judging import Judging
from conformance.mutants.killing import Killing
from conformance.mutants.outcomes import Compared, Fate, Outcome
from conformance.mutants.plain import EXAMPLES, Known, Plain
from conformance.mutants.points import Mutant, mutants, sampled
from conformance.mutants.recording import About, Recorded, about, record
from conformance.mutants.recording import read as read_recording
from conformance.mutants.seeding import DATABASE, world
from conformance.mutants.server import Mutable
from conformance.mutants.survivors import reasons
from conformance.target import embedded
from conformance.tool import say

RECORDING, OUTCOMES, KNOWN, COMPARED = "recording.jsonl", "outcomes.jsonl", "plain.jsonl", "compared.jsonl"


@dataclass(frozen=True)
class Work:
    """One release, its mutants, and the folder in which what was found about them is kept."""

    release: embedded.Release
    all_: Mapping[str, Mutant]
    folder: Path

    @property
    def about(self) -> About:
        """What a recording in the folder has to be of."""
        return about(self.release.version, self.all_)

    def outcomes(self, drawn: Iterable[Mutant]) -> list[Outcome]:
        """What the checks made of those that they were run on."""
        found = outcomes.read(self.folder / OUTCOMES)
        return [found[mutant.id] for mutant in drawn if mutant.id in found]

    def compared(self, drawn: Iterable[Mutant]) -> list[Compared]:
        """What plain Schemathesis made of them."""
        found = outcomes.read_compared(self.folder / COMPARED)
        return [found[mutant.id] for mutant in drawn if mutant.id in found]


def run(
    sample: Annotated[int, typer.Option(min=1, help="How many mutants.")] = 300,
    seed: Annotated[int, typer.Option(help="Which ones: the same seed draws the same.")] = 1,
    checks: Annotated[int, typer.Option(min=1, help="Most checks that are run for a mutant.")] = 100,
    folder: Annotated[
        Path, typer.Option(help="What was found is kept here, and gone on with: remove it to begin anew.")
    ] = Path("reports/mutants"),
    plain: Annotated[bool, typer.Option(help="Also run plain Schemathesis on the same mutants.")] = False,
    operations: Annotated[int, typer.Option(min=1, help="Most operations that it is run on for a mutant.")] = 12,
    write: Annotated[Path | None, typer.Option("--page", help="Where the page goes.")] = None,
) -> None:
    """Draw mutants of the newest release, and count those that the checks see."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    release = embedded.newest()
    work = Work(release, mutants(embedded.interpreter(release, say)), folder)
    known = reasons(work.all_)
    drawn = sampled(work.all_, sample, seed)
    _begin_anew_after_a_change(work)
    if _left(work, drawn, checks, plain):
        with Mutable(release, folder / DATABASE) as server:
            say(f"a server with {len(work.all_)} mutants is up")
            with Judging(server, world(server, folder, say)) as judging:
                recorded = record(judging, work.about, list(work.all_), folder / RECORDING, say)
                _kill(work, judging, recorded, drawn, checks)
                if plain:
                    _compare(work, judging, drawn, seed, operations)
    found = page.Sample(
        release=release.version,
        command=f"tox run -e mutants -- {' '.join(_as_given(sample, seed, checks, operations if plain else None))}",
        mutants=work.all_,
        outcomes=work.outcomes(drawn),
        compared=work.compared(drawn),
        reasons=known,
        checks=len(read_recording(folder / RECORDING, work.about)),
        most=checks,
        examples=EXAMPLES,
        operations=operations,
    )
    text = page.render(found)
    (folder / "mutants.md").write_text(text, "utf-8")
    if write is not None:
        write.write_text(text, "utf-8")
    total = figures(found.outcomes)
    say(
        f"{total.sampled} mutants: {total.reached} reached, {total.killed} killed, {total.stopped} stopped, "
        f"{total.survived} survived; {folder / 'mutants.md'}"
    )


def _as_given(sample: int, seed: int, checks: int, operations: int | None) -> Sequence[str]:
    beside = ["--plain", f"--operations {operations}"] if operations is not None else []
    return (f"--sample {sample}", f"--seed {seed}", f"--checks {checks}", *beside)


def _begin_anew_after_a_change(work: Work) -> None:
    """What was found about other mutants under the same numbers is of no use any more."""
    first = next(outcomes.lines(work.folder / RECORDING), "").strip()
    if first and first != work.about.model_dump_json():
        say("the operators or the release have changed: beginning anew")
        for name in (RECORDING, OUTCOMES, KNOWN, COMPARED):
            (work.folder / name).unlink(missing_ok=True)


def _unfinished(found: Outcome | None, checks: int) -> bool:
    """Whether a mutant is still to be tried, or tried on: more checks may be run now than then."""
    if found is None:
        return True
    return found.fate is Fate.SURVIVED and found.ran < min(checks, found.reaching)


def _left(work: Work, drawn: Sequence[Mutant], checks: int, plain: bool) -> bool:
    found = outcomes.read(work.folder / OUTCOMES)
    told = outcomes.read_compared(work.folder / COMPARED)
    return any(_unfinished(found.get(mutant.id), checks) for mutant in drawn) or (
        plain and any(mutant.id not in told for mutant in drawn)
    )


def _kill(work: Work, judging: Judging, recorded: Sequence[Recorded], drawn: Sequence[Mutant], checks: int) -> None:
    killing = Killing(judging, recorded, work.all_)
    path = work.folder / OUTCOMES
    for number, mutant in enumerate(drawn, 1):
        before = outcomes.read(path).get(mutant.id)
        if _unfinished(before, checks):
            found = killing.try_(mutant.id, 0 if before is None else before.ran, checks)
            outcomes.add(path, found)
            say(
                f"{number} of {len(drawn)}: {mutant.id} {found.fate} after {found.ran} of {found.reaching} checks in "
                f"{found.seconds} s {found.requirement} {found.subject}"
            )


def _compare(work: Work, judging: Judging, drawn: Sequence[Mutant], seed: int, most: int) -> None:
    plain = Plain(judging, judging.contract, seed)
    path = work.folder / KNOWN
    known = {one.operation: one for one in map(Known.model_validate_json, outcomes.lines(path))}
    for operation in judging.contract.operations.values():
        if operation.label not in known:
            known[operation.label] = plain.know(operation)
            outcomes.add(path, known[operation.label])
            say(f"plain: {known[operation.label].calls} calls of {operation.label}")
    told = outcomes.read_compared(work.folder / COMPARED)
    for number, mutant in enumerate(drawn, 1):
        if mutant.id not in told:
            found = plain.try_(mutant.id, known, most)
            outcomes.add(work.folder / COMPARED, found)
            say(
                f"plain {number} of {len(drawn)}: {mutant.id} {found.fate} after {found.calls} calls, {found.seconds} s"
            )
