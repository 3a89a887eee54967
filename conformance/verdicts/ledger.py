"""The ledger: everything that a run planned, judged and counted, and what it comes to.

Every report is rendered from it, and nothing but it decides.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from conformance.catalogue import Catalogue, Level
from conformance.contract import Contract
from conformance.contract.surface import Criterion
from conformance.errors import ExitCode
from conformance.verdicts.api_coverage import ApiCoverage, Reached
from conformance.verdicts.coverage import Cell, Grammar, Pair, Tally
from conformance.verdicts.model import Check, Judgement, Line, Result, Verdict, one_line
from conformance.verdicts.waivers import Waiver, Waivers

Key = tuple[str, str]
"""A requirement's id and a subject."""

_SEVERITY: Final = (
    Verdict.NOT_APPLICABLE,
    Verdict.PASSED,
    Verdict.WAIVED,
    Verdict.COULD_NOT_RUN,
    Verdict.FAILED,
)

_CIRCUMSTANCES: Final = ("shared-server", "unguarded", "unprotected", "remote-target", "read-only", "hidden", "headers")
"""Conditions of the catalogue that are about the run, and not about the server."""

_OPERATION: Final = re.compile(r"[A-Z]+ /.*")
_STATUS: Final = re.compile(r"[1-9][0-9]{2}")


class ErrorKind(StrEnum):
    """What an error is about: a waiver file, a defect of this suite, or what the run left behind on the target."""

    WAIVER = "waiver"
    SUITE = "suite"
    CLEAN_UP = "clean-up"


