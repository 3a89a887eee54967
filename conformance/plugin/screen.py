"""What `prefect-conformance run` shows in place of pytest's own reporter. Loaded by name (`-p`), never on its own."""

from __future__ import annotations

import pytest

from conformance.verdicts.console import stdout
from conformance.verdicts.ledger import Ledger
from conformance.verdicts.model import Judgement
from conformance.verdicts.progress import Progress


class Screen:
    """One live line on a terminal, sparse lines in a log."""

    def __init__(self) -> None:
        self.console = stdout()
        self._progress = Progress(self.console)
        self._progress.__enter__()
        self._done = 0

    def phase(self, text: str) -> None:
        """A step of the run begins."""
        self._progress.phase(text)

    def message(self, text: str) -> None:
        """Something to be remembered."""
        self._progress.message(text)

    def checked(self, judgement: Judgement, ledger: Ledger) -> None:
        """One more verdict."""
        self._done += 1
        requirement = ledger.catalogue[judgement.requirement]
        self._progress.chapter(ledger.catalogue.chapters[requirement.chapter])
        self._progress.checked(judgement, self._done, ledger.planned)

    def close(self) -> None:
        """The live line goes; what follows is printed plainly."""
        self._progress.close()


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Take the place of pytest's reporter, in the controlling process."""
    if hasattr(config, "workerinput"):
        return
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        config.pluginmanager.unregister(reporter)
    config.pluginmanager.register(Screen(), "conformance-screen")


def pytest_unconfigure(config: pytest.Config) -> None:
    """However the session ended, the terminal is left as it was."""
    screen = config.pluginmanager.get_plugin("conformance-screen")
    if isinstance(screen, Screen):
        screen.close()
