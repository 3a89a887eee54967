"""In the process that runs checks: parametrises them from the contract, and turns how each ended into its verdict."""

from __future__ import annotations

import contextlib
import inspect
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, Final

import pytest
from filelock import FileLock

from conformance import catalogue
from conformance.contract import Contract
from conformance.errors import TargetTrouble
from conformance.plugin import allure
from conformance.run import Workbench, judge
from conformance.run.plan import TOGETHER, planned
from conformance.suite.bodies import Questions
from conformance.suite.check import ABSENT, Declaration, declaration
from conformance.suite.examiner import Examiner
from conformance.suite.fuzz import Campaigns
from conformance.suite.fuzz.aim import CHANGES_THE_SERVER
from conformance.suite.fuzz.ordeal import Ordeals
from conformance.suite.guards import Guards
from conformance.suite.journeys import Journeys
from conformance.suite.outcome import CouldNotRun, NotApplicable, Violation
from conformance.suite.walks import Walks
from conformance.target import Client, Target
from conformance.verdicts.ledger import apply
from conformance.verdicts.model import Check, Judgement, Verdict
from conformance.verdicts.printable import printable
from conformance.world import World

_BY_SETTINGS: Final = frozenset({"client"})
"""The chapters that depend on what is set for the whole server: Prefect's client writes to the default storage."""

_DECLARED = pytest.StashKey[Declaration]()
_SUBJECT = pytest.StashKey[str]()
_STARTED = pytest.StashKey[float]()


