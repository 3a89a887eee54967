"""How much of the contract's surface a run has reached, by the criteria and levels of `conformance.contract.surface`.

The surface is told first (`Reached.know`), then what was seen, by any number of processes in any order
(`Reached.add`); what comes out (`Reached.coverage`) has the numbers, the level and what was never seen.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from conformance.contract import Contract
from conformance.contract.surface import LEVELS, Criterion, Face, face, paths
from conformance.errors import ConformanceError
from conformance.verdicts.model import Line

MOST_NAMED: Final = 200
"""Things that are named as unseen for each criterion; of the others, the numbers of their operations tell."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Share(_Model):
    """How many of how many things have been seen."""

    covered: int = Field(ge=0)
    total: int = Field(ge=0)

    @property
    def whole(self) -> bool:
        """Whether all of them have."""
        return self.covered == self.total

    @property
    def percent(self) -> float:
        """The share in percent; of nothing, all."""
        return 100 * self.covered / self.total if self.total else 100.0

    def reaches(self, percent: float) -> bool:
        """Whether it is at least that share, without a rounding error."""
        return self.covered * 100 >= percent * self.total


class Unseen(_Model):
    """A thing that the run has not seen. `item` is empty where the operation, or the path, is that thing."""

    operation: Line
    item: Line = ""

    def __str__(self) -> str:
        return f"{self.operation}: {self.item}" if self.item else self.operation


class Measure(Share):
    """One criterion. `unseen` names the first of what was not seen, in the order of the contract."""

    criterion: Criterion
    unseen: tuple[Unseen, ...] = ()


class ApiCoverage(_Model):
    """What of the contract's surface was seen in the run's own exchanges.

    `level` is the highest of the paper's levels (0 to 6) of which all criteria are met in full. `operations`: of each
    operation, the criteria that it has something of. `required`: the percentages that the run was to reach.
    """

    level: int = Field(ge=0, le=max(LEVELS))
    criteria: tuple[Measure, ...]
    operations: Mapping[str, Mapping[Criterion, Share]]
    required: Mapping[Criterion, float] = MappingProxyType({})

    def of(self, criterion: Criterion) -> Measure:
        """What was reached of one criterion."""
        return next(measure for measure in self.criteria if measure.criterion is criterion)

    @property
    def shortfalls(self) -> tuple[str, ...]:
        """Where less was reached than was required, a line each."""
        return tuple(
            f"coverage of {criterion} is {shown(measure)} ({measure.covered} of {measure.total}), "
            f"and {wanted:g} % is required"
            for criterion, wanted in self.required.items()
            if not (measure := self.of(criterion)).reaches(wanted)
        )


def shown(share: Share) -> str:
    """The share in percent for a reader, with one decimal, rounded down: what is not whole does not look so."""
    return f"{math.floor(share.percent * 10) / 10:g} %"


def parse_required(wanted: Iterable[str]) -> dict[Criterion, float]:
    """The percentages in `operations=100`, `status-codes=40`. Raises ConformanceError for what is none."""
    found: dict[Criterion, float] = {}
    for text in wanted:
        name, equals, number = text.partition("=")
        if name not in list(Criterion):
            known = ", ".join(Criterion)
            raise ConformanceError(f"--require-coverage {text!r}: there is no criterion {name!r}; there are {known}")
        try:
            percent = float(number)
        except ValueError:
            percent = math.nan
        if not equals or not 0 < percent <= 100:
            raise ConformanceError(f"--require-coverage {text!r}: give a percentage above 0 and up to 100: {name}=90")
        if Criterion(name) in found:
            raise ConformanceError(f"--require-coverage {text!r}: {name} is there twice")
        found[Criterion(name)] = percent
    return found


