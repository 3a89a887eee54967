"""Waiver files: what is accepted, and the one line for each that is not."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from verdict_samples import CATALOGUE, MUST, OTHER

from conformance import catalogue
from conformance.errors import WaiverError
from conformance.settings import Dialect
from conformance.target.embedded.releases import supported
from conformance.verdicts import waivers

TODAY = date(2026, 6, 15)

GOOD = f"""
[[waiver]]
requirement = "{MUST}"
subject = "GET /flows/{{id}}"
reason = "Known since 2.0."
replay = "curl -sS http://localhost:4200/api/flows/1"
link = "https://example.org/issues/1"
expires = 2026-06-15

[[waiver]]
requirement = "{OTHER}"
subject = "GET /flows/{{id}}"
reason = "Known."
replay = '''
id=$(curl -sS http://localhost:4200/api/flows/)
curl -sS "http://localhost:4200/api/flows/$id"
'''
"""


def read(folder: Path, text: str, name: str = "accepted.toml") -> waivers.Waivers:
    path = folder / name
    path.write_text(text, "utf-8")
    return waivers.load([path], CATALOGUE, "3.9.1", TODAY)


def refused(folder: Path, text: str) -> str:
    with pytest.raises(WaiverError) as caught:
        read(folder, text)
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith(str(folder / "accepted.toml"))
    return said


def test_a_waiver_is_found_by_exactly_what_it_names(tmp_path: Path) -> None:
    accepted = read(tmp_path, GOOD)
    waiver = accepted.get(MUST, "GET /flows/{id}")
    assert waiver is not None
    assert (waiver.reason, waiver.expires) == ("Known since 2.0.", TODAY)
    assert accepted.file(waiver).endswith("accepted.toml")
    for requirement, subject in [(MUST, "GET /flows/"), (MUST, "get /flows/{id}"), (MUST, "*"), ("verbs.*", "GET /x")]:
        assert accepted.get(requirement, subject) is None
    assert [waiver.requirement for waiver in accepted] == [MUST, OTHER]
    assert len(accepted) == 2


def test_no_file_and_an_empty_file_waive_nothing(tmp_path: Path) -> None:
    assert len(waivers.load([], CATALOGUE, "3.9.1")) == 0
    assert len(read(tmp_path, "# nothing yet\n")) == 0


def test_the_last_day_counts_and_the_next_does_not(tmp_path: Path) -> None:
    path = tmp_path / "w.toml"
    path.write_text(GOOD, "utf-8")
    waivers.load([path], CATALOGUE, "3.9.1", date(2026, 6, 15))
    with pytest.raises(WaiverError, match=r"w\.toml: waiver 1 \(.* on GET /flows/\{id\}\): expired on 2026-06-15"):
        waivers.load([path], CATALOGUE, "3.9.1", date(2026, 6, 16))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('reason = "Known."\n', "", r"waiver 2 \(verbs.other on .*\): the field 'reason' is missing"),
        ('reason = "Known."', 'reason = "  "', r"waiver 2 .*: the field 'reason' is empty"),
        ('reason = "Known."', "reason = 3", r"waiver 2 .*: the field 'reason': input should be a valid string"),
        ('reason = "Known."', 'reason = "Known."\nreson = "x"', r"waiver 2 .*: unknown field 'reson'"),
        ('subject = "GET', 'subject = "\\n GET', r"waiver 1 .*"),
        (f'"{OTHER}"', '"verbs.othr"', r"waiver 2 \(verbs.othr on .*\): the catalogue has no requirement 'verbs.othr'"),
        ("curl -sS http://localhost:4200/api/flows/1", "just look", r"the field 'replay' holds no curl command"),
        ("https://example.org/issues/1", "issue 1", r"the field 'link' is no http\(s\) address"),
        ("2026-06-15", '"2026-06-15"', r"the field 'expires' is no date"),
        ("2026-06-15", "2026-06-31", r"is not TOML: .*line 8"),
        ("[[waiver]]\nrequirement", "[[waivers]]\nrequirement", r"unknown field 'waivers'"),
        ("[[waiver]]", "[[waiver]", r"is not TOML: .*line 2"),
        ('subject = "GET /flows/{id}"\nreason = "Known."', "", r"waiver 2 \(verbs.other\): the field 'subject'"),
        (
            'reason = "Known."',
            'reason = "Known."\nversions = ["3.9.1", "newest"]',
            r"'versions' holds what is no release",
        ),
        (f'"{OTHER}"', f'"{MUST}"', r"the waiver of verbs.must on 'GET /flows/\{id\}' stands twice"),
    ],
)
def test_a_file_in_error_is_refused_in_one_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    changed = GOOD.replace(old, new)
    assert changed != GOOD
    if old.startswith("subject") and new.startswith("subject"):
        # Blanks around a subject are the editor's, not the writer's.
        assert read(tmp_path, changed).get(MUST, "GET /flows/{id}") is not None
    else:
        assert re.search(said, refused(tmp_path, changed))


@pytest.mark.parametrize("text", ["waiver = 3", "waiver = [1]", "[waiver]\nreason = 'x'", "waiver = [[]]"])
def test_waiver_is_a_list_of_tables(tmp_path: Path, text: str) -> None:
    refused(tmp_path, text)


def test_twice_in_two_files_names_both(tmp_path: Path) -> None:
    paths = [tmp_path / "a.toml", tmp_path / "b.toml"]
    for path in paths:
        path.write_text(GOOD, "utf-8")
    with pytest.raises(WaiverError, match=r"b\.toml: the waiver of .* stands in .*a\.toml already"):
        waivers.load(paths, CATALOGUE, "3.9.1", TODAY)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(WaiverError, match=r"none\.toml: can't read the waiver file: No such file"):
        waivers.load([tmp_path / "none.toml"], CATALOGUE, "3.9.1")
    with pytest.raises(WaiverError, match="can't read the waiver file"):
        waivers.load([tmp_path], CATALOGUE, "3.9.1")
    (tmp_path / "latin.toml").write_bytes(b"# \xe4\n")
    with pytest.raises(WaiverError, match="not UTF-8"):
        waivers.load([tmp_path / "latin.toml"], CATALOGUE, "3.9.1")


SPLIT = f"""
[[waiver]]
requirement = "{MUST}"
subject = "GET /flows/{{id}}"
versions = ["2.0.0", "3.0.0"]
reason = "Old."
replay = "curl -sS http://localhost:4200/api/flows/1"

