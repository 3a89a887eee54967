"""The query grammar of every supported release, from its stored document: the suite has a meaning for all of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest

from conformance.contract import Contract, frozen
from conformance.contract.document import parse
from conformance.contract.excerpt import dump
from conformance.contract.excerpt import facts as excerpt
from conformance.suite.tables import cells, unknown
from conformance.target.embedded.releases import supported

RELEASES = [release.version for release in supported()]


def stored(version: str) -> bytes:
    return frozen.path(version).read_bytes()


@pytest.mark.parametrize("version", RELEASES)
def test_there_is_nothing_to_ask_that_the_suite_has_no_meaning_for(version: str) -> None:
    assert list(unknown(Contract.parse(stored(version)))) == []


@pytest.mark.parametrize("version", RELEASES)
def test_a_cell_has_one_name(version: str) -> None:
    document = parse(stored(version))
    assert len({cell.name for cell in cells(Contract(document))}) == len(list(cells(Contract(document)))) > 50


# What is told of a document: a collection that is not in the registry, an operator, a criterion and a related
# collection that nothing is known of.

NAME = {"properties": {"any_": {"type": "array", "items": {"type": "string"}}}}
FLOWS: dict[str, Any] = {"properties": {"operator": {"$ref": "#/components/schemas/Op"}, "name": NAME, "tags": NAME}}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "A title", "version": "1", "description": "Prose."},
    "servers": [{"url": "/api"}],
    "paths": {
        "/flows/filter": {
            "post": {
                "summary": "Prose",
                "tags": ["Flows"],
                "requestBody": {
                    "description": "Prose",
                    "content": {
                        "application/json": {
                            "schema": {
                                "title": "Body",
                                "properties": {
                                    "flows": {"$ref": "#/components/schemas/FlowFilter", "description": "Prose"},
                                    "limit": {"type": "integer", "default": 200},
                                    "sort": {"$ref": "#/components/schemas/Sort", "default": "NAME_DESC"},
                                },
                            }
                        }
                    },
                },
                "responses": {
                    "200": {
                        "description": "Prose",
                        "content": {
                            "application/json": {
                                "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Flow"}}
                            }
                        },
                    },
                    "422": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
                },
            }
        },
        "/flows/count": {
            "post": {
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {"properties": {"flows": {"$ref": "#/components/schemas/FlowFilter"}}}
                        }
                    }
                },
                "responses": {"200": {"content": {"application/json": {"schema": {"type": "integer"}}}}},
            }
        },
        "/flows/{id}": {"get": {"responses": {"200": {}}}},
    },
    "components": {
        "schemas": {
            "FlowFilter": FLOWS,
            "Op": {"enum": ["and_", "or_"], "title": "Operator", "description": "Prose"},
            "Sort": {"enum": ["NAME_ASC", "NAME_DESC"], "type": "string"},
            "Error": {"properties": {"detail": {}}},
            "Flow": {
                "description": "Prose",
                "properties": {
                    "name": {"type": "string", "title": "Name", "examples": ["Prose"]},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    # Names of fields that are words of JSON Schema's prose, too.
                    "description": {"type": "string"},
                    "title": {"$ref": "#/components/schemas/Title"},
                },
            },
            "Title": {"type": "string", "description": "Prose"},
        }
    },
}


def facts(contract: Contract) -> Mapping[str, Any]:
    return {
        label: (
            query.collection,
            query.verb,
            query.sorts,
            query.default_sort,
            query.properties,
            {
                name: (found.schema, found.combinable, {p: (dict(c.operators)) for p, c in found.criteria.items()})
                for name, found in query.filters.items()
            },
        )
        for label, query in contract.queries.items()
    }


def test_an_excerpt_has_the_same_queries_and_no_prose() -> None:
    small = excerpt(DOCUMENT)
    assert facts(Contract(small)) == facts(Contract(DOCUMENT))
    assert list(small["paths"]) == list(DOCUMENT["paths"])
    assert set(small["components"]["schemas"]["Flow"]["properties"]) == {"name", "tags", "description", "title"}
    assert "Prose" not in json.dumps(small)
    assert json.loads(dump(small)) == small
    assert dump(excerpt(small)) == dump(small)


def test_an_excerpt_keeps_the_prefix_of_the_paths_as_it_was() -> None:
    orion = {**DOCUMENT, "paths": {f"/api{path}": item for path, item in DOCUMENT["paths"].items()}}
    assert list(excerpt(orion)["paths"]) == list(orion["paths"])
    assert facts(Contract(excerpt(orion))) == facts(Contract(DOCUMENT))


def told(change: Mapping[str, Any], related: str = "") -> list[str]:
    document = copy.deepcopy(DOCUMENT)
    document["components"]["schemas"]["FlowFilter"]["properties"] |= change
    if related:
        content = document["paths"]["/flows/filter"]["post"]["requestBody"]["content"]["application/json"]
        content["schema"]["properties"][related] = {"$ref": "#/components/schemas/FlowFilter"}
    return list(unknown(Contract(document)))


def test_what_has_a_meaning_is_not_told() -> None:
    assert told({}) == []
    assert told({}, "flow_runs") == []


def test_an_operator_without_a_meaning_is_told() -> None:
    assert told({"name": {"properties": {"sounds_like_": {"type": "string"}}}}) == ["flows.name.sounds_like_"]


def test_a_criterion_that_nothing_can_be_read_for_is_told() -> None:
    assert told({"colour": NAME}) == ["flows.colour.any_"]
    assert told({"colour": {**NAME, "deprecated": True}}) == []
    # A field of the row, and one that the resource knows how to read without the document's help.
    assert told({"description": NAME, "deployment": {"properties": {"is_null_": {"type": "boolean"}}}}) == []


def test_a_related_collection_without_a_meaning_is_told() -> None:
    assert told({}, "balloons") == ["flows by balloons"]


def test_a_collection_without_a_meaning_is_told() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["paths"]["/balloons/filter"] = document["paths"]["/flows/filter"]
    assert list(unknown(Contract(document))) == ["POST /balloons/filter"]
