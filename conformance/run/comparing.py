"""Which other requirements catch a fault that one of them has to catch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

import httpx

from conformance.faults import Exchanged, Fault, Tape, touched
from conformance.faults.bends import where_it_can
from conformance.run.plan import Key, together
from conformance.run.proof import Laboratory, Others, Trial
from conformance.suite.check import declaration, functions
from conformance.verdicts.model import Verdict
from conformance.verdicts.page import placing

_DOCUMENT: Final = "/openapi.json"

_LOOKED_AT: Final = 10
"""Objects of each collection that are looked for after a fault, about."""


@dataclass(frozen=True)
class _Heard:
    """Checks that judge the same requests, before the honest server.

    Which of them pass, and the ids of the faults that would have bent an exchange.
    """

    passed: frozenset[Key]
    touched: frozenset[str]


@dataclass(frozen=True)
class Hearing:
    """What was listened to once, and holds for every laboratory. `faults` are those that are compared."""

    faults: Sequence[Fault]
    heard: dict[Key, _Heard] = field(default_factory=dict)


class Comparison:
    """The neighbours of faults, in one laboratory.

    Each check is listened to once, before the honest server, and shown only those faults that would have bent
    something of what it sent or got: the others it can't tell from the honest server, and most are of that kind.
    """

    def __init__(self, lab: Laboratory, hearing: Hearing) -> None:
        self._lab = lab
        self._hearing = hearing
        self._faults = {fault.id: elsewhere(fault) for fault in hearing.faults}
        self._broken = False

    def compare(self, fault: Fault) -> Others:
        """All other requirements that have to do with what the fault touches, before and behind it.

        Each is judged once: on the fault's subject, or else on the first of its own about the same resource. Those
        that the honest server itself fails there can't tell, and are left out, as are those for which that server
        has nothing. What is caught is judged a second time without the fault: a server that an earlier one has left
        in disorder would be taken for the fault.
        """
        passing = [key for key in self._near(fault) if key in self._listen(key).passed]
        moved = [key for key in passing if fault.id in self._listen(key).touched]
        unmoved = [key for key in passing if fault.id not in self._listen(key).touched]
        with self._lab.faulty(self._faults[fault.id]) as judge:
            found = [(key, judge(*key)) for key in moved]
        trials = [Trial(*key, Verdict.PASSED, judged.verdict, judged.summary) for key, judged in found]
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

    def _listen(self, key: Key) -> _Heard:
        group = together(key)
        if group not in self._hearing.heard:
            self._hearing.heard[group] = self._overhear(self._members[group])
        return self._hearing.heard[group]

    def _overhear(self, members: Sequence[Key]) -> _Heard:
        tape = Tape()
        with self._lab.faulty(tape) as judge:
            passed = frozenset(key for key in members if judge(*key).verdict is Verdict.PASSED)
        said = [exchange for exchange in tape.exchanges if not _is_document(exchange)]
        ids = {fault.id for fault in touched(self._faults.values(), said)}
        return _Heard(passed, frozenset(ids if len(said) == len(tape.exchanges) else ids | self._of_the_document))

    @cached_property
    def _of_the_document(self) -> set[str]:
        """The faults of the document: it is large, and the same for all checks that read it."""
        tape = Tape()
        with self._lab.proxy.bent(tape):
            httpx.get(self._lab.proxy.url + _DOCUMENT)
        return {fault.id for fault in touched(self._faults.values(), tape.exchanges)}

    @cached_property
    def _members(self) -> Mapping[Key, Sequence[Key]]:
        """The checks that have to be listened to together."""
        members: dict[Key, list[Key]] = {}
        for requirement in functions():
            for name in self._names(requirement):
                members.setdefault(together((requirement, name)), []).append((requirement, name))
        return members

    def _near(self, fault: Fault) -> Iterator[Key]:
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


def elsewhere(fault: Fault) -> Fault:
    """The fault before requests that it was not made for: what it can't read, it leaves alone."""
    return replace(fault, bend=where_it_can(fault.bend))


def _is_document(exchange: Exchanged) -> bool:
    return exchange.request.path == _DOCUMENT
