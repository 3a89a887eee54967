"""The coverage of the API in short: each criterion's share, and what was required of it.

A document has it in `api_coverage` where it was measured; the whole of it is a page of its own, `api-coverage.html`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conformance.contract import surface
from conformance.verdicts import api_coverage as measuring
from conformance.verdicts.model import Verdict
from conformance.verdicts.page.summary import Stretch, bar


@dataclass(frozen=True)
class Criterion:
    """One criterion. `required` is the share that was, in words; `short`, whether it was not reached."""

    name: str
    covered: int
    total: int
    percent: str
    bar: Sequence[Stretch]
    required: str
    short: bool


@dataclass(frozen=True)
class ApiCoverage:
    """The level that was reached, and the criteria in their order."""

    level: int
    criteria: Sequence[Criterion]


def shape(measured: measuring.ApiCoverage | None) -> ApiCoverage | None:
    """The coverage of a document as rows; None where it has none."""
    if measured is None:
        return None
    return ApiCoverage(measured.level, [_criterion(one, measured.required) for one in measured.criteria])


def _criterion(one: measuring.Measure, required: Mapping[surface.Criterion, float]) -> Criterion:
    wanted = required.get(one.criterion)
    return Criterion(
        name=str(one.criterion).replace("-", " ").capitalize(),
        covered=one.covered,
        total=one.total,
        percent=measuring.shown(one),
        bar=bar({Verdict.PASSED: one.covered}, one.total),
        required="" if wanted is None else f"{wanted:g} %",
        short=wanted is not None and not one.reaches(wanted),
    )