class Bench:
    """The plugin of one process; its fixtures are what checks may ask for."""

    def __init__(self, workbench: Workbench) -> None:
        self.workbench = workbench
        self._catalogue = catalogue.load()
        self._waivers = workbench.shared.waivers(self._catalogue)
        allure.know_waivers()

    # Fixtures

    @pytest.fixture(scope="session", name="workbench")
    def _workbench(self) -> Workbench:
        return self.workbench

    @pytest.fixture(scope="session")
    def contract(self) -> Contract:
        """What the target's OpenAPI document promises."""
        return self.workbench.contract

    @pytest.fixture(scope="session")
    def target(self) -> Target:
        """The server under test."""
        return self.workbench.target

    @pytest.fixture(scope="session")
    def client(self) -> Client:
        """The HTTP client; paths are relative to the API's base URL."""
        return self.workbench.client

    @pytest.fixture
    def world(self) -> World:
        """The population, and fresh members of any collection."""
        return self.workbench.world

    @pytest.fixture
    def examiner(self) -> Examiner:
        """Asks the queries whose answers the oracle knows."""
        return self.workbench.examiner

    @pytest.fixture
    def questions(self) -> Questions:
        """Generated questions about each collection."""
        return self.workbench.questions

    @pytest.fixture(scope="session")
    def campaigns(self) -> Campaigns:
        """The fuzz of each operation, done once."""
        return self.workbench.campaigns

    @pytest.fixture(scope="session")
    def ordeals(self) -> Ordeals:
        """What hostile values do to each writing operation, tried once."""
        return self.workbench.ordeals

    @pytest.fixture(scope="session")
    def walks(self) -> Walks:
        """The walks over collections that hang on each other, taken once."""
        return self.workbench.walks

    @pytest.fixture(scope="session")
    def guards(self) -> Guards:
        """The servers that ask who is asking."""
        return self.workbench.guards

    @pytest.fixture(scope="session")
    def journeys(self) -> Journeys:
        """What Prefect's own SDK did on the target, once."""
        return self.workbench.journeys

    @pytest.fixture
    def subject(self, request: pytest.FixtureRequest) -> Any:
        """The check's subject, from its name in the item's id."""
        if request.param == ABSENT:
            raise NotApplicable("absent")
        return self.workbench.subject(request.node.stash[_DECLARED], request.param)

    # Collection

    @cached_property
    def _planned(self) -> Mapping[str, Sequence[str]]:
        """Requirement -> the subjects that it is checked on in this run."""
        found: dict[str, list[str]] = {}
        for requirement, subject in planned(self.workbench.contract, self._catalogue, self.workbench.settings):
            found.setdefault(requirement, []).append(subject)
        return found

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, obj: object) -> list[pytest.Item] | None:
        """No item for a check that is not asked for: thousands of them, for one that is, take a second."""
        declared = declaration(obj)
        return [] if declared is not None and declared.requirement not in self._planned else None

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One item a subject."""
        if (declared := declaration(metafunc.function)) is not None:
            names = self._planned[declared.requirement]
            if "subject" not in metafunc.fixturenames:
                raise pytest.UsageError(f"{metafunc.function.__name__} is a check, and takes no `subject`")
            metafunc.parametrize("subject", names, ids=names, indirect=True)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put the checks in the order of the catalogue."""
        order = {requirement: number for number, requirement in enumerate(self._catalogue)}
        for item in items:
            declared = declaration(getattr(item, "function", None))
            if declared is not None and isinstance(item, pytest.Function):
                item.stash[_DECLARED], item.stash[_SUBJECT] = declared, str(item.callspec.params["subject"])
                # A check's failure is told by its verdict: pytest's own rendering of the traceback, 14 ms each,
                # would be thrown away.
                item.repr_failure = _no_traceback  # type: ignore[method-assign]
        chapters = {chapter: number for number, chapter in enumerate(self._catalogue.chapters)}

        def place(item: pytest.Item) -> tuple[int, str, int]:
            declared = item.stash.get(_DECLARED, None)
            if declared is None:
                return (len(chapters), "", 0)
            chapter = declared.requirement.partition(".")[0]
            # What is fuzzed once is judged by several requirements: they follow each other, a subject at a time.
            by_subject = item.stash[_SUBJECT] if chapter in TOGETHER else ""
            return (chapters.get(chapter, len(chapters)), by_subject, order.get(declared.requirement, len(order)))

        items.sort(key=place)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Tell the controlling process what will be done. The first worker does: all collect the same."""
        checks = [
            Check(requirement=item.stash[_DECLARED].requirement, subject=item.stash[_SUBJECT], item=item.nodeid)
            for item in session.items
            if _DECLARED in item.stash
        ]
        lines = "".join(f"{check.model_dump_json()}\n" for check in checks)
        draft = self.workbench.shared.plan.with_suffix(f".{time.monotonic_ns()}")
        draft.write_text(lines, "utf-8")
        draft.rename(self.workbench.shared.plan)

    # One check

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Each check has the journal to itself, and what is set for the whole server too."""
        with self._turn(item), self.workbench.journal.check():
            item.stash[_STARTED] = time.perf_counter()
            return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Decide a check; what is none is called as pytest does."""
        if _DECLARED not in pyfuncitem.stash:
            return None
        asked = inspect.signature(pyfuncitem.obj).parameters
        self.workbench.decide(pyfuncitem.obj, **{name: pyfuncitem.funcargs[name] for name in asked})
        return True

    def _turn(self, item: pytest.Item) -> AbstractContextManager[object]:
        """Of the workers on one target, one at a time changes what is set for all of it, or depends on that."""
        if not self.workbench.shares_target or _DECLARED not in item.stash:
            return contextlib.nullcontext()
        chapter = item.stash[_DECLARED].requirement.partition(".")[0]
        if chapter not in _BY_SETTINGS and item.stash[_SUBJECT] not in CHANGES_THE_SERVER:
            return contextlib.nullcontext()
        return FileLock(self.workbench.shared.folder / "settings.lock")

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """What Allure shows of a check."""
        if _DECLARED in item.stash:
            requirement = self._catalogue[item.stash[_DECLARED].requirement]
            allure.label(requirement, self._catalogue.chapters[requirement.chapter])

    def pytest_runtest_teardown(self) -> None:
        """What a check has set for the whole server is not there for the next one. On a shared one nothing is set."""
        if self.workbench.settings.owns_target:
            # Of a target that does not take it, the next check tells.
            with contextlib.suppress(TargetTrouble):
                self.workbench.workshop.take_back_settings()

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """The verdict, and what pytest and Allure are to think of it."""
        report = yield
        if _DECLARED not in item.stash or call.when == "teardown" or (call.when == "setup" and not call.excinfo):
            return report
        requirement = self._catalogue[item.stash[_DECLARED].requirement]
        judgement = judge(
            requirement,
            item.stash[_SUBJECT],
            call.excinfo.value if call.excinfo else None,
            time.perf_counter() - item.stash[_STARTED],
            self.workbench.journal,
            self.workbench.redactor,
        )
        judgement = apply(judgement, self._waivers)
        allure.title(requirement, item.stash[_SUBJECT])
        allure.attach(self.workbench.journal, self.workbench.redactor)
        _reshape(report, call, judgement, item)
        report.conformance = {  # type: ignore[attr-defined]
            "judgement": judgement.model_dump(mode="json"),
            "counts": self.workbench.journal.take_counts(),
            "coverage": self.workbench.coverage.take(),
            "seen": self.workbench.sightings.take(),
            "lost": self.workbench.client.lost,
        }
        return report


def _no_traceback(excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
    return ""


def _reshape(report: pytest.TestReport, call: pytest.CallInfo[None], judgement: Judgement, item: pytest.Item) -> None:
    """Make pytest's outcome and exception say what the verdict says.

    The exception is replaced by one with the redacted text: other plugins print what they find there.
    """
    path, line, _ = item.location
    # pytest's own reporter prints it as it is.
    text = printable("\n".join(part for part in (judgement.summary, judgement.details) if part))
    match judgement.verdict:
        case Verdict.PASSED:
            return
        case Verdict.FAILED:
            report.outcome, report.longrepr = "failed", text
            ended: BaseException = Violation(text)
        case Verdict.WAIVED:
            report.outcome, report.longrepr = "skipped", text
            report.wasxfail = judgement.waiver or ""
            ended = Violation(text)
        case Verdict.NOT_APPLICABLE:
            report.outcome, report.longrepr = (
                "skipped",
                (path, line or 0, f"not applicable: {printable(judgement.summary)}"),
            )
            ended = NotApplicable(text)
        case Verdict.COULD_NOT_RUN:
            report.outcome, report.longrepr = "failed", f"could not run: {text}"
            ended = CouldNotRun(text)
    raised = call.excinfo.tb if call.excinfo else None
    call.excinfo = pytest.ExceptionInfo.from_exception(ended.with_traceback(raised))