class RunError(BaseModel):
    """Something wrong with the run that is no verdict on the server. `message` is one line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ErrorKind
    message: Line


def apply(judgement: Judgement, waivers: Waivers) -> Judgement:
    """The judgement after the waivers: a failure that one of them names is waived, for its reason.

    A failure with a finding that the waiver does not name stays one, and says which.
    Anything else comes back as it is; applying twice is the same as once.
    """
    if judgement.verdict is not Verdict.FAILED:
        return judgement
    waiver = waivers.get(judgement.requirement, judgement.subject)
    if waiver is None:
        return judgement
    if unnamed := waiver.unnamed(judgement.findings):
        told = {"summary": f"beyond what is waived: {'; '.join(unnamed)}"}
        return Judgement.model_validate(judgement.model_dump() | told)
    return Judgement.model_validate(judgement.model_dump() | {"verdict": Verdict.WAIVED, "waiver": waiver.reason})


class Ledger:
    """Collects a run, in any order and from any number of workers' reports, and says what it comes to.

    First `plan`, then `record`, `count` and `cover`; `interrupt` or `stop` where the run ends early; at last
    `close`, after which `judgements`, `errors`, `reasons`, `result` and `exit_code` are final.

    `filtered`: only a part of the checks was asked for (`--select`, `--no-fuzz`, pytest's `-k`), so that
    a waiver whose check is not among them proves nothing. `exploring`: the fuzz sends other cases than the
    ones its waivers were written for, so that one which found nothing proves nothing either. `part`: it is a shard,
    and waivers are judged where all of them are joined, or it judges what happens to be there, by reading.
    `required`: the percentages of the API's coverage below which the run is incomplete.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        waivers: Waivers | None = None,
        *,
        filtered: bool = False,
        exploring: bool = False,
        part: bool = False,
        required: Mapping[Criterion, float] = MappingProxyType({}),
    ) -> None:
        self.catalogue = catalogue
        self.waivers = waivers if waivers is not None else Waivers()
        self.filtered = filtered
        self.exploring = exploring
        self.part = part
        self.required = required
        self._order = {requirement: place for place, requirement in enumerate(catalogue)}
        self._plan: dict[Key, Check] = {}
        self._judgements: dict[Key, Judgement] = {}
        self._operations: dict[str, Counter[str]] = {}
        self._calls: Counter[str] = Counter()
        self._ineligible: dict[str, str] = {}
        self._testing: dict[str, set[str]] = {}
        self._tally = Tally()
        self._reached = Reached()
        self._errors: list[RunError] = []
        self._interrupted: str | None = None
        self._stopped: str | None = None
        self._closed = False

    def plan(self, checks: Iterable[Check]) -> None:
        """Add checks that the run means to do. The same check from the same item may be told again (by each worker).

        Raises ValueError for a requirement that is not in the catalogue.
        """
        for check in checks:
            self._know(check.requirement)
            known = self._plan.setdefault((check.requirement, check.subject), check)
            if known.item != check.item:
                self.error(f"{_name(check)} is planned twice: by {known.item} and by {check.item}")

    def operations(self, names: Iterable[str], ineligible: Mapping[str, str] = MappingProxyType({})) -> None:
        """Name the operations of the contract, so that one that is never called is listed with zero calls.

        `ineligible`: operation -> why no run is to see it succeed; it may name others than the contract has.
        """
        for name in names:
            self._operations.setdefault(name, Counter())
            if name in ineligible:
                self._ineligible[name] = ineligible[name]

    def know(
        self, cells: Iterable[Cell], related: Iterable[Pair], unknown: Iterable[str], checked: Collection[str]
    ) -> None:
        """Name what the contract can be asked, so that what is never judged is listed.

        `unknown` is what the suite has no meaning for, `checked` the subjects that a check of the suite decides:
        of those, a run that is filtered answers for the planned ones only.
        """
        self._tally.know(cells, related, unknown, checked)

    def survey(self, contract: Contract) -> None:
        """Name the contract whose surface the run is to reach, so that what is never seen is listed."""
        self._reached.know(contract)

    def record(self, judgement: Judgement) -> Judgement:
        """Enter what a check decided; returns it as entered, after the waivers.

        A second verdict on the same check is an error of the run, and the graver of the two stays. So is
        a verdict on a check that was not planned, or a waived one for which there is no waiver.
        Raises ValueError for a requirement that is not in the catalogue.
        """
        self._know(judgement.requirement)
        entered = apply(judgement, self.waivers)
        key = (entered.requirement, entered.subject)
        if entered.verdict is Verdict.WAIVED and self.waivers.get(*key) is None:
            self.error(f"{_name(entered)} was called waived, but no waiver names it")
            entered = Judgement.model_validate(entered.model_dump() | {"verdict": Verdict.FAILED, "waiver": None})
        if key not in self._plan:
            self.error(f"{_name(entered)} was judged ({entered.verdict}) but not planned")
        first = self._judgements.get(key)
        if first is not None:
            self.error(f"{_name(entered)} was judged twice: {first.verdict}, then {entered.verdict}")
            if _SEVERITY.index(first.verdict) >= _SEVERITY.index(entered.verdict):
                return first
        self._judgements[key] = entered
        return entered

    def count(self, operation: str, status: str | None, n: int = 1) -> None:
        """Add `n` requests of `operation` (`METHOD /path`) that `status` answered (None: nothing did).

        Raises ValueError for what is neither, so that it shows where it is counted and not in the report.
        """
        if not _OPERATION.fullmatch(operation) or not (status is None or _STATUS.fullmatch(status)):
            raise ValueError(f"not an operation and a status: {operation!r}, {status!r}")
        self._calls[operation] += n
        statuses = self._operations.setdefault(operation, Counter())
        if status is not None:
            statuses[status] += n

    def credit(self, judgement: Judgement, called: Collection[str]) -> None:
        """Note that a check, judged so, has tested the operations that it `called`.

        Where its subject is an operation, it tested that one: the others only made what it needed. A check that
        decided nothing has tested nothing.
        """
        if judgement.verdict not in (Verdict.PASSED, Verdict.WAIVED, Verdict.FAILED):
            return
        tested = {judgement.subject} & set(called) if judgement.subject in self._operations else called
        for operation in tested:
            self._testing.setdefault(operation, set()).add(judgement.requirement)

    def cover(self, counted: Mapping[str, Any]) -> None:
        """Add the questions that a process has judged: `{"cells": {name: {"hit": n, …}}, "related": […]}`.

        A name that the grammar does not have is an error of the run.
        """
        for stranger in self._tally.add(counted):
            self.error(stranger)

    def see(self, seen: Mapping[str, Collection[int]]) -> None:
        """Add what a process has seen of the surface: operation -> numbers of its items.

        An operation that the contract does not have is an error of the run.
        """
        for stranger in self._reached.add(seen):
            self.error(stranger)

    def error(self, message: str, kind: ErrorKind = ErrorKind.SUITE) -> None:
        """Note something wrong with the run itself, once."""
        error = RunError(kind=kind, message=message)
        if error not in self._errors:
            self._errors.append(error)

    def interrupt(self, why: str) -> None:
        """The run was broken off from outside (Ctrl-C, the target went away): its result is incomplete."""
        self._interrupted = self._interrupted or one_line(why)

    def stop(self, why: str) -> None:
        """The run ended early because it was told to (`--fail-fast`): what was found counts."""
        self._stopped = self._stopped or one_line(why)

    def close(self) -> None:
        """End the run: planned checks without a verdict could not run, and waivers that did nothing are errors.

        Closing again changes nothing.
        """
        if self._closed:
            return
        self._closed = True
        why = self._interrupted or self._stopped or "the run ended without a verdict on it"
        for key, check in self._plan.items():
            if key not in self._judgements:
                self._judgements[key] = Judgement(
                    requirement=check.requirement,
                    subject=check.subject,
                    verdict=Verdict.COULD_NOT_RUN,
                    summary=f"was not run: {why}",
                )
        if not self.part:
            self._find_stale_waivers()

    @property
    def interrupted(self) -> str | None:
        """Why the run was broken off, None where it was not."""
        return self._interrupted

    @property
    def planned(self) -> int:
        """How many checks the run means to do."""
        return len(self._plan)

    @property
    def judgements(self) -> tuple[Judgement, ...]:
        """All verdicts, in the order of the catalogue, then of the subjects, whatever order they came in."""
        return tuple(sorted(self._judgements.values(), key=lambda j: (self._order[j.requirement], j.subject)))

    @property
    def errors(self) -> tuple[RunError, ...]:
        """What is wrong with the run itself, sorted."""
        return tuple(sorted(self._errors, key=lambda error: (error.kind, error.message)))

    @property
    def calls(self) -> Mapping[str, tuple[int, Mapping[str, int]]]:
        """Operation -> how often it was called, and how often each status answered; sorted by both."""
        return {
            name: (self._calls[name], dict(sorted(self._operations[name].items()))) for name in sorted(self._operations)
        }

    @property
    def ineligible(self) -> Mapping[str, str]:
        """Those of the contract's operations that no run is to see succeed, and why."""
        return dict(self._ineligible)

    def testing(self, operation: str) -> tuple[str, ...]:
        """The requirements that tested an operation, in the order of the catalogue."""
        return tuple(sorted(self._testing.get(operation, ()), key=self._order.__getitem__))

    @property
    def differences(self) -> tuple[Waiver, ...]:
        """Of what the run planned, the deviations that are known to be there on one database and not on another."""
        found = [waiver for waiver in self.waivers.bound if (waiver.requirement, waiver.subject) in self._plan]
        return tuple(sorted(found, key=lambda w: (self._order[w.requirement], w.subject, w.databases)))

    @property
    def grammar(self) -> Grammar:
        """What the contract can be asked, and what of it was judged."""
        return self._tally.grammar({subject for _, subject in self._plan} if self.filtered or self.part else None)

    @property
    def api_coverage(self) -> ApiCoverage | None:
        """What of the contract's surface was reached; None where no contract was found."""
        return self._reached.coverage(self.required)

    def result(self) -> Result:
        """What the verdicts come to.

        A failure of any level is non-conformant: who deviates from a SHOULD owes a reason (RFC 2119), and
        a waiver is where it stands. A run that was interrupted, judged nothing, left a MUST open, left something
        behind on the target, saw less of the API than was required, or is itself in error is incomplete; an
        interrupted one even where it found failures.
        """
        if self._interrupted is not None:
            return Result.INCOMPLETE
        if self._number(Verdict.FAILED):
            return Result.NON_CONFORMANT
        return Result.INCOMPLETE if self._gaps() else Result.CONFORMANT

    def reasons(self) -> tuple[str, ...]:
        """Why the result is not conformant, a line each; empty where it is."""
        why = [f"the run was interrupted: {self._interrupted}"] if self._interrupted is not None else []
        failed = self._number(Verdict.FAILED)
        if failed:
            why.append(f"{failed} of {_checks(len(self._judgements))} failed")
        return tuple(why + self._gaps())

    def exit_code(self) -> ExitCode:
        """What the process should say. A server that conforms under a waiver file in error is USAGE: mend the file."""
        match self.result():
            case Result.NON_CONFORMANT:
                return ExitCode.NON_CONFORMANT
            case Result.INCOMPLETE:
                return ExitCode.INCOMPLETE
            case Result.CONFORMANT:
                stale = any(error.kind is ErrorKind.WAIVER for error in self._errors)
                return ExitCode.USAGE if stale else ExitCode.CONFORMANT

    def _gaps(self) -> list[str]:
        """What keeps the verdicts there are from being all that was asked for."""
        gaps = []
        if not self._number(Verdict.PASSED, Verdict.WAIVED, Verdict.FAILED):
            gaps.append("no check was decided")
        missing = sum(
            judgement.verdict is Verdict.COULD_NOT_RUN and self.catalogue[judgement.requirement].level is Level.MUST
            for judgement in self._judgements.values()
        )
        if missing:
            gaps.append(f"{_checks(missing)} of a MUST could not run")
        defects = sum(error.kind is ErrorKind.SUITE for error in self._errors)
        if defects:
            gaps.append("the suite itself is in error" + (f" ({defects} times)" if defects > 1 else ""))
        if any(error.kind is ErrorKind.CLEAN_UP for error in self._errors):
            gaps.append("what the run made could not all be removed")
        if self.required and (reached := self.api_coverage) is not None:
            gaps += reached.shortfalls
        return gaps

    def _number(self, *verdicts: Verdict) -> int:
        return sum(judgement.verdict in verdicts for judgement in self._judgements.values())

    def _find_stale_waivers(self) -> None:
        # Nothing was collected, or not all: then a waiver without a check says nothing about the waiver.
        complete = bool(self._plan) and not self.filtered and self._interrupted is None
        for waiver in self.waivers:
            key = (waiver.requirement, waiver.subject)
            named = f"{self.waivers.file(waiver)}: the waiver of {waiver.requirement} on {waiver.subject!r}"
            judgement = self._judgements.get(key)
            if self.exploring and waiver.findings:
                continue
            if judgement is not None and judgement.verdict is Verdict.PASSED and self.waivers.demanded(waiver):
                self.error(f"{named} is stale: the check passed; remove it", ErrorKind.WAIVER)
            elif judgement is not None and judgement.verdict is Verdict.NOT_APPLICABLE:
                if self._is_circumstance(judgement):
                    continue
                self.error(f"{named} is stale: the check is not applicable; remove it", ErrorKind.WAIVER)
            elif judgement is None and key not in self._plan and complete:
                self.error(f"{named} matches no check of this run; remove it", ErrorKind.WAIVER)

    def _is_circumstance(self, judgement: Judgement) -> bool:
        """Whether a check is not applicable for how the run reached the target: that says nothing of the release."""
        conditions = self.catalogue[judgement.requirement].conditions
        return any(judgement.summary == conditions[name] for name in _CIRCUMSTANCES if name in conditions)

    def _know(self, requirement: str) -> None:
        if requirement not in self.catalogue:
            raise ValueError(f"the catalogue has no requirement {requirement!r}")


def _name(about: Check | Judgement) -> str:
    return f"{about.requirement} on {about.subject!r}"


def _checks(number: int) -> str:
    return f"{number} check" + ("" if number == 1 else "s")
