"""Whether each fault is caught: a real server behind the proxy, a fault put between, and checks judged by it."""

from __future__ import annotations

import inspect
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Self

from conformance.contract import Contract
from conformance.faults import Fault, Interposed, Proxy
from conformance.faults.security import CREDENTIALS
from conformance.run.direct import run_directly
from conformance.run.run import Run
from conformance.run.workbench import Workbench
from conformance.settings import Settings
from conformance.suite.check import ABSENT, declaration, functions
from conformance.target import Guarded, embedded
from conformance.verdicts.model import Judgement, Verdict

_PATIENCE: Final = 180
"""Seconds in which the server that asks for credentials has to come up."""

_FUZZ_EXAMPLES: Final = 3
"""Generated cases an operation: each fault of the fuzz shows in the first ones."""

_CREDENTIALS: Final = "PREFECT_CONFORMANCE_PROOF"
"""The environment variable by which the run on the guarded server is told its credentials."""

Judge = Callable[[str, str], Judgement]
"""What the check of a requirement finds on a subject."""


@dataclass(frozen=True)
class Trial:
    """One check before and behind a fault. `summary` is what it says with the fault in force."""

    requirement: str
    subject: str
    before: Verdict
    found: Verdict
    summary: str

    @property
    def caught(self) -> bool:
        """Whether the check tells the faulty server from the honest one."""
        return self.before is Verdict.PASSED and self.found is Verdict.FAILED

    @property
    def decided(self) -> bool:
        """Whether the check could tell: it passes without the fault, and comes to a verdict with it."""
        return self.before is Verdict.PASSED and self.found in (Verdict.PASSED, Verdict.FAILED)


@dataclass(frozen=True)
class Others:
    """What others than the requirement of a fault make of it.

    `unmoved`: requirements and subjects whose checks the fault can't reach, for it bends nothing that they send or get.
    """

    trials: tuple[Trial, ...] = ()
    unmoved: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Proof:
    """A fault by its id, the check that has to catch it, and the others; None where they were not asked."""

    fault: str
    own: Trial
    others: Others | None = None


class Laboratory:
    """A real server of the newest supported release behind the proxy, and a run that owns it, with its world.

    What needs a server that asks for credentials gets one of those, started when it is first asked for. Opening
    raises what `Run.open` raises, and RuntimeError where the world could not be seeded.
    """

    def __init__(self, progress: Callable[[str], None], reports: Path) -> None:
        self._progress = progress
        self._reports = reports
        self._stack = ExitStack()
        self._honest: dict[tuple[str, str], Judgement] = {}
        self._contracts: dict[bytes, Contract] = {}
        self._numbers = itertools.count()

    def __enter__(self) -> Self:
        try:
            server = embedded.start(embedded.newest(), self._progress)
            self._stack.callback(server.stop)
            self.url = server.url
            self.proxy = self._stack.enter_context(Proxy(server.url))
            self.workbench = self._open(
                Settings(url=self.proxy.url, exclusive=True, fuzz_examples=_FUZZ_EXAMPLES, reports=self._reports)
            )
            if (trouble := self.workbench.world.population.trouble) is not None:
                raise RuntimeError(f"the world could not be seeded: {trouble}")
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def place(self, requirement: str) -> tuple[Workbench, Proxy]:
        """Where a requirement is judged: on the server that asks for credentials, where its check needs one."""
        guarded = "guards" in inspect.signature(functions()[requirement]).parameters
        return self._guarded if guarded else (self.workbench, self.proxy)

    def honest(self, requirement: str, subject: str) -> Judgement:
        """What the check finds with no fault in force; asked once."""
        key = (requirement, subject)
        if key not in self._honest:
            workbench, _ = self.place(requirement)
            workbench.examiner.forget()
            self._honest[key] = run_directly(workbench, functions()[requirement], subject)
        return self._honest[key]

    @contextmanager
    def faulty(self, fault: Interposed) -> Iterator[Judge]:
        """What checks find with a fault in force, as long as it is.

        What does more than query the world gets a workbench of its own: the document is read anew, and shared
        members and campaigns are made anew, once for all checks that are asked.
        """
        with ExitStack() as stack:
            forgetful: set[int] = set()
            fresh: dict[int, Workbench] = {}

            def judge(requirement: str, subject: str) -> Judgement:
                workbench, proxy = self.place(requirement)
                check = functions()[requirement]
                declared = declaration(check)
                assert declared is not None
                if proxy.fault is not fault:
                    stack.enter_context(proxy.bent(fault))
                if declared.populated and subject in declared.names(workbench.contract):
                    if id(workbench) not in forgetful:
                        forgetful.add(id(workbench))
                        workbench.examiner.forget()
                    return run_directly(workbench, check, subject)
                if id(workbench) not in fresh:
                    fresh[id(workbench)] = self._anew(workbench)
                    stack.callback(fresh[id(workbench)].close)
                if subject not in (ABSENT, *declared.names(fresh[id(workbench)].contract)):
                    gone = "the document that is served has no such subject"
                    return Judgement(
                        requirement=requirement, subject=subject, verdict=Verdict.NOT_APPLICABLE, summary=gone
                    )
                return run_directly(fresh[id(workbench)], check, subject)

            yield judge

    def prove(self, fault: Fault) -> Trial:
        """The requirement of a fault, on its subject, before and behind it."""
        subject = fault.subject if fault.honest is None else fault.honest
        if fault.mend is None:
            before = self.honest(fault.requirement, subject)
        else:
            with self.faulty(fault.mend) as judge:
                before = judge(fault.requirement, subject)
        with self.faulty(fault) as judge:
            found = judge(fault.requirement, fault.subject)
        return Trial(fault.requirement, fault.subject, before.verdict, found.verdict, found.summary)

    @cached_property
    def _guarded(self) -> tuple[Workbench, Proxy]:
        server = embedded.spawn_guarded(embedded.newest(), CREDENTIALS, self._progress)
        self._stack.callback(server.stop)
        Guarded(url=server.url, credentials=CREDENTIALS, basic_auth=True).wait(_PATIENCE)
        proxy = self._stack.enter_context(Proxy(server.url))
        os.environ[_CREDENTIALS] = CREDENTIALS
        self._stack.callback(os.environ.pop, _CREDENTIALS, None)
        return self._open(Settings(url=proxy.url, auth_env=_CREDENTIALS, exclusive=True, reports=self._reports)), proxy

    def _open(self, settings: Settings) -> Workbench:
        run = Run(settings, self._progress).open()
        workbench = run.workbench
        assert workbench is not None
        # Not `run.close`, which would sweep: the server is thrown away.
        self._stack.callback(shutil.rmtree, workbench.shared.folder)
        self._stack.callback(workbench.close)
        if settings.auth_env is None:
            run.populate()
        return workbench

    def _anew(self, workbench: Workbench) -> Workbench:
        document = workbench.client.request("GET", "/openapi.json").content
        if document not in self._contracts:
            self._contracts[document] = Contract.parse(document, workbench.shared.reading)
        return Workbench(workbench.shared, f"fault-{next(self._numbers)}", contract=self._contracts[document])
