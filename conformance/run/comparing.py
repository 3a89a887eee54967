"""Which other requirements catch a fault that one of them has to catch."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import httpx

from conformance.faults import Fault, Request, Tape, touched
from conformance.run.proof import Laboratory, Others, Trial
from conformance.suite.check import declaration, functions
from conformance.verdicts.model import Verdict
from conformance.verdicts.page import placing

_DOCUMENT: Final = "/openapi.json"

_SHARING: Final = frozenset({"campaigns", "ordeals", "walks", "journeys", "guards"})
"""What is done once for all the checks of a chapter that ask for it: whichever comes first, sends the requests."""

_LOOKED_AT: Final = 10
"""Objects of each collection that are looked for after a fault, about."""

Pair = tuple[str, str]
"""A requirement, and a subject that it is judged on."""


@dataclass(frozen=True)
class _Heard:
    """Checks on one subject, before the honest server: which pass, and the faults that would have bent an exchange."""

    passed: frozenset[str]
    touched: frozenset[str]


class Heard:
    """What was listened to once, and holds for every laboratory. `faults` are those that are compared."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = faults
        self.groups: dict[tuple[frozenset[str], str], _Heard] = {}


class Comparison:
    """The neighbours of faults, in one laboratory.

    Each check is listened to once, before the honest server, and shown only those faults that would have bent
    something of what it sent or got: the others it can't tell from the honest server, and most are of that kind.
    """

    def __init__(self, lab: Laboratory, heard: Heard) -> None:
        self._lab = lab
        self._heard = heard
        self._broken = False

    def compare(self, fault: Fault) -> Others:
        """All other requirements that have to do with what the fault touches, before and behind it.

        Each is judged once: on the fault's subject, or else on the first of its own about the same resource. Those
        that the honest server itself fails there can't tell, and are left out, as are those for which that server
        has nothing. What is caught is judged a second time without the fault: a server that an earlier one has left
        in disorder would be taken for the fault.
        """
        passing = [(pair, heard) for pair in self._near(fault) if pair[0] in (heard := self._listen(*pair)).passed]
        moved = [pair for pair, heard in passing if fault.id in heard.touched]
        unmoved = [pair for pair, heard in passing if fault.id not in heard.touched]
        with self._lab.faulty(fault) as judge:
            found = [(pair, judge(*pair)) for pair in moved]
        trials = [Trial(*pair, Verdict.PASSED, judged.verdict, judged.summary) for pair, judged in found]
        return Others(tuple(self._again(trials)), tuple(unmoved))

    def intact(self) -> bool:
        """Whether the server is as it was: what a fault has let a check delete or spoil, the next would miss."""
        with httpx.Client(base_url=self._lab.url) as client:
            return not self._broken and all(client.get(path).is_success for path in self._looked_at)

    @cached_property
    def _looked_at(self) -> Sequence[str]:
        """Some objects of each collection of the population."""
        workbench = self._lab.workbench
        return [
            f"/{collection}/{record['id']}"
            for collection, records in workbench.world.population.records.items()
            if f"GET /{collection}/{{id}}" in workbench.contract.operations
            for record in records[:: max(1, len(records) // _LOOKED_AT)]
        ]

    def _again(self, trials: Sequence[Trial]) -> Iterator[Trial]:
        with self._lab.faulty(Tape()) as judge:
            for trial in trials:
                before = judge(trial.requirement, trial.subject).verdict if trial.caught else trial.before
                self._broken |= before is not Verdict.PASSED
                yield replace(trial, before=before)

    def _listen(self, requirement: str, subject: str) -> _Heard:
        group = self._group(requirement, subject)
        key = (group, subject)
        if key not in self._heard.groups:
            self._heard.groups[key] = self._overhear(group, subject)
        return self._heard.groups[key]

    def _overhear(self, group: frozenset[str], subject: str) -> _Heard:
        tape = Tape()
        with self._lab.faulty(tape) as judge:
            passed = frozenset(name for name in sorted(group) if judge(name, subject).verdict is Verdict.PASSED)
        read = [exchange for exchange in tape.exchanges if _is_document(exchange[0])]
        said = [exchange for exchange in tape.exchanges if not _is_document(exchange[0])]
        ids = {fault.id for fault in touched(self._heard.faults, said)}
        return _Heard(passed, frozenset(ids | (self._of_the_document if read else set())))

    @cached_property
    def _of_the_document(self) -> set[str]:
        """The faults of the document: it is large, and the same for all checks that read it."""
        tape = Tape()
        with self._lab.proxy.bent(tape):
            httpx.get(self._lab.proxy.url + _DOCUMENT)
        return {fault.id for fault in touched(self._heard.faults, tape.exchanges)}

    def _group(self, requirement: str, subject: str) -> frozenset[str]:
        """The requirements that have to be listened to together: one alone, but where they share what was done."""
        if not (shared := _asked(requirement) & _SHARING):
            return frozenset({requirement})
        return frozenset(
            other
            for other in functions()
            if _asked(other) & shared and subject in self._names(other) and _chapter(other) == _chapter(requirement)
        )

    def _near(self, fault: Fault) -> Iterator[Pair]:
        about = self._resource(fault.subject)
        for requirement in functions():
            names = self._names(requirement)
            same = (
                [fault.subject] if fault.subject in names else [name for name in names if self._resource(name) == about]
            )
            if same and requirement != fault.requirement:
                yield requirement, same[0]

    def _names(self, requirement: str) -> list[str]:
        declared = declaration(functions()[requirement])
        assert declared is not None
        return declared.names(self._lab.place(requirement)[0].contract)

    def _resource(self, subject: str) -> str:
        return placing.resource(subject, self._resources)

    @cached_property
    def _resources(self) -> set[str]:
        return placing.resources(self._lab.workbench.contract.operations)


def _asked(requirement: str) -> set[str]:
    return set(inspect.signature(functions()[requirement]).parameters)


def _chapter(requirement: str) -> str:
    return requirement.partition(".")[0]


def _is_document(request: Request) -> bool:
    return request.path == _DOCUMENT
