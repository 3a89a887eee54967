"""The catalogue and the checks name each other."""

from pathlib import Path

import pytest
from conftest import cli

from conformance import catalogue, data
from conformance.errors import ConformanceError
from conformance.suite.check import declarations, selected
from conformance.suite.outcome import Violation

REQUIREMENTS = catalogue.load()


def test_every_check_names_a_requirement_of_the_catalogue() -> None:
    assert {declared.requirement for _, declared in declarations()} <= set(REQUIREMENTS)


def test_every_requirement_has_a_check() -> None:
    assert set(REQUIREMENTS) <= {declared.requirement for _, declared in declarations()}


def test_a_check_stands_in_the_module_of_its_chapter() -> None:
    modules = {"routes": "routes", "verbs": "verbs", "filter": "filtering", "paging": "paging", "sort": "sorting"}
    for module, declared in declarations():
        chapter = REQUIREMENTS[declared.requirement].chapter
        assert module == f"test_{modules.get(chapter, chapter)}", declared.requirement


@pytest.mark.parametrize("requirement", REQUIREMENTS.values(), ids=lambda r: r.id)
def test_texts_are_sentences(requirement: catalogue.Requirement) -> None:
    for text in (requirement.text, requirement.rationale, *requirement.conditions.values()):
        assert not text or text.endswith("."), text
    for text in (requirement.title, requirement.fault):
        assert text
        assert not text.endswith(".")
    contracts = ("REST Guidelines:", "OpenAPI", "RFC ", "JSON Schema ")
    # What only Prefect's documentation says of its own server, no other one has promised.
    known = contracts if requirement.level is catalogue.Level.MUST else (*contracts, "Prefect's documentation, ")
    assert requirement.source.startswith(known)


def test_the_command_lists_and_explains(tmp_path: Path) -> None:
    listed = cli("catalogue", cwd=tmp_path)
    assert listed.returncode == 0
    assert all(id_ in listed.stdout for id_ in REQUIREMENTS)
    explained = cli("catalogue", "filter.before-inclusive", cwd=tmp_path)
    assert explained.returncode == 0
    assert "less than or equal" in explained.stdout
    assert "--select filter.before-inclusive" in explained.stdout
    page = data.requirements() / "filter.before-inclusive.md"
    assert explained.stdout == page.read_text("utf-8")


@pytest.mark.parametrize(
    ("patterns", "asked"),
    [
        ((), True),
        (("filter.*",), True),
        (("*flow_runs*",), True),
        (("filter.any flow_runs.name.any_",), True),
        (("sort.*", "filter.any"), True),
        (("filter",), False),
        (("sort.*",), False),
    ],
)
def test_a_pattern_matches_the_requirement_the_subject_or_both(patterns: tuple[str, ...], asked: bool) -> None:
    assert selected("filter.any", "flow_runs.name.any_", patterns) is asked


def test_an_unknown_key_in_a_chapter_is_fatal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from conformance.catalogue import requirements

    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "10-routes.toml").write_text('title = "Routes"\nrequirment = []\n')
    monkeypatch.setattr(requirements, "files", lambda _: tmp_path)
    with pytest.raises(ConformanceError, match="10-routes.toml"):
        requirements.load.__wrapped__()


def test_a_violation_says_what_was_expected_and_observed() -> None:
    violation = Violation("wrong", expected={"a": 1}, observed="x" * 5000)
    assert violation.details.startswith('expected: {"a": 1}\nobserved: xxx')
    assert "(5000 characters)" in violation.details
