"""A generated case as plain data is sent as Schemathesis itself would send it, and is kept from run to run."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from conformance.cache_folder import CACHE_VARIABLE
from conformance.contract import Contract, Operation, frozen
from conformance.suite.fuzz import keeping
from conformance.suite.fuzz.campaign import is_careless
from conformance.suite.fuzz.cases import Case
from conformance.suite.fuzz.generation import Generator
from conformance.suite.fuzz.keeping import Keeping
from conformance.suite.fuzz.parts import ABSENT

URL = "http://127.0.0.1:4200/api"

TEXT = {"type": "string"}
FIELDS = {
    "type": "object",
    "properties": {"name": TEXT, "n": {"type": "number"}, "at": {"anyOf": [TEXT, {"type": "null"}]}},
    "required": ["name"],
}
ID = {"name": "id", "in": "path", "required": True, "schema": TEXT}
TAGS = {"name": "tags", "in": "query", "schema": {"type": "array", "items": TEXT}}


def taking(*medias: str) -> dict[str, Any]:
    body = {"content": {media: {"schema": FIELDS} for media in medias}, "required": True}
    return {"requestBody": body, "responses": {}}


DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "t", "version": "1"},
    "paths": {
        "/a/{id}": {
            "get": {"parameters": [ID, TAGS], "responses": {}},
            "patch": {"parameters": [ID], **taking("application/json")},
        },
        "/forms": {"post": taking("application/x-www-form-urlencoded")},
        "/charsets": {"post": taking("application/json; charset=utf-8")},
        "/problems": {"post": taking("application/problem+json")},
        "/texts": {"post": taking("text/plain")},
        "/both": {"post": taking("application/json", "application/x-www-form-urlencoded")},
    },
}
CONTRACT = Contract(DOCUMENT)
PATCH = CONTRACT.operations["PATCH /a/{id}"]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))


def kept() -> list[Path]:
    return list((Path(os.environ[CACHE_VARIABLE]) / "cases").glob("*/*.json"))


@pytest.mark.parametrize("operation", CONTRACT.operations.values(), ids=lambda operation: operation.label)
def test_it_is_sent_as_schemathesis_would(operation: Operation) -> None:
    generator = Generator(CONTRACT, 1)
    cases = generator.generate(operation, 8)
    original = generator.covering(operation) + generator.cases(operation, 8)
    plain = [Case.load(json.loads(json.dumps(case.dump()))) for case in (*cases.covering, *cases.drawn)]
    assert len(plain) == len(original) > 5
    carried = 0
    for case, (whole, keeps_schema) in zip(plain, original, strict=True):
        assert case.keeps_schema is keeps_schema
        if (request := case.request(operation, URL)) is None:
            continue
        carried += 1
        sent = requests.Request(**{**whole.as_transport_kwargs(base_url=URL), "cookies": None}).prepare()
        content = sent.body.encode() if isinstance(sent.body, str) else sent.body or b""
        assert (request[0], request[2]) == (sent.method, content)
        assert request[3].get("content-type") == sent.headers.get("content-type")
        assert requests.Request("GET", request[1]).prepare().url == sent.url
    assert carried > 5


@pytest.mark.parametrize("path", ["/charsets", "/problems", "/forms"])
def test_what_is_written_as_json_can_be_aimed(path: str) -> None:
    cases = Generator(CONTRACT, 1).generate(CONTRACT.operations[f"POST {path}"], 8).drawn
    assert any(isinstance(case.body, dict) for case in cases) is (path != "/forms")


def test_a_body_that_a_case_is_given_is_said_to_be_json() -> None:
    """As the fuzz gives one to a bulk delete: unlabelled, it is not read, and all that is found is deleted."""
    bodies: tuple[Any, ...] = ({"a": 1}, [], None)
    for body in bodies:
        request = replace(Case({"id": "x"}), body=body).request(PATCH, URL)
        assert request is not None
        assert request[3] == {"content-type": "application/json"}
    request = Case({"id": "x"}).request(PATCH, URL)
    assert request is not None
    assert (request[2], request[3]) == (b"", {})


@pytest.mark.parametrize("body", [ABSENT, None, b"\x00\xff", {"a": [1.5, "\ud800"]}, ""])
def test_a_case_is_the_same_when_it_has_been_written_down(body: object) -> None:
    case = Case({"id": "a b"}, {"tags": ["x", "y"]}, body, "application/json", keeps_schema=False)
    assert Case.load(json.loads(json.dumps(case.dump()))) == case


def test_what_http_can_not_carry_is_no_request() -> None:
    assert Case({"id": "x"}, body={"n": float("nan")}).request(PATCH, URL) is None


def test_a_file_of_schemathesis_decides_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = Generator(CONTRACT, 1).generate(PATCH, 8)
    (tmp_path / "schemathesis.toml").write_text('[generation]\ncodec = "ascii"\nmaximize = []\nmode = "positive"\n')
    monkeypatch.chdir(tmp_path)
    assert Generator(CONTRACT, 1).generate(PATCH, 8) == whole


def test_the_second_run_generates_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Keeping(CONTRACT, 1, 4).of(PATCH)
    assert len(kept()) == 1
    monkeypatch.setattr(Generator, "generate", None)
    assert Keeping(Contract(DOCUMENT), 1, 4).of(PATCH) == first


def test_another_seed_number_or_document_has_its_own() -> None:
    turned = {**DOCUMENT, "paths": dict(reversed(DOCUMENT["paths"].items()))}  # type: ignore[attr-defined]
    for keeper in (Keeping(CONTRACT, 1, 4), Keeping(CONTRACT, 2, 4), Keeping(CONTRACT, 1, 5)):
        keeper.of(PATCH)
    Keeping(Contract(turned), 1, 4).of(PATCH)
    assert len({place.parent for place in kept()}) == 4


@pytest.mark.parametrize(
    "torn", ['{"covering": [', '{"covering": [], "drawn": [{}]}', '{"covering": ["x"], "drawn": []}', "[]"]
)
def test_a_file_that_is_torn_is_written_anew(torn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Keeping(CONTRACT, 1, 4).of(PATCH)
    [place] = kept()
    place.write_text(torn)
    assert Keeping(CONTRACT, 1, 4).of(PATCH) == whole
    monkeypatch.setattr(Generator, "generate", None)
    assert Keeping(CONTRACT, 1, 4).of(PATCH) == whole


def test_without_a_place_to_keep_them_they_are_generated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = Keeping(CONTRACT, 1, 4).of(PATCH)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    assert Keeping(CONTRACT, 1, 4).of(PATCH) == whole


def test_those_that_were_last_asked_for_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_MOST", 2)
    for number, seed in enumerate((1, 2, 1, 3)):
        Keeping(CONTRACT, seed, 4).of(PATCH)
        folders = {place.parent for place in kept()}
        for folder in folders:
            os.utime(folder, (folder.stat().st_mtime - 10,) * 2)
        assert len(folders) == (1, 2, 2, 2)[number]
    monkeypatch.setattr(Generator, "generate", None)
    for seed in (1, 3):
        Keeping(CONTRACT, seed, 4).of(PATCH)


def test_what_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_LARGEST", 10)
    Keeping(CONTRACT, 1, 4).of(PATCH)
    assert kept() == []


def test_a_bulk_delete_that_would_not_be_read_is_not_sent() -> None:
    operation = Contract.parse(frozen.path("3.9.1").read_bytes()).operations["POST /flow_runs/bulk_delete"]
    text, written = {"content-type": "text/plain"}, {"content-type": "application/json; charset=utf-8"}
    assert is_careless(operation, ("POST", URL, b"{}", {}))
    assert is_careless(operation, ("POST", URL, b"{}", text))
    assert is_careless(operation, ("POST", URL, b"", written))
    assert not is_careless(operation, ("POST", URL, b"{}", written))
    assert not is_careless(PATCH, ("PATCH", URL, b"{}", text))
