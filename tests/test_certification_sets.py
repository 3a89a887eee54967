"""Certification sets: frozen, made of what the catalogue has, and of what the suite plans on the frozen contracts."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance import catalogue
from conformance.catalogue import Level, Profile, sets
from conformance.contract import frozen
from conformance.errors import ConformanceError
from conformance.run import certification_set
from conformance.suite.check import ABSENT
from conformance.verdicts import waivers

PUBLISHED = {
    "prefect-2.0.0/1": "df81cc42be736d64e6c9ab558f6fe917d0c646ef04c63e947c93730a50490e74",
    "prefect-2.7.12/1": "e5014a0eb18d7b062c39ed52108e0d79aef5c89af9448cb0ca9963730d176979",
    "prefect-2.8.0/1": "c286963ed74d380c93b8959cd0e0ad83e47441be9d7c7b271f5b7dfaba462f35",
    "prefect-2.20.27/1": "e41c4e44bbc92134bd49b9ce3f799d71491f9e9879fb8144cbd3871ef7984728",
    "prefect-3.0.0/1": "74cd689a6411943a59af70b1826cbd9c6ffa3adce3fcd1a9c356f0946b11c195",
    "prefect-3.4.25/1": "e1ff44e53105a5476b4d263b0955c39eef83127e11d17403bd35d2125aa68ccf",
    "prefect-3.6.29/1": "abccb7f66b7902c37af3821ba1f0905d9650db4b9f6e1cd4cf0590a8aad69cd9",
    "prefect-3.9.1/1": "ecaaae182aea4f0130ea7a3b43d23988bfb0a1142755d8d1c4429181f4bf9a33",
}
"""The sets as they were published. A set that has to change is a new one, with the next number: add it here."""

DETERMINED = {"SQLite older than 3.44", "whether PREFECT_EXPERIMENTAL_ENABLE_WORK_POOLS is set"}
"""What a waiver may depend on and the same server always passes or fails alike."""

FOLDER = Path(sets.__file__).parent


def newest(release: str) -> sets.CertificationSet:
    return sets.load(sets.for_release(release))


@pytest.mark.parametrize("id_", PUBLISHED)
def test_what_is_published_never_changes(id_: str) -> None:
    assert sets.published()[id_] == PUBLISHED[id_]
    assert sets.digest((FOLDER / sets.file_name(id_)).read_bytes()) == PUBLISHED[id_]


def test_every_set_is_published_and_known_to_this_test() -> None:
    assert sets.published() == PUBLISHED
    assert {path.name for path in FOLDER.glob("prefect-*.toml")} == set(map(sets.file_name, PUBLISHED))


def test_every_frozen_contract_has_a_set() -> None:
    assert {str(sets.number(id_)[0]) for id_ in PUBLISHED} == set(frozen.versions())


@pytest.mark.parametrize("id_", PUBLISHED)
def test_a_set_says_what_it_is_and_names_no_check_twice(id_: str) -> None:
    found = sets.load(id_)
    assert found.id == id_
    assert found.generation == str(sets.number(id_)[0])
    assert len(found.checks) == sum(len(group.requirements) * len(group.subjects) for group in found.group)
    assert len(found.rules) == sum(len(group.requirements) for group in found.group)
    left_out = {sets.named(entry.requirement, subject) for entry in found.unscored for subject in entry.subjects}
    assert not left_out & found.checks.keys()


@pytest.mark.parametrize("id_", PUBLISHED)
def test_the_catalogue_has_lost_nothing_of_a_set(id_: str) -> None:
    found = sets.load(id_)
    assert set(found.rules) | {entry.requirement for entry in found.unscored} <= set(catalogue.load())


@pytest.mark.parametrize("release", frozen.versions())
def test_the_newest_set_has_the_rules_as_the_catalogue_has_them(release: str) -> None:
    # Another level, profile or condition changes what is certified: that is for a new set to say.
    known = catalogue.load()
    for rule in newest(release).rules.values():
        assert (rule.level, rule.profile) == (known[rule.id].level, known[rule.id].profile), rule.id
        assert set(rule.conditions) <= set(known[rule.id].conditions), rule.id


@pytest.mark.parametrize("id_", PUBLISHED)
def test_every_profile_is_scored_and_no_may(id_: str) -> None:
    found = sets.load(id_)
    assert {rule.profile for rule in found.checks.values()} == set(Profile)
    assert all(rule.level is not Level.MAY for rule in found.rules.values())
    assert all(not name.endswith(f" {ABSENT}") for name in found.checks)


@pytest.mark.parametrize("release", frozen.versions())
def test_the_newest_set_is_of_the_contract_that_is_frozen(release: str) -> None:
    assert newest(release).contract_sha256 == certification_set.contract(release).sha256


@pytest.mark.parametrize("release", ["2.0.0", "3.0.0"])
def test_a_run_plans_all_that_a_set_demands(release: str) -> None:
    planned_as_demanded(release)


@pytest.mark.wide
@pytest.mark.parametrize("release", frozen.versions())
def test_a_run_of_any_release_plans_all_that_its_set_demands(release: str) -> None:
    planned_as_demanded(release)


def planned_as_demanded(release: str) -> None:
    _, checks = certification_set.planned(release)
    planned = {sets.named(requirement, subject) for requirement, subjects in checks.items() for subject in subjects}
    found = newest(release)
    assert found.checks.keys() - planned == set()
    # A new check is in no old set: neither scored nor, so that it can be told from one, called unscored.
    left_out = {sets.named(entry.requirement, subject) for entry in found.unscored for subject in entry.subjects}
    assert left_out <= planned


def test_a_set_can_be_made_again() -> None:
    # What it was made from may have grown since: what is made now is a set, and has all that the frozen one has.
    again = sets.parse(certification_set.make("prefect-2.7.12/2").encode())
    assert again.id == "prefect-2.7.12/2"
    assert again.checks.keys() >= newest("2.7.12").checks.keys()


def test_what_varies_from_run_to_run_is_not_scored() -> None:
    accepted = waivers.read(waivers.shipped(), catalogue.load())
    varying = [waiver for waiver, _ in accepted if waiver.depends_on and waiver.depends_on not in DETERMINED]
    assert varying
    for waiver in varying:
        for release in waiver.versions or frozen.versions():
            name = sets.named(waiver.requirement, waiver.subject)
            assert name not in newest(release).checks, f"{name} on {release} depends on {waiver.depends_on}"


def test_the_newest_set_of_a_generation_is_found() -> None:
    assert sets.for_release("3.9.1") == "prefect-3.9.1/1"
    assert sets.for_release("3.9.7") == "prefect-3.9.1/1"
    assert sets.for_release("3.5.0") == "prefect-3.4.25/1"
    assert sets.for_release("2.99.0") == "prefect-2.20.27/1"


@pytest.mark.parametrize("version", ["1.4.1", "4.0.0", "unknown", ""])
def test_what_no_set_is_for_is_told(version: str) -> None:
    with pytest.raises(sets.UnknownSetError, match="certification set"):
        sets.for_release(version)


def test_a_later_number_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    known = dict.fromkeys(["prefect-3.9.1/2", "prefect-3.9.1/10", "prefect-3.9.1/1", "prefect-3.6.29/11"], "0" * 64)
    monkeypatch.setattr(sets, "published", lambda: known)
    assert sets.for_release("3.9.1") == "prefect-3.9.1/10"


@pytest.mark.parametrize("id_", ["prefect-3.9.1/99", "3.9.1", "../../etc/passwd", "prefect-3.9.1-1"])
def test_an_unknown_set_is_told(id_: str) -> None:
    with pytest.raises(sets.UnknownSetError, match="there is no certification set"):
        sets.load(id_)


def test_a_set_whose_bytes_changed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (FOLDER / sets.file_name("prefect-2.0.0/1")).read_bytes()
    monkeypatch.setattr(sets, "_read", lambda name: whole.replace(b'"MUST"', b'"SHOULD"', 1))
    with pytest.raises(ConformanceError, match="is not what was published"):
        sets.load.__wrapped__("prefect-2.0.0/1")


def test_what_is_no_set_is_told_on_one_line() -> None:
    for raw in (b"id = 1", b"id = ", b"\xff"):
        with pytest.raises(ConformanceError, match="not a certification set") as told:
            sets.parse(raw)
        assert "\n" not in str(told.value)


def test_conditions_of_the_way_to_the_target_excuse_nothing() -> None:
    found = newest("3.9.1")
    required = found.rules["security.credentials-required"]
    assert {"open", "unguarded", "shared-server"} <= set(required.conditions)
    assert found.excuses(required, "open")
    assert found.excuses(required, "hidden")
    assert not found.excuses(required, "unguarded")
    assert not found.excuses(required, "shared-server")
    assert not found.excuses(required, "read-only")
    assert not found.excuses(required, "volatile")  # a condition of other rules


def test_the_circumstances_are_conditions_of_the_catalogue() -> None:
    known = {key for requirement in catalogue.load().values() for key in requirement.conditions}
    assert set(certification_set.CIRCUMSTANCES) <= known
