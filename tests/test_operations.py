"""The operations ledger: every operation of every supported release is tested, or ineligible for a reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from test_resources import PaperShop

from conformance.catalogue import Operations, load_operations, operations
from conformance.contract import Contract, frozen
from conformance.contract.document import parse
from conformance.contract.excerpt import dump, facts
from conformance.errors import ConformanceError
from conformance.suite import accounts
from conformance.suite.accounts import unaccounted
from conformance.suite.calls import call
from conformance.target.embedded.releases import newest, supported
from conformance.world import World

RELEASES = [release.version for release in supported()]
LEDGER = load_operations()

NUMBERS = {"2.0.0": 91, "2.20.27": 170, "3.0.0": 178, "3.9.1": 188}
"""Release -> how many operations its document has; of the others, more than of the one before."""


def stored(version: str) -> bytes:
    return frozen.path(version).read_bytes()


def contract(version: str) -> Contract:
    return Contract(parse(stored(version)))


class Shop(PaperShop):
    """A paper workshop of one generation."""

    def __init__(self, known: Contract) -> None:
        super().__init__()
        self.known = known
        self.prefix = "paper"

    def has(self, operation: str) -> bool:
        return operation in self.known.operations

    def send(self, operation: str, body: Any = None, /, **filled: str) -> Any:
        if operation == "POST /events/filter" and "limit" in (body or {}):
            return {"next_page": "http://paper/events/filter/next?page-token=paper"}
        return super().send(operation, body, **filled)


@pytest.mark.parametrize("version", RELEASES)
def test_every_operation_is_accounted_for(version: str) -> None:
    known = contract(version)
    assert list(unaccounted(known, LEDGER, Shop(known))) == []
    assert len(known.operations) == NUMBERS.get(version, len(known.operations)) > 90


@pytest.mark.parametrize("version", RELEASES)
def test_every_operation_can_be_called_on_a_member(version: str) -> None:
    known = contract(version)
    shop = Shop(known)
    world = cast(World, SimpleNamespace(shared=shop.shared, victim=shop.shared, workshop=shop))
    for label, operation in known.operations.items():
        if label not in LEDGER.ineligible:
            made = call(operation, world)
            assert made.path.count("{") == 0, label
            assert set(made.params) == {p.name for p in operation.parameters if p.where == "query" and p.required}, (
                label
            )


@pytest.mark.parametrize("version", RELEASES)
def test_fewer_than_five_are_ineligible(version: str) -> None:
    assert len(LEDGER.ineligible.keys() & contract(version).operations.keys()) < 5


def test_the_ledger_names_nothing_that_no_release_has() -> None:
    known = {label for version in RELEASES for label in contract(version).operations}
    assert LEDGER.ineligible.keys() | set(LEDGER.standalone) <= known


@pytest.mark.parametrize("version", RELEASES)
def test_what_no_check_is_about_is_told_from_what_one_is(version: str) -> None:
    checks = accounts.tested(contract(version))
    assert "verbs.get-by-id" in checks["GET /flows/{id}"]
    assert not [
        requirement
        for found in checks.values()
        for requirement in found
        if requirement.startswith(("routes.", "contract."))
    ]


NOTHING = Operations.model_validate({"standalone": [], "ineligible": []})


def told(operation: str, ledger: Operations = NOTHING) -> list[str]:
    method, _, path = operation.partition(" ")
    names = [part.strip("{}") for part in path.split("/") if part.startswith("{")]
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    spec: Mapping[str, Any] = {"parameters": parameters}
    known = Contract({"openapi": "3.1.0", "paths": {path: {method.lower(): spec}}, "components": {"schemas": {}}})
    return list(unaccounted(known, ledger, Shop(known)))


def test_an_operation_that_is_news_is_told() -> None:
    assert told("POST /balloons/filter") == ["POST /balloons/filter is about no known collection"]
    assert told("GET /balloons/{id}") == ["GET /balloons/{id} is about no known collection"]
    assert told("GET /balloons") == ["GET /balloons is about no known collection"]
    # A collection that is known, and of which this contract can make no member.
    assert told("DELETE /flows/{id}") == ["DELETE /flows/{id} is about flows, of which no member can be made"]
    assert told("POST /flows/filter") == []


def test_an_operation_that_the_ledger_names_is_not_told() -> None:
    ledger = {
        "standalone": ["GET /balloons"],
        "ineligible": [{"operation": "POST /balloons/burst", "reason": "It is loud."}],
    }
    assert told("GET /balloons", Operations.model_validate(ledger)) == []
    assert told("POST /balloons/burst", Operations.model_validate(ledger)) == []


@pytest.mark.parametrize("version", RELEASES)
def test_a_stored_document_is_as_the_command_writes_it(version: str) -> None:
    assert dump(facts(parse(stored(version)))).encode() == stored(version)


@pytest.mark.server
def test_the_newest_release_still_serves_what_is_stored(server: Any) -> None:
    served = httpx.get(f"{server.url}/openapi.json", timeout=30).content
    assert dump(facts(parse(served))).encode() == stored(newest().version)


@pytest.mark.parametrize(
    "text",
    [
        'standalone = ["flows"]\nineligible = []\n',
        'standalone = []\n[[ineligible]]\noperation = "GET /x"\nreason = ""\n',
        'standalone = []\n[[ineligible]]\noperation = "GET /x"\n',
        'standalone = ["GET /x", "GET /x"]\nineligible = []\n',
        "standalone = [\n",
    ],
)
def test_a_malformed_ledger_is_fatal(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "operations.toml").write_text(text)
    monkeypatch.setattr(operations, "files", lambda _: tmp_path)
    with pytest.raises(ConformanceError, match=r"operations\.toml"):
        load_operations.__wrapped__()
