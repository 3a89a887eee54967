"""The contract of one target: its document, read once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from conformance.contract import collections, document, frozen, grammar, operations
from conformance.contract.collections import Collection
from conformance.contract.document import Document
from conformance.contract.grammar import Query
from conformance.contract.operations import Operation
from conformance.contract.schemas import BodyValidator, Schema, as_components, resolve

Found = TypeVar("Found")


@dataclass(frozen=True)
class Reading:
    """How a document is to be read.

    `base` is the path of the API's base URL on the target (`/api`), `version` the release that the target says it
    is. `served`: the document is the target's own. `hidden`: operations that the target keeps from its users, or has
    switched off.
    """

    base: str = ""
    version: str = "unknown"
    served: bool = True
    hidden: frozenset[str] = frozenset()


class Contract:
    """What an OpenAPI document promises, as plain data.

    `stated_prefix` is what the document says of the base URL's path (`/api`, or empty); a document that is not the
    target's own says nothing of it.
    """

    def __init__(self, source: Document, reading: Reading = Reading()) -> None:
        source = document.below(source, reading.base)
        self.reading = reading
        self.stated_prefix = document.path_prefix(source) if reading.served else reading.base
        self.document = document.without_prefix(source)
        self.sha256 = document.digest(source)
        every = {o.label: o for o in operations.read(self.document)}
        self.operations: Mapping[str, Operation] = {
            label: operation for label, operation in every.items() if label not in reading.hidden
        }
        self._validators: dict[tuple[str, str, str], BodyValidator] = {}
        # By identity; each schema is kept with what it resolves to, so that no other one can come to have its id.
        self._resolved: dict[int, tuple[Schema, Schema]] = {}
        self._derived: dict[Callable[[Contract], Any], Any] = {}

    @classmethod
    def parse(cls, raw: bytes, reading: Reading = Reading()) -> Contract:
        """The contract in an OpenAPI document's bytes. Raises DocumentError."""
        return cls(document.parse(raw), reading)

    @cached_property
    def whole(self) -> Contract:
        """The same with what the target hides."""
        hidden = self.reading.hidden
        return Contract(self.document, replace(self.reading, hidden=frozenset())) if hidden else self

    @cached_property
    def frozen(self) -> Contract | None:
        """What the target's release promised, or the one before it that is known; None where nothing can be compared.

        Only a document of the target's own can be.
        """
        release = frozen.beside(self.reading.version) if self.reading.served else None
        return None if release is None else Contract.parse(frozen.path(release).read_bytes())

    @cached_property
    def names_null(self) -> bool:
        """Whether the document says anywhere that a null may stand: those up to 2.20 leave it out throughout."""
        return '"null"' in json.dumps(self.document)

    @cached_property
    def collections(self) -> Mapping[str, Collection]:
        """The collections by their paths, placeholders unnamed."""
        return collections.find(self.operations.values())

    @cached_property
    def queries(self) -> Mapping[str, Query]:
        """The operations that are asked with a filter, by label."""
        return {query.operation.label: query for query in grammar.queries(self.document, self.operations.values())}

    def resolve(self, schema: Schema) -> Schema:
        """The schema that `schema` refers to."""
        if not schema:
            return {}  # what stands for none is a new one each time: it would be kept each time
        if id(schema) not in self._resolved:
            self._resolved[id(schema)] = (schema, resolve(self.document, schema))
        return self._resolved[id(schema)][1]

    def derive(self, find: Callable[[Contract], Found]) -> Found:
        """What `find` makes of this contract, worked out once: a contract does not change."""
        if find not in self._derived:
            self._derived[find] = find(self)
        found: Found = self._derived[find]
        return found

    def body_properties(self, operation: str) -> Mapping[str, Schema]:
        """The properties of the JSON body of `operation`; none where the contract lacks it."""
        found = self.operations.get(operation)
        if found is None or found.body is None:
            return {}
        properties: Mapping[str, Schema] = self.resolve(found.body).get("properties", {})
        return properties

    def required(self, operation: str) -> frozenset[str]:
        """The properties that the JSON body of `operation` can't be without; none where the contract lacks it.

        The documents of 2.7 and 2.8 require nothing of any object that is created. What the new one always has of the
        body is taken for that.
        """
        found = self.operations.get(operation)
        if found is None or found.body is None:
            return frozenset()
        if stated := self.resolve(found.body).get("required"):
            return frozenset(stated)
        # Creating what may be there already is documented with 200, as queries are: its path is the collection's own.
        answer = found.answer(201) or (found.answer(200) if found.path.endswith("/") else None) or {}
        shown = self.resolve(answer.get("application/json", {})).get("required", ())
        return frozenset(self.body_properties(operation)) & frozenset(shown)

    def validator(self, operation: Operation, status: int, media: str) -> BodyValidator | None:
        """The compiled schema of an answer, None where the document has none for it."""
        answer = operation.answer(status)
        if answer is None or not (schema := answer.get(media)):
            return None
        key = (operation.label, str(status), media)
        if key not in self._validators:
            self._validators[key] = BodyValidator(self.document, schema, self._components)
        return self._validators[key]

    def operation_of(self, method: str, path: str) -> Operation | None:
        """The operation that serves `METHOD path`, `path` being relative to the base URL.

        Fixed segments win over placeholders: `/flow_runs/filter` is not `/flow_runs/{id}`.
        """
        for pattern, operation in self._routes.get(method, ()):
            if pattern.fullmatch(path):
                return operation
        return None

    @cached_property
    def _components(self) -> Schema:
        return as_components(self.document)

    @cached_property
    def _routes(self) -> Mapping[str, list[tuple[re.Pattern[str], Operation]]]:
        routes: dict[str, list[tuple[re.Pattern[str], Operation]]] = {}
        for operation in sorted(self.operations.values(), key=lambda o: (len(o.placeholders), -len(o.path))):
            routes.setdefault(operation.method, []).append((operation.matches(), operation))
        return routes
