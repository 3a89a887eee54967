"""What was measured, as plain data, and the ratios that it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Final

from pydantic import BaseModel, ConfigDict

WHOLE: Final = "1/1"
"""The share that is all of it."""

WORKERS_SHARE: Final = "1/8"
"""Of the hand-written checks, what is done by one worker and by several: the ratio is that of any share."""


class Frozen(BaseModel):
    """Plain data that goes into the JSON as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Machine(Frozen):
    """What all of it was measured on."""

    system: str
    processor: str
    cores: int
    memory_gib: float
    python: str


class Gate(Frozen):
    """One whole run, as a user starts it. Times in seconds, memory in MiB.

    `first` is the time to the first verdict; `phases` those of the run's own report; `peak` the most that the suite's
    processes held at one time, without the servers and without the tool that renders Allure's page; `reached` how many
    operations were answered with a 2xx, of `operations`.
    """

    seconds: float
    first: float
    phases: dict[str, float]
    peak: float
    operations: int
    reached: int
    checks: int


class Part(Frozen):
    """A share of one part of the checks, one worker and one server, and its requests replayed by the barest client."""

    name: str
    share: str
    suite: tuple[float, ...]
    replay: tuple[float, ...]
    requests: int
    alike: float

    @property
    def ratio(self) -> float:
        """Suite ÷ replay, of the medians."""
        return median(self.suite) / median(self.replay)


class Start(Frozen):
    """Seconds until the bare server answers, until a run on one of its own has its first verdict, and to collect."""

    bare: tuple[float, ...]
    first: tuple[float, ...]
    collection: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """First verdict ÷ bare start, of the medians."""
        return median(self.first) / median(self.bare)


class Plain(Frozen):
    """Plain Schemathesis: seconds after which each operation had been answered with a 2xx, in their order."""

    seconds: float
    requests: int
    operations: int
    called: int
    reached: tuple[float, ...]

    def by(self, seconds: float) -> int:
        """How many operations had been reached by then."""
        return sum(at <= seconds for at in self.reached)

    def time(self, number: int) -> float | None:
        """Seconds until so many were reached; None where they never were."""
        return self.reached[number - 1] if number <= len(self.reached) else None


class Size(Frozen):
    """What so many verdicts or operations took: seconds, and the MiB of the process at its highest.

    `made`: bytes of the page, or the number of checks, or of generated cases.
    """

    number: int
    seconds: float
    peak: float
    made: int


class World(Frozen):
    """Some checks beside so many flow runs of others. Seconds and the phases of the run's own report; memory in MiB."""

    flow_runs: int
    checks: int
    seconds: float
    phases: dict[str, float]
    peak: float


class Found(Frozen):
    """All of it. `workers`: number of workers -> seconds of the same share of the checks."""

    machine: Machine
    release: str
    share: str
    gates: tuple[Gate, ...]
    parts: tuple[Part, ...]
    start: Start
    workers: dict[int, tuple[float, ...]]
    plain: Plain | None
    verdicts: tuple[Size, ...]
    contracts: tuple[Size, ...]
    generation: Size
    worlds: tuple[World, ...] = ()

    @property
    def gate(self) -> float:
        """Seconds of the whole gate: the median."""
        return median(gate.seconds for gate in self.gates)


def spread(values: Sequence[float]) -> str:
    """A median, with the least and the most where there are several: `12.3 (11.9–13.0)`."""
    middle = f"{median(values):.1f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.1f}–{max(values):.1f})"
