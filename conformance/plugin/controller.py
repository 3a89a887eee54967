"""In the controlling process: opens the run before collection, hears every verdict, and closes it with the reports."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.outcomes import Exit

from conformance.errors import ConformanceError, ExitCode
from conformance.run import Run, interrupts, reports
from conformance.settings import Settings
from conformance.verdicts.console import stdout
from conformance.verdicts.model import Check, Judgement, Verdict

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling
    from xdist.workermanage import WorkerController


_PARTING = 1.0
"""Seconds that the workers have to end once the target is lost: none has anything to tell any more."""


class Error(Exit):
    """Ends the session before it began. pytest prints it as `Error: …`, without a traceback."""


class Controller:
    """The plugin of the controlling process."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.config = config
        self.run = Run(settings, self._say)
        self.written: reports.Written | None = None
        self._planned = False
        self._stopped = False
        self._not_begun: ConformanceError | None = None

    # Session

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Find or start the target, and seed the world; a worker is told of both when it starts."""
        # From here on, for pytest has put a hook of its own there before; what is added last is undone first.
        hearing = ExitStack()
        hearing.enter_context(interrupts.insistent())
        self.config.add_cleanup(hearing.close)
        try:
            if not self.config.option.collectonly:
                self.run.claim()
            self.run.open(to_list=self.config.option.collectonly)
            if not self.config.option.collectonly:
                self.run.populate()
                if self.run.lost is not None:
                    self.run.ledger.interrupt(self.run.lost)
                    self.written = self.run.close()
                    raise Error(self.run.lost, returncode=ExitCode.INCOMPLETE)
        except Error:
            raise
        except ConformanceError as error:
            self.run.close(begun=False)
            raise Error(str(error), returncode=ExitCode.USAGE) from error
        except BaseException as error:
            # Ctrl-C, or a defect: pytest ends without telling anyone once more.
            self.run.ledger.interrupt("it was broken off before the first check")
            self.written = self.run.close()
            if isinstance(error, KeyboardInterrupt):
                raise Error("interrupted before the first check", returncode=ExitCode.INCOMPLETE) from error
            raise
        workbench = self.run.workbench
        if workbench is not None and not self._distributed:
            from conformance.plugin.bench import Bench  # which loads what the checks need

            self.config.pluginmanager.register(Bench(workbench), "conformance-bench")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """The servers of the run have been coming up while the checks were collected: from here on they are needed."""
        if not self.config.option.collectonly:
            try:
                self.run.wait()
            except ConformanceError as error:
                self._not_begun = error
                return True  # no check is run; what pytest is told here, it tells nobody
        return None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Reports, clean-up, and the exit code that the verdicts come to."""
        if self._not_begun is not None:
            self.run.close(begun=False)
            raise Error(str(self._not_begun), returncode=ExitCode.USAGE) from self._not_begun
        if self.config.option.collectonly:
            self.run.close(begun=False)
            return
        self._plan()
        if exitstatus == pytest.ExitCode.INTERRUPTED and not self._stopped:
            self.run.ledger.interrupt("it was told to end, by Ctrl-C or SIGTERM")
        elif exitstatus == pytest.ExitCode.INTERNAL_ERROR:
            self.run.ledger.interrupt("pytest itself failed")
        try:
            self.written = self.run.close()
        except ConformanceError as error:
            # All has been judged, and there is no place to say so but here.
            raise Error(str(error), returncode=ExitCode.INCOMPLETE) from error
        session.exitstatus = int(self.run.ledger.exit_code())

    @property
    def _distributed(self) -> bool:
        return bool(getattr(self.config.option, "dist", "no") != "no")

    @property
    def _workers(self) -> Any:
        """The session of xdist, None where this process does the checks."""
        return self.config.pluginmanager.get_plugin("dsession")

    # Workers

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Tell a worker where the target is."""
        if self.run.workbench is not None:
            number = int(node.workerinput["workerid"].removeprefix("gw"))
            node.workerinput["conformance"] = self.run.shared(number).model_dump_json()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> LoadScopeScheduling:
        """What is fuzzed once is judged by several checks: they go to one worker."""
        from conformance.plugin.scheduling import SubjectScheduling

        return SubjectScheduling(config, log)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: WorkerController, error: object) -> None:
        """A worker that died takes its check with it; the ledger knows what is missing."""
        if error:
            self.run.ledger.error(f"worker {node.gateway.id} died: {error}")

    # Verdicts

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that can't be imported hides its checks."""
        if report.failed:
            self.run.ledger.error(f"{report.nodeid} can't be collected")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Enter a verdict, from this process or a worker."""
        found: dict[str, Any] | None = getattr(report, "conformance", None)
        if found is None:
            return
        self._plan()
        judgement = self.run.ledger.record(Judgement.model_validate(found["judgement"]))
        for operation, statuses in found["counts"].items():
            for status, number in statuses.items():
                self.run.ledger.count(operation, status, number)
        self.run.ledger.credit(judgement, found["counts"])
        self.run.ledger.cover(found["coverage"])
        self.run.ledger.see(found["seen"])
        if (screen := self._screen) is not None:
            screen.checked(judgement, self.run.ledger)
        if found["lost"] is not None and not self._stopped:
            # Each check that is left would only find it out anew.
            self.run.lose(found["lost"])
            self._end(found["lost"])
            if (workers := self._workers) is not None:
                # A check that is under way elsewhere may be at it for long, and xdist waits ten seconds for it.
                workers.nodemanager.EXIT_TIMEOUT = _PARTING
        if judgement.verdict is Verdict.FAILED and self.run.settings.fail_fast:
            self._stop(f"--fail-fast, after {judgement.requirement} on {judgement.subject}")

    def _plan(self) -> None:
        if self._planned or self.run.workbench is None or not (plan := self.run.workbench.shared.plan).exists():
            return
        self._planned = True
        checks = [Check.model_validate_json(line) for line in plan.read_text("utf-8").splitlines()]
        self.run.ledger.plan(checks)
        if len(checks) < len(self.run.planned):
            self.run.ledger.filtered = True  # pytest's own -k, -m or a path left some out

    def _stop(self, why: str) -> None:
        self.run.ledger.stop(why)
        self._end(why)

    def _end(self, why: str) -> None:
        self._stopped = True
        workers = self._workers
        session = workers if workers is not None else self.config.pluginmanager.get_plugin("session")
        if session is not None:
            session.shouldstop = why

    # Output

    @property
    def _screen(self) -> Any:
        return self.config.pluginmanager.get_plugin("conformance-screen")

    def _say(self, text: str) -> None:
        if (screen := self._screen) is not None:
            screen.phase(text)
        elif (reporter := self.config.pluginmanager.get_plugin("terminalreporter")) is not None:
            reporter.write_line(text)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """In plain pytest: the table, and where the reports lie."""
        if self.written is not None:
            terminalreporter.ensure_newline()
            reports.show(self.run, self.written, stdout())

    def pytest_unconfigure(self) -> None:
        """On our own screen: the same, once the live line is gone."""
        if (screen := self._screen) is not None and self.written is not None:
            screen.close()
            reports.show(self.run, self.written, screen.console)