class Reached:
    """Collects what was seen. `contract` is the one of the run, None until it is known."""

    def __init__(self) -> None:
        self._contract: Contract | None = None
        self._seen: dict[str, set[int]] = {}

    def know(self, contract: Contract) -> None:
        """Take in the contract whose surface it is."""
        self._contract = contract

    @cached_property
    def _faces(self) -> Mapping[str, Face]:
        # Only the end of a run asks for it, and it takes a quarter of a second.
        contract = self._contract
        return {} if contract is None else {label: face(contract, label) for label in contract.operations}

    def add(self, seen: Mapping[str, Collection[int]]) -> Iterator[str]:
        """Take in what a process has seen: operation -> numbers of its items.

        Yields a line for each operation that the contract does not have; such a one is not counted.
        """
        known = {} if self._contract is None else self._contract.operations
        for operation, numbers in seen.items():
            if operation in known:
                self._seen.setdefault(operation, set()).update(numbers)
            else:
                yield f"{operation} was seen, and the contract has no such operation"

    def coverage(self, required: Mapping[Criterion, float]) -> ApiCoverage | None:
        """What was reached; None where no contract was found."""
        contract = self._contract
        if contract is None:
            return None
        totals: Counter[Criterion] = Counter()
        covered: Counter[Criterion] = Counter()
        unseen: dict[Criterion, list[Unseen]] = {criterion: [] for criterion in Criterion}
        operations: dict[str, dict[Criterion, Share]] = {}
        for label, surface in self._faces.items():
            seen = self._seen.get(label, set())
            here = Counter(item.criterion for item in surface.items)
            there = Counter(item.criterion for number, item in enumerate(surface.items) if number in seen)
            totals.update(here)
            covered.update(there)
            operations[label] = {c: Share(covered=there[c], total=here[c]) for c in Criterion if here[c]}
            for number, item in enumerate(surface.items):
                if number not in seen and len(unseen[item.criterion]) < MOST_NAMED:
                    name = "" if item.criterion is Criterion.OPERATIONS else item.name
                    unseen[item.criterion].append(Unseen(operation=label, item=name))
        for path, labels in paths(contract).items():
            totals[Criterion.PATHS] += 1
            if any(0 in self._seen.get(label, ()) for label in labels):
                covered[Criterion.PATHS] += 1
            elif len(unseen[Criterion.PATHS]) < MOST_NAMED:
                unseen[Criterion.PATHS].append(Unseen(operation=path))
        measures = tuple(
            Measure(criterion=c, covered=covered[c], total=totals[c], unseen=tuple(unseen[c])) for c in Criterion
        )
        return ApiCoverage(level=level(measures), criteria=measures, operations=operations, required=required)


def level(measures: Iterable[Measure]) -> int:
    """The highest level whose criteria, and those of all levels below it, are met in full."""
    whole = {measure.criterion for measure in measures if measure.whole}
    reached = 0
    for number, criteria in sorted(LEVELS.items()):
        if not criteria <= whole:
            break
        reached = number
    return reached


def contradictions(found: ApiCoverage) -> Iterator[str]:
    """Where one part of the coverage does not follow from another, a line each."""
    if [measure.criterion for measure in found.criteria] != list(Criterion):
        yield "the coverage has not each criterion once, in their order"
        return
    sums = {criterion: [0, 0] for criterion in Criterion}
    for name, shares in found.operations.items():
        for criterion, share in shares.items():
            if share.covered > share.total or not share.total:
                yield f"{name} has {share.covered} of {share.total} {criterion}"
            sums[criterion][0] += share.covered
            sums[criterion][1] += share.total
    for measure in found.criteria:
        kind = measure.criterion
        if kind is not Criterion.PATHS and [measure.covered, measure.total] != sums[kind]:
            yield f"the coverage of {kind} is not that of the operations"
        if measure.covered > measure.total:
            yield f"the coverage of {kind} is more than there is"
        elif len(measure.unseen) != min(measure.total - measure.covered, MOST_NAMED):
            yield f"the coverage of {kind} names not as many unseen as there are"
    if found.level != level(found.criteria):
        yield f"the coverage is of level {level(found.criteria)}, and is called {found.level}"
