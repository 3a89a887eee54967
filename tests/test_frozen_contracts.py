"""Contracts that are kept: what they are compared with, what stands in for a target's own, and what is hidden."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gateway import PREFIX
from test_access import SECRET, Answer, Asked, prefect, web

from conformance.contract import Contract, Reading, comparison, frozen
from conformance.errors import TargetError
from conformance.suite import test_contract
from conformance.suite.check import ABSENT, declaration
from conformance.target import Access, added, contracts, discover
from conformance.target.embedded.releases import supported

NEWEST = frozen.path("3.9.1").read_bytes()


def test_every_supported_release_has_one() -> None:
    assert list(frozen.versions()) == [release.version for release in supported()]


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("3.9.1", "3.9.1"),
        ("3.2.7", "3.0.0"),
        ("3.10.0", "3.9.1"),
        ("2.5.0", "2.0.0"),
        ("2.20.27", "2.20.27"),
        ("1.4.0", None),
        ("4.0.0", None),
        ("unknown", None),
        ("", None),
    ],
)
def test_a_target_is_compared_with_its_release_or_the_one_before(version: str, release: str | None) -> None:
    assert frozen.beside(version) == release


def test_a_release_has_lost_nothing_of_itself_and_what_it_lost_of_another_is_told() -> None:
    old, new = (Contract.parse(frozen.path(version).read_bytes()) for version in ("3.4.25", "3.6.29"))
    assert "POST /admin/database/clear" in comparison.operations(old, new)
    assert "answer 200.results[].parameters" in comparison.fields(old, new, "POST /task_runs/paginate")
    assert comparison.operators(old, new, "POST /flow_runs/filter") == []
    assert added(Contract.parse(NEWEST, Reading(version="3.9.1"))) == ()
    more = json.loads(NEWEST)
    more["paths"]["/balloons/"] = {"get": {"responses": {}}}
    more["components"]["schemas"]["FlowSort"]["enum"].append("COLOUR_ASC")
    more["components"]["schemas"]["Flow"]["properties"]["colour"] = {"type": "string"}
    found = added(Contract(more, Reading(version="3.9.1")))
    assert "operation GET /balloons/" in found
    assert "POST /flows/filter: sort: COLOUR_ASC" in found
    assert "GET /flows/{id}: answer 200.colour" in found
    assert added(Contract(more)) == ()


@pytest.mark.parametrize("reading", [Reading(version="unknown"), Reading(version="3.9.1", served=False)])
def test_without_a_document_of_its_own_or_a_version_nothing_is_compared(reading: Reading) -> None:
    declared = declaration(test_contract.test_no_operation_is_lost)
    assert declared is not None
    assert declared.names(Contract.parse(NEWEST, reading)) == [ABSENT]


def test_a_document_with_accounts_in_its_paths_is_read_from_the_workspace_on() -> None:
    plain = json.loads(NEWEST)
    front = "/api/accounts/{account_id}/workspaces/{workspace_id}"
    names: list[dict[str, object]] = [
        {"name": n, "in": "path", "required": True, "schema": {}} for n in ("account_id", "workspace_id")
    ]
    paths = {
        front + path: {m: {**o, "parameters": [*o.get("parameters", ()), *names]} for m, o in item.items()}
        for path, item in plain["paths"].items()
    }
    wide = {**plain, "paths": {**paths, "/api/me/": {"get": {"responses": {}}}}}
    found = Contract(wide, Reading(base=PREFIX))
    assert found.stated_prefix == PREFIX
    assert list(found.operations) == list(Contract(plain).operations)
    assert found.operations["GET /flows/{id}"].parameters == Contract(plain).operations["GET /flows/{id}"].parameters


# What stands in for a target's own


def cloud(asked: Asked) -> Answer:
    """No document, no administration."""
    return (403 if "admin" in asked[1] else 404, {}, b"{}") if not asked[1].endswith("/filter") else (200, {}, b"[]")


def test_a_target_without_a_document_is_judged_by_the_contract_that_is_named() -> None:
    with web(cloud) as (url, _):
        with pytest.raises(TargetError, match="--contract prefect==VERSION"):
            discover(url, Access())
        found = discover(url, Access(), "prefect==3.9.1")
        assert (found.version, found.contract.reading.served) == ("unknown", False)
        assert "GET /admin/settings" not in found.contract.operations
        assert "PUT /admin/storage" not in found.contract.operations
        assert "GET /admin/settings" in found.contract.whole.operations
        assert "10 administrative operations" in found.notes[0]


def switched_off(asked: Asked) -> Answer:
    """A Prefect 2.20 without events, as far as it tells."""
    _, path, _ = asked
    if path.endswith("/openapi.json"):
        return 200, {}, frozen.path("2.20.27").read_bytes()
    if path == "/api/admin/version":
        return 200, {}, b'"2.20.27"'
    if path.startswith(("/api/automations/", "/api/events")):
        return 404, {}, b'{"detail":"Events are not enabled. Please enable the PREFECT_EXPERIMENTAL_EVENTS setting."}'
    return prefect(asked)


def test_what_a_setting_has_switched_off_is_not_asked_for() -> None:
    with web(switched_off) as (url, _):
        found = discover(url, Access())
    off = found.contract.whole.operations.keys() - found.contract.operations.keys()
    assert {"POST /automations/", "GET /automations/related-to/{resource_id}", "POST /events/filter"} <= off
    assert {label.split("/")[1] for label in off} == {"automations", "events"}
    (note,) = found.notes
    assert note.endswith(
        f"has {len(off)} operations that are not applicable: PREFECT_EXPERIMENTAL_EVENTS is not set there"
    )


def test_of_two_contracts_that_disagree_the_one_named_counts_and_a_line_says_so() -> None:
    with web(prefect) as (url, _):
        other = discover(url, Access(), "prefect==3.0.0")
        assert len(other.notes) >= 1
        assert "serves another contract than --contract prefect==3.0.0" in other.notes[0]
        assert other.contract.operations.keys() <= Contract.parse(frozen.path("3.0.0").read_bytes()).operations.keys()
        same = discover(url, Access(), "prefect==3.9.1")
        assert same.notes == ()
        assert same.contract.reading.served


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("prefect==3.2.7", "3.0.0, 3.4.25"),
        ("prefect==nonsense", "3.9.1"),
        ("none.json", "none.json: No such file"),
        ("", "give prefect==VERSION"),
        ("page.html", "no OpenAPI document: it is not JSON"),
        ("http://127.0.0.1:9/openapi.json", "nothing answers at http://127.0.0.1:9"),
        ("http://me:hunter2@host/openapi.json", "process list"),
    ],
)
def test_a_contract_that_is_none(spec: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.html").write_text("<html>")
    with pytest.raises(TargetError) as caught:
        contracts.load(spec, "http://host/api", Access())
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_credentials_are_sent_for_a_contract_only_to_the_target() -> None:
    access = Access(headers={"Authorization": f"Bearer {SECRET}"}, secrets=(SECRET,))
    with web(prefect) as (url, seen):
        assert contracts.load(f"{url}/openapi.json", "http://target.example/api", access) == NEWEST
        assert "authorization" not in seen[-1][2]
        assert contracts.load(f"{url}/openapi.json", url, access) == NEWEST
        assert seen[-1][2]["authorization"] == f"Bearer {SECRET}"
        with pytest.raises(TargetError, match="answers 404"):
            contracts.load(f"{url}/nothing", url, access)
