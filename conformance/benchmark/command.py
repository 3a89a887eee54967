"""The command: every measurement in turn, as many rounds as wanted, and the page and the data that come of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from conformance.benchmark import measures, page, scale, worlds
from conformance.benchmark.figures import WHOLE, WORKERS_SHARE, Found, Gate, Part, Start
from conformance.benchmark.machine import machine
from conformance.faults import Exchanged
from conformance.target import embedded
from conformance.target.embedded import Release
from conformance.tool import say

_PARTS: Final = {"hand-written": ("--no-fuzz",), "fuzz": ("--select", "fuzz.*")}
"""What is compared with its bare replay: of the hand-written checks a share, and the fuzz, which is quick, whole."""

_WORKERS: Final = (1, 2)

_LONGER: Final = 3
"""Times as long as the gate that plain Schemathesis is given."""


def run(
    rounds: Annotated[int, typer.Option(min=1, help="Times that each thing is measured, one after another.")] = 5,
    share: Annotated[str, typer.Option(help="The share of the hand-written checks, which take long.")] = "1/3",
    plain: Annotated[bool, typer.Option(help="Also run plain Schemathesis, three times as long as the gate.")] = True,
    output: Annotated[Path, typer.Option(help="Where benchmark.json, benchmark.md and the plots go.")] = Path("docs"),
) -> None:
    """Measure the suite on the newest release beside what it could cost at least."""
    release = embedded.newest()
    measures.bare_start(release)  # it is provisioned, and the disk has it
    with tempfile.TemporaryDirectory(prefix="prefect-conformance-") as folder:
        meter = _Meter(release, share, Path(folder, "verdicts.json"))
        meter.record()
        for number in range(1, rounds + 1):
            say(f"round {number} of {rounds}")
            meter.measure()
        found = meter.found()
    # What was measured is kept, whatever becomes of the rest.
    page.write(found, output)
    found = found.model_copy(update={"worlds": worlds.worlds(release, say)})
    page.write(found, output)
    if plain:
        page.write(found.model_copy(update={"plain": measures.plainly(release, _LONGER * found.gate)}), output)
    say(f"{output / page.PAGE}")


class _Meter:
    """What has been measured up to now."""

    def __init__(self, release: Release, share: str, verdicts: Path) -> None:
        self._release = release
        self._verdicts = verdicts
        self._shares = {"hand-written": share, "fuzz": WHOLE}
        self._exchanges: dict[str, list[Exchanged]] = {}
        self._gates: list[Gate] = []
        self._suite: dict[str, list[float]] = {name: [] for name in _PARTS}
        self._replay: dict[str, list[float]] = {name: [] for name in _PARTS}
        self._alike: dict[str, float] = {}
        self._bare: list[float] = []
        self._first: list[float] = []
        self._collection: list[float] = []
        self._workers: dict[int, list[float]] = {number: [] for number in _WORKERS}

    def record(self) -> None:
        """What the parts ask: each once, for all rounds."""
        for name in _PARTS:
            self._exchanges[name] = measures.recorded(self._release, self._chosen(name))
            say(f"{name}: {len(self._exchanges[name])} requests recorded")

    def measure(self) -> None:
        """One round. What is compared is measured right after one another."""
        for name in _PARTS:
            self._suite[name].append(measures.part_on_a_fresh_server(self._release, self._chosen(name)))
            replayed = measures.replayed_on_a_fresh_server(self._release, self._exchanges[name])
            self._replay[name].append(replayed.seconds)
            self._alike[name] = replayed.alike / replayed.requests
            say(f"{name}: {self._suite[name][-1]:.1f} s, replayed {replayed.seconds:.1f} s")
        self._bare.append(measures.bare_start(self._release))
        self._first.append(measures.first_verdict(self._release))
        self._collection.append(measures.collection(self._release))
        bare, first, collected = self._bare[-1], self._first[-1], self._collection[-1]
        say(f"start: {bare:.1f} s, first verdict {first:.1f} s, collected {collected:.1f} s")
        for number in _WORKERS:
            seconds = measures.part(self._release, (*_PARTS["hand-written"], "--shard", WORKERS_SHARE), number)
            self._workers[number].append(seconds)
            say(f"workers: {number}: {seconds:.1f} s")
        self._gates.append(measures.gate(self._release, self._verdicts))
        say(f"gate: {self._gates[-1].seconds:.1f} s, {self._gates[-1].peak:.0f} MiB")

    def found(self) -> Found:
        """All of it, without plain Schemathesis."""
        return Found(
            machine=machine(),
            release=self._release.version,
            share=self._shares["hand-written"],
            gates=tuple(self._gates),
            parts=tuple(self._parts()),
            start=Start(bare=tuple(self._bare), first=tuple(self._first), collection=tuple(self._collection)),
            workers={number: tuple(seconds) for number, seconds in self._workers.items()},
            plain=None,
            verdicts=scale.reports(self._verdicts),
            contracts=scale.contracts(self._release.version),
            generation=scale.generation(self._release.version),
        )

    def _parts(self) -> Iterator[Part]:
        for name in _PARTS:
            yield Part(
                name=name,
                share=self._shares[name],
                suite=tuple(self._suite[name]),
                replay=tuple(self._replay[name]),
                requests=len(self._exchanges[name]),
                alike=self._alike[name],
            )

    def _chosen(self, name: str) -> Sequence[str]:
        share = self._shares[name]
        return [*_PARTS[name], *(() if share == WHOLE else ("--shard", share))]
