"""The generated questions: enough of them, all different, and the same ones each time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from conformance.run import Run, Workbench
from conformance.settings import Settings
from conformance.suite.bodies import NUMBER, Question, Questions, single_criteria, smallest
from conformance.suite.outcome import Violation
from conformance.suite.tables import Table, tables
from conformance.target import embedded


@pytest.fixture(scope="module")
def workbench(server: embedded.EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A run on a real server, with its world."""
    settings = Settings(url=server.url, exclusive=True, reports=tmp_path_factory.mktemp("reports"))
    run = Run(settings, print).open()
    run.populate()
    assert run.workbench is not None
    yield run.workbench
    run.workbench.close()
    shutil.rmtree(run.workbench.shared.folder)


@pytest.fixture(scope="module")
def every(workbench: Workbench) -> dict[str, Table]:
    """Every collection that the release lists."""
    return dict(tables(workbench.contract))


@pytest.mark.server
def test_there_are_enough_for_every_collection(workbench: Workbench, every: dict[str, Table]) -> None:
    counts = {name: len({q.text for q in workbench.questions.of(table)}) for name, table in every.items()}
    assert counts == dict.fromkeys(every, NUMBER)


@pytest.mark.server
@pytest.mark.parametrize("name", ["flow_runs", "events", "saved_searches"])
def test_they_are_the_same_each_time(name: str, workbench: Workbench, every: dict[str, Table]) -> None:
    again = Questions(workbench.examiner).of(every[name])
    assert [q.text for q in again] == [q.text for q in workbench.questions.of(every[name])]


@pytest.mark.server
def test_what_is_wrong_is_told_of_the_smallest(workbench: Workbench, every: dict[str, Table]) -> None:
    def judge(question: Question) -> None:
        if "name" in question.filters.get("flows", {}) and question.limit is not None:
            raise Violation(question.text)

    with pytest.raises(Violation) as told:
        smallest(every["flows"], workbench.examiner, judge)
    assert '"limit": 0' in told.value.summary
    assert "sort" not in told.value.summary
    assert "offset" not in told.value.summary
    assert "tags" not in told.value.summary


def test_a_filter_falls_into_its_criteria() -> None:
    node = {"operator": "or_", "state": {"type": {"any_": ["A"]}, "name": {"any_": ["B"]}}, "tags": {"all_": []}}
    assert list(single_criteria(node)) == [
        {"state": {"type": {"any_": ["A"]}}},
        {"state": {"name": {"any_": ["B"]}}},
        {"tags": {"all_": []}},
    ]
