"""The pytest plugin: glue between pytest's life cycle and a run. It is idle in every session that is not one."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conformance.plugin import options

if TYPE_CHECKING:
    from conformance.run import Shared

SUITE = Path(__file__).resolve().parent.parent / "suite"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The flags of a run."""
    options.add(parser.getgroup("prefect-conformance", "conformance of a Prefect REST API"))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register what a run needs, in the process that it is for."""
    if _is_worker(config):
        if shared := config.workerinput.get("conformance"):  # type: ignore[attr-defined]
            from conformance.run import Shared

            told = Shared.model_validate_json(shared)
            _report_to(config, told.settings.reports)
            config.pluginmanager.register(_worker(config, told), "conformance-bench")
    elif _is_asked_for(config):
        from conformance.plugin.controller import Controller

        settings = options.settings(config)
        if not config.option.collectonly:
            _report_to(config, settings.reports)
        config.pluginmanager.register(Controller(config, settings), "conformance-controller")


def _report_to(config: pytest.Config, reports: Path) -> None:
    """Have allure-pytest write its results where the run takes them from; it also empties the place, once it begins."""
    from conformance.run.folder import unfinished_results

    config.option.allure_report_dir = str(unfinished_results(reports).absolute())
    config.option.clean_alluredir = False


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Without a run there is nothing to parametrise the suite with: `pytest .` in a checkout leaves it out."""
    idle = not config.pluginmanager.has_plugin("conformance-controller") and not _is_worker(config)
    return True if idle and collection_path.is_relative_to(SUITE) else None


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _worker(config: pytest.Config, shared: Shared) -> object:
    from conformance.plugin.bench import Bench
    from conformance.run import Workbench

    worker: str = config.workerinput["workerid"]  # type: ignore[attr-defined]
    return Bench(Workbench(shared, worker))


def _is_asked_for(config: pytest.Config) -> bool:
    if options.names_a_target(config):
        return True
    package = SUITE.parent
    for argument in config.args:
        path = Path(argument.partition("::")[0])
        with contextlib.suppress(OSError):
            if path.resolve().is_relative_to(package):
                return True
    return config.option.pyargs and any(a.partition(".")[0] == package.name for a in config.args)
