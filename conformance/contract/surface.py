"""The surface of a contract: everything in it that a run can be seen to reach, by the criteria of the literature.

The criteria are those of A. Martin-Lopez, S. Segura and A. Ruiz-Cortés, "Test Coverage Criteria for RESTful Web APIs",
A-TEST 2019, https://doi.org/10.1145/3340433.3342822, which Restats (https://github.com/SeUniVr/restats) also measures
most of. Where the paper leaves something open for a contract such as this one, it is decided here:

- A *parameter* is one of the path, the query, a header or a cookie, or a field of the JSON body, at every depth. What
  stands below the filters of a query is not counted again: the grammar has it, operator by operator.
- *Parameter values* are those of enumerations and booleans, as in the paper; and for a string that has to have a format
  which can be checked (`date-time`, `uuid`), that a value of it was sent.
- *Content types* are counted once for the requests of an operation and once for its answers, those of all its statuses.
- *Status classes* are 2xx and 4xx, each where the contract documents a status of it for the operation.
- *Status codes* are those that are documented: `default` is none, and a range (`4XX`) is one.
- *Response properties* are the fields of every documented JSON answer, whatever its status, at every depth.

The tenth criterion, flows of operations, can't be read from a document without links, and is not measured.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from conformance.contract.contract import Contract
from conformance.contract.media import is_json, media_type
from conformance.contract.operations import Operation
from conformance.contract.places import Place, places
from conformance.contract.schemas import Schema, resolve


class Criterion(StrEnum):
    """What is counted, from the weakest to the strongest."""

    PATHS = "paths"
    OPERATIONS = "operations"
    REQUEST_TYPES = "request-content-types"
    RESPONSE_TYPES = "response-content-types"
    PARAMETERS = "parameters"
    STATUS_CLASSES = "status-classes"
    PARAMETER_VALUES = "parameter-values"
    STATUS_CODES = "status-codes"
    RESPONSE_PROPERTIES = "response-properties"


LEVELS: Final[Mapping[int, frozenset[Criterion]]] = {
    1: frozenset({Criterion.PATHS}),
    2: frozenset({Criterion.OPERATIONS}),
    3: frozenset({Criterion.REQUEST_TYPES, Criterion.RESPONSE_TYPES}),
    4: frozenset({Criterion.PARAMETERS, Criterion.STATUS_CLASSES}),
    5: frozenset({Criterion.PARAMETER_VALUES, Criterion.STATUS_CODES}),
    6: frozenset({Criterion.RESPONSE_PROPERTIES}),
}
"""The paper's test coverage levels: which criteria have to be met in full for each, on top of those
of the levels below.

Level 0 asks for nothing, and level 7, for flows of operations, is not measured.
"""

CLASSES: Final = ("2xx", "4xx")

_CODE: Final = re.compile(r"[1-5](?:[0-9]{2}|XX)")


@dataclass(frozen=True)
class Item:
    """One thing that can be reached. `name` is unique in its operation and criterion: `query limit`, `200 [].name`."""

    criterion: Criterion
    name: str


@dataclass
class Face:
    """What can be reached of one operation. An item's number is its place in `items`; the other fields lead to them.

    The same contract makes the same numbers in every process. `parameters`: by where they stand and their name;
    `answers`: the JSON bodies by documented status. Their places have the numbers of the items that stand there, and
    those of the values and formats of each.
    """

    operation: Operation
    items: list[Item] = field(default_factory=list)
    request_types: dict[str, int] = field(default_factory=dict)
    response_types: dict[str, int] = field(default_factory=dict)
    parameters: dict[tuple[str, str], Place] = field(default_factory=dict)
    body: Place | None = None
    classes: dict[str, int] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    answers: dict[str, Place] = field(default_factory=dict)

    def add(self, criterion: Criterion, name: str) -> int:
        """Enter an item; returns its number."""
        self.items.append(Item(criterion, name))
        return len(self.items) - 1


def face(contract: Contract, label: str) -> Face:
    """What can be reached of an operation of the contract. Raises KeyError where it has no such one.

    The first item is the operation itself; that of its path follows from it.
    """
    operation = contract.operations[label]
    found = Face(operation)
    found.add(Criterion.OPERATIONS, label)
    document = contract.document
    for media in _request_types(document, operation):
        found.request_types[media] = found.add(Criterion.REQUEST_TYPES, media)
    for media in dict.fromkeys(media_type(media) for answer in operation.answers.values() for media in answer):
        found.response_types[media] = found.add(Criterion.RESPONSE_TYPES, media)
    for parameter in operation.parameters:
        place = places(document, parameter.schema)
        found.parameters[parameter.where, _folded(parameter.where, parameter.name)] = place
        _enter_input(found, place, f"{parameter.where} {parameter.name}", fields=False)
    if operation.body is not None:
        query = contract.queries.get(label)
        leaves = frozenset(query.filters) if query is not None else frozenset()
        found.body = places(document, operation.body, leaves=leaves)
        _enter_input(found, found.body, "body", fields=True)
    _enter_answers(found, document)
    return found


def paths(contract: Contract) -> Mapping[str, tuple[str, ...]]:
    """The paths of the contract, each with the labels of its operations."""
    found: dict[str, tuple[str, ...]] = {}
    for label, operation in contract.operations.items():
        found[operation.path] = (*found.get(operation.path, ()), label)
    return found


def _folded(where: str, name: str) -> str:
    """The name of a parameter as it is looked up: that of a header has no case (RFC 9110, 5.1)."""
    return name.lower() if where == "header" else name


def _request_types(document: Schema, operation: Operation) -> list[str]:
    """The media types that the operation takes a body in: the operation itself has kept the one in JSON only."""
    spec = document["paths"][operation.path][operation.method.lower()]
    content = resolve(document, spec.get("requestBody", {})).get("content", {})
    return list(dict.fromkeys(map(media_type, content if isinstance(content, Mapping) else ())))


def _enter_input(found: Face, top: Place, what: str, *, fields: bool) -> None:
    """Enter a parameter, the fields of it where it is a body, and the values of all of them."""
    for at, place in top.walk():
        name = f"{what}{'' if at.startswith('[') else ' '}{at}".strip()
        # An item of a list and a value of a map have no name of their own.
        if not at or (fields and not at.endswith(("[]", "*"))):
            place.number = found.add(Criterion.PARAMETERS, name)
        values = [f"{name}: {_shown(value)}" for value in place.values]
        formats = [f"{name}: a {kind}" for kind in place.formats]
        place.numbers = tuple(found.add(Criterion.PARAMETER_VALUES, text) for text in (*values, *formats))


def _enter_answers(found: Face, document: Schema) -> None:
    """Enter the statuses that are documented, and the fields of their JSON bodies."""
    for status, answer in found.operation.answers.items():
        if _CODE.fullmatch(status):
            if (kind := f"{status[0]}xx") in CLASSES and kind not in found.classes:
                found.classes[kind] = found.add(Criterion.STATUS_CLASSES, kind)
            found.codes[status] = found.add(Criterion.STATUS_CODES, status)
        schema = next((schema for media, schema in answer.items() if is_json(media)), None)
        if schema is not None:
            found.answers[status] = places(document, schema)
            for at, place in found.answers[status].walk():
                if at and not at.endswith(("[]", "*")):
                    place.number = found.add(Criterion.RESPONSE_PROPERTIES, f"{status} {at}")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
