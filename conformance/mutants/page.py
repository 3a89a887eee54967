"""The page of a sample, as Markdown: figures, and each survivor with what it changes and why nobody sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from conformance.mutants.figures import Figures, by, figures, weighted
from conformance.mutants.inside.operators import OPERATORS
from conformance.mutants.outcomes import Compared, Fate, Outcome
from conformance.mutants.points import GROUPS, Mutant
from conformance.mutants.survivors import Kind, Reason
from conformance.run.requirement_text import code, fenced, prose

_KINDS = {
    Kind.EQUIVALENT: "no answer of the server differs",
    Kind.UNPROMISED: "answers differ in what no rule promises",
    Kind.UNSEEN: "a check is missing",
    None: "nobody has looked at it yet",
}


@dataclass(frozen=True)
class Sample:
    """A sample that has been gone through.

    `command` is what makes the page. `checks` were recorded, and at most `most` run for a mutant; `examples` is how
    many cases Schemathesis generated for an operation, and `operations` how many it was run on for a mutant.
    """

    release: str
    command: str
    mutants: Mapping[str, Mutant]
    outcomes: Sequence[Outcome]
    compared: Sequence[Compared]
    reasons: Mapping[str, Reason]
    checks: int
    most: int
    examples: int
    operations: int


def render(sample: Sample) -> str:
    """The whole page."""
    return "\n".join([*_head(sample), *_tables(sample), *_beside(sample), *_survivors(sample)]).rstrip("\n") + "\n"


def _head(sample: Sample) -> Iterator[str]:
    found = figures(sample.outcomes)
    all_ = weighted(sample.mutants, sample.outcomes)
    yield "# Mutants of a real server"
    yield ""
    yield f"Written by `{sample.command}`."
    yield ""
    yield (
        f"Of the {len(sample.mutants)} small changes that the operators below make to the filters, sort orders, models "
        f"and API modules of Prefect {sample.release}, {found.sampled} were drawn, each group of modules by its size "
        f"and with a tenth of the sample at least. The requests of the checks reach {found.reached} of them. Of those, "
        f"**{found.killed} ({_percent(found.share)}) are killed**: a check that holds on the server as it is "
        f"fails with the change, and holds again without it. {found.stopped} more keep a check from deciding, which "
        f"makes a run incomplete; {found.survived} survive."
    )
    alike = _by_kind(sample)[Kind.EQUIVALENT]
    if alike < found.reached:
        differing = _percent(found.killed / (found.reached - alike))
        yield f"{alike} of them differ in no answer: of the other {found.reached - alike}, **{differing}** are killed."
    if all_ is not None:
        yield f"With each group weighted by its share of all mutants, {_percent(all_)} of those reached are killed."
    yield ""
    yield (
        f"The {sample.checks} checks that ask the server something were run once without a change, to see which "
        "mutants each of them comes by. Then, for each mutant, those that do were run with it in force, "
        f"first one of each rule, until one failed, or {sample.most} had been run. "
        "One server has all mutants in it; a header says which one is in force, for that request alone. Before each "
        "mutant the database is put back to what it was. Left out are checks of the document alone, of Prefect's own "
        "SDK, and of a server that asks for credentials."
    )
    yield ""


def _tables(sample: Sample) -> Iterator[str]:
    by_operator = by(lambda mutant: mutant.point.operator, sample.mutants, sample.outcomes)
    yield from _table("operator", by_operator, {name: prose(text) for name, text in OPERATORS.items()})
    by_group = by(lambda mutant: mutant.group, sample.mutants, sample.outcomes)
    yield from _table("group", by_group, {group: ", ".join(map(code, files)) for group, files in GROUPS.items()})
    yield from _table("module", by(_module, sample.mutants, sample.outcomes), {})


def _table(what: str, parts: Mapping[str, Figures], about: Mapping[str, str]) -> Iterator[str]:
    yield f"| {what} | sampled | reached | killed | stopped | survived | killed of reached |" + (" |" if about else "")
    yield "|---|---|---|---|---|---|---|" + ("---|" if about else "")
    for name, part in parts.items():
        numbers = (part.sampled, part.reached, part.killed, part.stopped, part.survived, _percent(part.share))
        shown = [name, *map(str, numbers), *([about.get(name, "")] if about else [])]
        yield f"| {' | '.join(shown)} |"
    yield ""


def _beside(sample: Sample) -> Iterator[str]:
    if not sample.compared:
        return
    ids = {one.id for one in sample.compared}
    ours = [one for one in sample.outcomes if one.id in ids]
    plain, suite = figures(sample.compared), figures(ours)
    yield "## Beside it: plain Schemathesis"
    yield ""
    yield (
        f"The same {len(ids)} mutants, on the same server with the same objects in it. Schemathesis ran each operation "
        f"of the contract alone, with the engine of its command line and a fixed seed: all its default checks, the "
        f"phases examples, coverage and fuzzing ({sample.examples} generated cases beside what coverage sends). Not "
        "the stateful phase, which goes from one operation to others, and none of what makes two runs send different "
        "requests (responses as a source of data, feedback from errors, shrinking). It has killed a mutant where an "
        "operation whose requests come by it has a failure, by Schemathesis' own identity of failures, that it has not "
        f"without the mutant, before and after; of those operations, at most {sample.operations} were run for a "
        "mutant, those with few calls first."
    )
    yield ""
    yield "| | sampled | reached | killed | killed of reached | killed of sampled |"
    yield "|---|---|---|---|---|---|"
    for name, part in (("this suite", suite), ("plain Schemathesis", plain)):
        of_all = _percent(part.killed / part.sampled)
        yield f"| {name} | {part.sampled} | {part.reached} | {part.killed} | {_percent(part.share)} | {of_all} |"
    yield ""
    killed = {one.id for one in ours if one.fate is Fate.KILLED}
    alone = sorted(one.id for one in sample.compared if one.fate is Fate.KILLED and one.id not in killed)
    if alone:
        yield f"Killed by plain Schemathesis and not by this suite: {', '.join(map(code, alone))}."
        yield ""


def _survivors(sample: Sample) -> Iterator[str]:
    left = _left(sample)
    if not left:
        return
    yield "## Survivors"
    yield ""
    counted = [f"{number} × {_KINDS[kind]}" for kind, number in _by_kind(sample).items() if number]
    if stopped := sum(one.fate is Fate.STOPPED for one in left):
        counted.append(f"{stopped} × a run is incomplete with it")
    yield "; ".join(counted) + "."
    yield ""
    for one in sorted(left, key=lambda one: one.id):
        yield from _survivor(one, sample.mutants[one.id], sample.reasons.get(one.id))


def _left(sample: Sample) -> list[Outcome]:
    return [one for one in sample.outcomes if one.fate in (Fate.SURVIVED, Fate.STOPPED)]


def _by_kind(sample: Sample) -> Mapping[Kind | None, int]:
    counted: dict[Kind | None, int] = dict.fromkeys(_KINDS, 0)
    for one in (one for one in _left(sample) if one.fate is Fate.SURVIVED):
        counted[sample.reasons[one.id].kind if one.id in sample.reasons else None] += 1
    return counted


def _survivor(one: Outcome, mutant: Mutant, reason: Reason | None) -> Iterator[str]:
    yield f"### {mutant.point.function} ({one.id})"
    yield ""
    yield from fenced(mutant.diff, "diff")
    yield ""
    told = f"{one.ran} of the {one.reaching} checks that come by it were run."
    if one.fate is Fate.STOPPED:
        told += f" The run is incomplete with it: {prose(one.summary)}."
    yield told
    if reason is not None:
        yield f"*{_KINDS[reason.kind]}*: {prose(reason.reason)}"
    elif one.fate is Fate.SURVIVED:
        yield f"*{_KINDS[None]}*"
    yield ""


def _module(mutant: Mutant) -> str:
    return mutant.id.partition(":")[0].removeprefix("prefect.server.")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"
