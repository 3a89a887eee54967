"""Checks in this process against the server of all mutants, each with a mutant in force or with none."""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import Self

from conformance import catalogue
from conformance.errors import TargetTrouble
from conformance.mutants.server import NONE, Marked, Mutable
from conformance.run import Shared, Workbench, plan, run_directly
from conformance.run.plan import Key
from conformance.suite.check import ABSENT, declaration, functions
from conformance.verdicts.ledger import apply
from conformance.verdicts.model import Judgement, Verdict

LEFT_OUT = frozenset({"routes", "contract", "client"})
"""Chapters that are not run: two judge the document, and the SDK of the third sends no header."""


class Judging:
    """A world that has been seeded, on which checks can be run one by one.

    A check that queries the world keeps what it knows of the questions, and asks them anew; for all others there is a
    workbench of the turn, so that what is done once for several checks is done once with each mutant.
    """

    def __init__(self, server: Mutable, shared: Shared) -> None:
        self.server = server
        self._access = Marked.model_validate(shared.access.model_dump())
        self._shared = shared.model_copy(update={"access": self._access})
        self._waivers = shared.waivers(catalogue.load())
        self._number = itertools.count()
        self._asking = Workbench(self._shared)
        self.contract = self._asking.contract
        self._doing = self._new()
        planned = plan.planned(self.contract, catalogue.load(), shared.settings)
        self.keys = [key for key in planned if key[0].partition(".")[0] not in LEFT_OUT]

    def _new(self) -> Workbench:
        return Workbench(self._shared, f"mutant-{next(self._number)}", contract=self.contract)

    def turn(self) -> None:
        """Everything is as it was after seeding. Starts the server anew where it does not answer."""
        self._doing.close()
        if self.server.is_well():
            self.server.restore()
        else:
            self.server.restart()
            self._shared = self._shared.model_copy(update={"url": self.server.url})
        if self._asking.client.lost is not None or self._asking.shared.url != self.server.url:
            self._asking.close()
            self._asking = Workbench(self._shared, contract=self.contract)
        self._asking.examiner.forget()
        self._doing = self._new()

    def judge(self, key: Key, mutant: str = NONE) -> Judgement:
        """What the check finds with the mutant in force; waivers are applied."""
        requirement, subject = key
        check = functions()[requirement]
        declared = declaration(check)
        assert declared is not None
        workbench = self._asking if declared.populated and subject != ABSENT else self._doing
        self._access.mark(mutant)
        try:
            found = run_directly(workbench, check, subject)
        finally:
            self._access.mark(None)
            with suppress(TargetTrouble):
                workbench.workshop.take_back_settings()
        return apply(found, self._waivers)

    def forget(self) -> None:
        """The next check asks its questions itself, whatever others have asked."""
        self._asking.examiner.forget()

    def close(self) -> None:
        """Close the connections."""
        self._asking.close()
        self._doing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def seen(before: Verdict, after: Verdict) -> bool:
    """Whether the two verdicts tell a mutant: a rule that held, or whose breach was accepted, is broken now."""
    return after is Verdict.FAILED and before is not Verdict.FAILED
