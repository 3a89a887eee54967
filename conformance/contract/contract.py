"""The contract of one target: its document, read once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

from conformance.contract import collections, document, grammar, operations
from conformance.contract.collections import Collection
from conformance.contract.document import Document
from conformance.contract.grammar import Query
from conformance.contract.operations import Operation
from conformance.contract.schemas import BodyValidator, Schema, resolve


class Contract:
    """What an OpenAPI document promises, as plain data.

    `stated_prefix` is what the document says of the base URL's path (`/api`, or empty).
    """

    def __init__(self, source: Document) -> None:
        self.stated_prefix = document.path_prefix(source)
        self.document = document.without_prefix(source)
        self.sha256 = document.digest(source)
        self.operations: Mapping[str, Operation] = {o.label: o for o in operations.read(self.document)}
        self._validators: dict[tuple[str, str, str], BodyValidator] = {}

    @classmethod
    def parse(cls, raw: bytes) -> Contract:
        """The contract in an OpenAPI document's bytes. Raises DocumentError."""
        return cls(document.parse(raw))

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
        return resolve(self.document, schema)

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
            self._validators[key] = BodyValidator(self.document, schema)
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
    def _routes(self) -> Mapping[str, list[tuple[re.Pattern[str], Operation]]]:
        routes: dict[str, list[tuple[re.Pattern[str], Operation]]] = {}
        for operation in sorted(self.operations.values(), key=lambda o: (len(o.placeholders), -len(o.path))):
            routes.setdefault(operation.method, []).append((operation.matches(), operation))
        return routes
