"""Generated cases of one operation, the same ones in every run with the same seed."""

from __future__ import annotations

import contextlib
import zlib
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core import NotSet
from schemathesis.generation.feedback import NO_FEEDBACK

from conformance.contract import Contract, Operation
from conformance.contract.media import is_json
from conformance.contract.schemas import Schema
from conformance.suite.fuzz.cases import Case, Cases
from conformance.suite.fuzz.parts import ABSENT
from conformance.suite.fuzz.provider import BACKEND
from conformance.suite.fuzz.spread import AnyCase, covering

_WITHOUT_A_BODY = 4
"""Cases of an operation that takes parameters only: most are aimed, and come out the same then."""

_OF_A_QUERY = 4
"""Cases of a query, whose filters other chapters go through criterion by criterion, and put together."""

_COVERING = {GenerationMode.POSITIVE: (24, 100), GenerationMode.NEGATIVE: (6, 36)}
"""Coverage cases of an operation by mode: how many are sent at most, of how many."""

_COVERING_QUERIES = {GenerationMode.POSITIVE: (4, 8), GenerationMode.NEGATIVE: (2, 4)}
"""The same of a query."""

_ANYWHERE = "http://localhost"

_NEGATIVE_SHARE = 4
"""One case that breaks the schema for so many that keep it: breaking one on purpose costs five times as much."""


class Generator:
    """Schemathesis over a contract. Header parameters are left out of what it sees.

    The one header of this API, `x-prefect-api-version`, stands on nearly every operation; a random value
    of it is refused before anything else is looked at.
    """

    def __init__(self, contract: Contract, random_seed: int) -> None:
        # Not that of a file which happens to lie where the run is started.
        self._schema = schemathesis.openapi.from_dict(_without_headers(contract.document), config=SchemathesisConfig())
        self._seed = random_seed
        self._queries = contract.queries

    def generate(self, operation: Operation, number: int) -> Cases:
        """All cases of an operation, as plain data: `covering`, and `cases` of that number."""
        covered, drawn = self.covering(operation), self.cases(operation, number)
        return Cases([_plain(*case) for case in covered], [_plain(*case) for case in drawn])

    def covering(self, operation: Operation) -> list[tuple[AnyCase, bool]]:
        """Cases that go through the parts of a request one by one, each with whether it keeps the schema.

        They are the same ones whatever the seed.
        """
        target = self._schema[operation.path][operation.method]
        bounds = _COVERING_QUERIES if operation.label in self._queries else _COVERING
        return [
            (case, mode is GenerationMode.POSITIVE)
            for mode, (most, examined) in bounds.items()
            for case in covering(target, mode, most, examined)
        ]

    def cases(self, operation: Operation, number: int) -> list[tuple[AnyCase, bool]]:
        """At most `number` cases that keep the schema, and a share that break it; each with whether it keeps it."""
        target = self._schema[operation.path][operation.method]
        if operation.body is None:
            number = min(number, _WITHOUT_A_BODY)
        breaking = max(1, number // _NEGATIVE_SHARE)
        if operation.label in self._queries:
            number = min(number, _OF_A_QUERY)
        found = [(case, True) for case in self._draw(target, GenerationMode.POSITIVE, number, operation.label)]
        if _can_be_broken(operation):
            broken = self._draw(target, GenerationMode.NEGATIVE, breaking, operation.label)
            found += [(case, False) for case in broken]
        return found

    def _draw(self, target: Any, mode: GenerationMode, number: int, label: str) -> list[AnyCase]:
        cases: list[AnyCase] = []

        @seed(zlib.crc32(f"{self._seed} {mode.value} {label}".encode()))
        @settings(
            max_examples=number,
            database=None,
            backend=BACKEND,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        # Without the feedback, which by default takes constants from whatever Python modules are loaded: the
        # same contract would be sent other values by another version of this suite.
        @given(target.as_strategy(generation_mode=mode, feedback=NO_FEEDBACK))
        def collect(case: AnyCase) -> None:
            cases.append(case)

        with contextlib.suppress(Unsatisfiable):  # no such case exists: what was drawn until then is all there is
            collect()
        return cases


def _plain(case: AnyCase, keeps_schema: bool) -> Case:
    parts = case.as_transport_kwargs(base_url=_ANYWHERE)
    body = ABSENT if isinstance(case.body, NotSet) else case.body
    media = parts["headers"].get("Content-Type")
    if not (body is ABSENT or isinstance(body, bytes) or is_json(case.media_type or "")):
        # A form, or whatever else a document may ask for: there is nothing in it to be aimed.
        parts.pop("cookies", None)
        encoded = requests.Request(**parts).prepare()
        body, media = encoded.body or b"", encoded.headers.get("content-type")
        body = body.encode() if isinstance(body, str) else body
    return Case(dict(case.path_parameters or {}), parts["params"] or {}, body, media, keeps_schema)


def _can_be_broken(operation: Operation) -> bool:
    """Whether a request can break the schema at all: any text is a legal string in a path."""
    return operation.body is not None or any(
        not any(_takes_any_text(option) for option in (parameter.schema, *parameter.schema.get("anyOf", ())))
        for parameter in operation.parameters
        if parameter.where in ("path", "query")
    )


def _takes_any_text(schema: Schema) -> bool:
    return schema.get("type") == "string" and not {"format", "pattern", "enum"} & schema.keys()


def _without_headers(document: dict[str, Any]) -> dict[str, Any]:
    paths = {
        path: {
            method: {**spec, "parameters": [p for p in spec.get("parameters", ()) if p.get("in") != "header"]}
            if isinstance(spec, dict)
            else spec
            for method, spec in item.items()
        }
        for path, item in document["paths"].items()
    }
    return {**document, "paths": paths}
