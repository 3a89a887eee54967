"""What README.md and the pages beside it say of the code: options, codes, tables, numbers, links, files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import documents
import pytest
import typer
import yaml
from documents import ROOT, WRITTEN, Command

from conformance import catalogue
from conformance.catalogue import Profile
from conformance.cli import app, shared_options
from conformance.contract import frozen
from conformance.contract.surface import LEVELS, Criterion, face, paths
from conformance.errors import ExitCode, WaiverError
from conformance.faults import Fault, sorting
from conformance.run import certification_set, workbench
from conformance.settings import DEFAULT_FUZZ_EXAMPLES
from conformance.suite import bodies
from conformance.target import client
from conformance.target.embedded import newest, postgres
from conformance.target.embedded.releases import supported
from conformance.verdicts import allure, waivers

pytestmark = pytest.mark.skipif(
    not (ROOT / "action.yml").is_file(), reason="not a checkout: a source distribution has no CI files"
)

README, OPTIONS, REPORTS = ROOT / "README.md", ROOT / "docs" / "options.md", ROOT / "docs" / "reports.md"
NEWEST = newest().version


def prose(path: Path) -> str:
    return " ".join(path.read_text("utf-8").split())


def parameters(name: str) -> list[Any]:
    """The options of a command."""
    group: Any = typer.main.get_command(app)
    return [each for each in group.commands[name].params if each.param_type_name == "option" and each.name != "help"]


# Tables


def test_the_options_are_those_of_run() -> None:
    rows = {option: row for row in documents.table(OPTIONS, "option")[1:] for option in documents.codes(row[0])}
    told = {option.split()[0]: option for option in rows}
    real = {each.opts[0]: each for each in parameters("run")}
    assert set(told) == set(real)
    assert len(told) == len(rows)
    for name, option in told.items():
        # A switch takes nothing, and everything else says what.
        assert (" " in option) != real[name].is_flag, option


def test_the_defaults_are_those_of_run() -> None:
    rows = {documents.codes(row[0])[0].split()[0]: row[1] for row in documents.table(OPTIONS, "option")[1:]}
    real = {each.opts[0]: each.default for each in parameters("run")}
    has_default = {name for name, default in real.items() if default not in (None, False)}
    assert has_default == {"--fuzz-examples", "--seed", "--reports"}
    told = next(row[1] for row in documents.table(OPTIONS, "option") if "--fuzz-examples" in row[0])
    assert f"({DEFAULT_FUZZ_EXAMPLES})" in told
    assert real["--seed"] != "random"
    assert "fixed by default" in rows["--seed"]
    assert f"(`{real['--reports']}/`)" in rows["--reports"]
    versions = ", ".join(release.version for release in supported())
    assert f"{versions} (the default)" in rows["--server"]
    assert supported()[-1].version == NEWEST
    assert shared_options._MOST_WORKERS == 4
    assert "one a core, four at most" in rows["--workers"]


def test_the_exit_codes() -> None:
    found = {int(code): text for code, text in documents.table(README, "code")[1:]}
    assert set(found) == {code.value for code in ExitCode}
    words = {
        ExitCode.CONFORMANT: "*conformant*",
        ExitCode.NON_CONFORMANT: "*non-conformant*",
        ExitCode.USAGE: "usage",
        ExitCode.INCOMPLETE: "*incomplete*",
    }
    for code, word in words.items():
        assert found[code].startswith(word), code


def test_the_supported_servers() -> None:
    head, *rows = documents.table(README, "server")
    assert head == ["server", *(profile.value for profile in Profile), "operations", "result", "seconds"]
    assert [row[0] for row in rows] == [f"prefect {release.version}" for release in supported()]
    for row in rows:
        version = row[0].removeprefix("prefect ")
        cells = dict(zip(head, row, strict=True))
        answered, there = map(int, cells["operations"].split(" of "))
        assert answered <= there == len(certification_set.contract(version).operations), version
        # Supported means that a whole run is conformant: no cell has a failed check, or one that could not run.
        assert cells["result"] == "conformant"
        assert all(re.fullmatch(r"\d+( \d+w)?", cells[profile.value]) for profile in Profile), row
        assert cells["seconds"].isdigit()


def test_the_coverage_of_the_api() -> None:
    contract = certification_set.contract(NEWEST)
    counts = dict.fromkeys(Criterion, 0)
    counts[Criterion.PATHS] = len(paths(contract))
    for label in contract.operations:
        for item in face(contract, label).items:
            counts[item.criterion] += 1
    head, *rows = documents.table(REPORTS, "level")
    assert head[2] == f"of Prefect {NEWEST}"
    told = {
        name: (int(level), int(number.replace(",", "")))
        for level, names, numbers in rows
        for name, number in zip(documents.codes(names), re.split(r", ", numbers), strict=True)
    }
    assert told == {
        criterion.value: (level, counts[criterion]) for level, criteria in LEVELS.items() for criterion in criteria
    }


# Numbers in the text


def test_the_numbers() -> None:
    pages = (README, ROOT / "docs" / "targets.md", ROOT / "CONTRIBUTING.md")
    readme, targets, contributing = map(prose, pages)
    assert f"checks {len(catalogue.load())} requirements" in readme
    assert f"provisions Prefect {NEWEST}" in readme
    node = ".".join(map(str, allure._OLDEST_NODE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f"Python {project['requires-python'].removeprefix('>=')} or newer and Node {node} or newer" in readme
    assert f"is asked again within {client.BUDGET:.0f} s" in targets
    assert f"is waited for {workbench._MAY_COME_BACK:.0f} s" in targets
    package, _, version = postgres.PACKAGE.partition("==")
    assert f"starts a PostgreSQL {version.split('.')[0]} for the run" in targets
    assert f"`{package}`" in targets
    assert f"{bodies.NUMBER} generated bodies a collection" in contributing


# Files, links, examples


@pytest.mark.parametrize("path", [*WRITTEN, ROOT / "docs" / "requirements" / "README.md"], ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    found = list(documents.links(path))
    assert found
    for link in found:
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.is_file(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in documents.anchors(target), link


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_every_file_that_is_named_is_there(path: Path) -> None:
    named = re.compile(r"(?:conformance|docs|examples|fixtures|tests|\.github)/[\w*./-]+")
    codes = [name for text in re.findall(r"`([^`\n]+)`", path.read_text("utf-8")) if (name := named.fullmatch(text))]
    for name in codes:
        assert list(ROOT.glob(name[0])), name[0]


def test_every_page_of_the_docs_is_reached_from_the_readme() -> None:
    reached = {(ROOT / link.partition("#")[0]).resolve() for link in documents.links(README)}
    assert {path for path in WRITTEN if path != README} <= reached


def test_every_block_has_a_language_that_these_tests_know() -> None:
    assert set().union(*map(documents.languages, WRITTEN)) == {"console", "yaml", "toml", "python"}


def test_the_workflow_can_be_called_so() -> None:
    [text] = documents.blocks(README, "yaml")
    [job] = yaml.safe_load(text)["jobs"].values()
    file = job["uses"].partition("@")[0].removeprefix("OWNER/REPOSITORY/")
    called = yaml.safe_load((ROOT / file).read_text("utf-8"))
    # YAML 1.1 reads `on` as true.
    inputs = called[True]["workflow_call"]["inputs"]
    assert set(job["with"]) <= set(inputs)
    kinds: dict[str, tuple[type, ...]] = {"string": (str,), "boolean": (bool,), "number": (int, float)}
    assert all(isinstance(value, kinds[inputs[name]["type"]]) for name, value in job["with"].items())
    # Whoever calls it grants what its jobs need, and no more.
    [needed] = [inner["permissions"] for inner in called["jobs"].values()]
    assert job["permissions"] == needed


def test_the_waiver_is_one(tmp_path: Path) -> None:
    [text] = documents.blocks(ROOT / "docs" / "waivers.md", "toml")
    file = tmp_path / "waivers.toml"
    file.write_text(text, "utf-8")
    [(waiver, _)] = waivers.read([file], catalogue.load())
    # The shipped one is of the same deviation.
    assert any(waiver.overlaps(other) for other, _ in waivers.read(waivers.shipped(), catalogue.load()))
    file.write_text(text.replace("reason", "raison"), "utf-8")
    with pytest.raises(WaiverError, match="the field 'reason' is missing"):
        waivers.read([file], catalogue.load())


def test_the_fault_is_one() -> None:
    [text] = documents.blocks(ROOT / "CONTRIBUTING.md", "python")
    made = eval(text, {"Fault": Fault, "instead_of": sorting.instead_of})
    [there] = [each for each in sorting.FAULTS if each.id == made.id]
    assert (made.requirement, made.subject, made.title) == (there.requirement, there.subject, there.title)


def test_the_parser_finds_what_is_there(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A page\n\n1. An item\n\n   ```console\n   $ one --a \\\n       'b c'\n   $ two\n   ```\n\n"
        "`prefect-conformance\nversion`, `prefect-conformance run …` and [a link](other.md#there)\n\n"
        "| x | y |\n|---|---|\n| `a\\|b` | 1 |\n"
    )
    assert [command.text for command in documents.commands(page)] == ["one --a 'b c'", "two"]
    assert list(documents.mentioned(page)) == [Command("prefect-conformance version", "page.md")]
    assert list(documents.links(page)) == ["other.md#there"]
    assert documents.anchors(page) == {"a-page"}
    assert documents.table(page, "x")[1] == ["`a|b`", "1"]
    page.write_text("```console\nno prompt\n```\n")
    with pytest.raises(AssertionError, match="no prompt"):
        list(documents.commands(page))
    assert frozen.path(NEWEST).is_file()