[[waiver]]
requirement = "{MUST}"
subject = "GET /flows/{{id}}"
versions = ["3.9.1"]
reason = "New."
replay = "curl -sS http://localhost:4200/api/flows/1"
"""


@pytest.mark.parametrize(
    ("version", "reasons"),
    [("2.0.0", ["Old."]), ("3.0.0", ["Old."]), ("3.9.1", ["New."]), ("3.9", []), ("unknown", [])],
)
def test_a_waiver_holds_for_the_versions_that_it_names(tmp_path: Path, version: str, reasons: list[str]) -> None:
    path = tmp_path / "w.toml"
    path.write_text(SPLIT, "utf-8")
    assert [waiver.reason for waiver in waivers.load([path], CATALOGUE, version)] == reasons


@pytest.mark.parametrize("versions", ['versions = ["3.0.0", "3.9.1"]', ""])
def test_two_waivers_of_the_same_must_not_share_a_version(tmp_path: Path, versions: str) -> None:
    assert "stands twice" in refused(tmp_path, SPLIT.replace('versions = ["3.9.1"]', versions))


TWO_DATABASES = SPLIT.replace('versions = ["2.0.0", "3.0.0"]', 'databases = ["sqlite"]').replace(
    'versions = ["3.9.1"]', 'databases = ["postgresql"]'
)


@pytest.mark.parametrize(
    ("database", "reason"),
    [(Dialect.SQLITE, "Old."), (Dialect.POSTGRESQL, "New."), (None, "Old. Or: New.")],
)
def test_a_waiver_holds_for_the_databases_that_it_names(tmp_path: Path, database: Dialect | None, reason: str) -> None:
    path = tmp_path / "w.toml"
    path.write_text(TWO_DATABASES, "utf-8")
    found = waivers.load([path], CATALOGUE, "3.9.1", database=database)
    assert [waiver.reason for waiver in found] == [reason]
    # Where nobody knows what the server is on, a check that passes proves nothing about the waiver.
    assert [found.demanded(waiver) for waiver in found] == [database is not None]


@pytest.mark.parametrize(
    ("findings", "accepted"), [(('["a"]', '["b"]'), ("a", "b")), (('["a"]', "[]"), ()), (("[]", "[]"), ())]
)
def test_what_either_accepts_is_accepted_where_nobody_knows(
    tmp_path: Path, findings: tuple[str, str], accepted: tuple[str, ...]
) -> None:
    path = tmp_path / "w.toml"
    first, second = findings
    text = TWO_DATABASES.replace('"Old."', f'"Old."\nfindings = {first}').replace(
        '"New."', f'"New."\nfindings = {second}'
    )
    path.write_text(text, "utf-8")
    (waiver,) = waivers.load([path], CATALOGUE, "3.9.1")
    assert waiver.findings == accepted


@pytest.mark.parametrize("databases", ['databases = ["postgresql", "sqlite"]', ""])
def test_two_waivers_of_the_same_must_not_share_a_database(tmp_path: Path, databases: str) -> None:
    assert "stands twice" in refused(tmp_path, TWO_DATABASES.replace('databases = ["postgresql"]', databases))


def test_a_waiver_of_a_database_that_there_is_not_is_refused(tmp_path: Path) -> None:
    said = refused(tmp_path, TWO_DATABASES.replace('"postgresql"', '"postgres"'))
    assert "the field 'databases' holds what is none of sqlite, postgresql" in said


def test_shipped_files_load_and_name_releases_that_are_tested() -> None:
    entries = waivers.read(waivers.shipped(), catalogue.load())
    assert entries
    for waiver, file in entries:
        assert Path(file).stem == waiver.requirement.partition(".")[0]
        assert waiver.versions
        assert set(waiver.versions) <= {release.version for release in supported()}
