"""What was measured, as JSON, as a page in Markdown, and as a plot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from conformance.benchmark.figures import WHOLE, WORKERS_SHARE, Found, Plain, Size, spread
from conformance.benchmark.plot import plot
from conformance.errors import ConformanceError

JSON: Final = "benchmark.json"
PAGE: Final = "benchmark.md"
PLOT: Final = "benchmark.svg"

_OPERATIONS: Final = 120
"""How many operations plain Schemathesis is waited for to reach."""


def write(found: Found, folder: Path) -> None:
    """Write all three to a folder. Raises ConformanceError where that can't be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / JSON).write_text(found.model_dump_json(indent=1) + "\n", "utf-8")
        (folder / PAGE).write_text(render(found), "utf-8")
        if found.plain is not None:
            (folder / PLOT).write_text(plot(found.plain, found.gate, found.gates[0].reached), "utf-8")
    except OSError as error:
        raise ConformanceError(f"{folder}: can't write the benchmark: {error.strerror or error}") from error


def render(found: Found) -> str:
    """The page."""
    parts = (_head, _table, _growth, _worlds, _beside)
    return "\n".join(line for part in parts for line in part(found)).rstrip("\n") + "\n"


def _head(found: Found) -> Iterator[str]:
    machine = found.machine
    yield "# How fast it is"
    yield ""
    yield (
        f"Written by `python -m conformance.benchmark --rounds {len(found.gates)} --share {found.share}`: "
        f"Prefect {found.release}, warm, in one run on {machine.system}, "
        f"{machine.cores} cores ({machine.processor}), {machine.memory_gib} GiB, Python {machine.python}. "
        f"Seconds are medians of {len(found.gates)} rounds, with the least and the most. The figures are of that "
        f"machine; the ratios are what should hold elsewhere too."
    )
    yield ""


def _of(share: str) -> str:
    return "all checks" if share == WHOLE else f"{share} of the checks"


def _table(found: Found) -> Iterator[str]:
    yield "| what | seconds | beside | ratio |"
    yield "|---|---|---|---|"
    gates = found.gates
    yield (
        f"| the whole gate, {gates[0].checks:,} checks, all reports | {spread([gate.seconds for gate in gates])} | | |"
    )
    for part in found.parts:
        what = f"{part.name}, {_of(part.share)}, one worker"
        replayed = f"{part.requests:,} requests replayed by a bare client: {spread(part.replay)}"
        yield f"| {what} | {spread(part.suite)} | {replayed} | {part.ratio:.2f} |"
    start = found.start
    bare = f"the bare server up: {spread(start.bare)}"
    yield f"| from the command to the first verdict | {spread(start.first)} | {bare} | {start.ratio:.2f} |"
    collecting = "pytest collects all checks, whole command, on a server that has served its document before"
    yield f"| {collecting} | {spread(start.collection)} | | |"
    one, *others = found.workers.items()
    for number, seconds in others:
        ratio = median(seconds) / median(one[1])
        alone = f"{one[0]} worker: {spread(one[1])}"
        yield f"| hand-written, {_of(WORKERS_SHARE)}, {number} workers | {spread(seconds)} | {alone} | {ratio:.2f} |"
    yield ""
    alike = ", ".join(f"{part.alike:.1%} ({part.name})" for part in found.parts)
    yield (
        f"Of the replayed requests, {alike} were answered with the status that was recorded. A run's memory, without "
        f"the servers and without the tool that renders Allure's page: {spread([gate.peak for gate in gates])} MiB at "
        f"the most. The gate reaches {min(gate.reached for gate in gates)} of {gates[0].operations} operations with a "
        f"2xx."
    )
    yield ""
    made = found.generation
    yield (
        f"Warm is what is in the cache: the release with its migrated database, what its server says of itself, and "
        f"the generated cases of the fuzz. To generate those, {made.made:,} for {made.number} operations, takes "
        f"{made.seconds:.1f} s and {made.peak:.0f} MiB of one process, once for a document and a seed."
    )
    yield ""
    yield "| phase of the gate | seconds |"
    yield "|---|---|"
    for phase in gates[0].phases:
        yield f"| {phase} | {spread([gate.phases.get(phase, 0.0) for gate in gates])} |"
    yield f"| to the first verdict | {spread([gate.first for gate in gates])} |"
    yield ""


def _growth(found: Found) -> Iterator[str]:
    yield "## How it grows"
    yield ""
    yield (
        "Each size in a process of its own: the verdicts written as JSON and rendered as a page; the contract read, "
        "and all checks of it planned."
    )
    yield ""
    yield from _sizes("verdicts", "page MiB", [(size, f"{size.made / 2**20:.1f}") for size in found.verdicts])
    yield from _sizes("operations", "checks", [(size, f"{size.made:,}") for size in found.contracts])


def _sizes(of: str, made: str, sizes: Sequence[tuple[Size, str]]) -> Iterator[str]:
    yield f"| {of} | seconds | ms each | peak MiB | {made} |"
    yield "|---|---|---|---|---|"
    for size, came in sizes:
        each = 1000 * size.seconds / size.number
        yield f"| {size.number:,} | {size.seconds:.1f} | {each:.2f} | {size.peak:.0f} | {came} |"
    yield ""


def _worlds(found: Found) -> Iterator[str]:
    if not found.worlds:
        return
    yield (
        f"All rules about flow runs but the fuzz, {found.worlds[0].checks} checks by one worker, on a server on "
        "PostgreSQL that is others' too, and has more and more flow runs of theirs. The clean-up compares what is "
        "there with what was there before: of a collection ten thousand members at most."
    )
    yield ""
    yield "| flow runs of others | seconds | ms a check | of it clean-up, seconds | peak MiB |"
    yield "|---|---|---|---|---|"
    for world in found.worlds:
        each, cleaning = 1000 * world.seconds / world.checks, world.phases.get("clean-up", 0.0)
        yield f"| {world.flow_runs:,} | {world.seconds:.1f} | {each:.0f} | {cleaning:.1f} | {world.peak:.0f} |"
    yield ""


def _beside(found: Found) -> Iterator[str]:
    plain = found.plain
    if plain is None:
        return
    yield "## Beside plain Schemathesis"
    yield ""
    yield (
        f"`schemathesis run` with all its phases and no other option than its time, once, on a server as fresh as the "
        f"gate's: {plain.requests:,} requests in {plain.seconds:.0f} s, to {plain.called} of {plain.operations} "
        f"operations. In the {found.gate:.0f} s of the gate it had {plain.by(found.gate)} operations answered with a "
        f"2xx, and {len(plain.reached)} at its end. {_reaching(plain, found.gate)}"
    )
    yield ""
    yield f"![Operations answered with a 2xx over time]({PLOT})"


def _reaching(plain: Plain, gate: float) -> str:
    seconds = plain.time(_OPERATIONS)
    if seconds is None:
        return f"It did not reach {_OPERATIONS}."
    return (
        f"It reached {_OPERATIONS} after {seconds:.0f} s; the gate takes {gate / seconds:.2f} of that for all of them."
    )
