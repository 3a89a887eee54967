"""The operations of a document: method and path, parameters, bodies, answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from conformance.contract.document import METHODS, Document
from conformance.contract.media import media_type
from conformance.contract.schemas import Schema, resolve

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Parameter:
    """A parameter of an operation. `where` is one of path, query, header, cookie."""

    name: str
    where: str
    required: bool
    schema: Schema = field(hash=False)


@dataclass(frozen=True)
class Operation:
    """One operation. `path` is relative to the API's base URL: `/flows/{id}`.

    `answers`: documented status (`200`, `default`) -> media type -> schema.
    `body`: the schema of its JSON body, None where it takes none.
    """

    method: str
    path: str
    parameters: tuple[Parameter, ...] = field(hash=False)
    body: Schema | None = field(hash=False)
    body_required: bool
    body_documented: bool
    answers: Mapping[str, Mapping[str, Schema]] = field(hash=False)

    @property
    def label(self) -> str:
        """Its name everywhere: `POST /flows/filter`."""
        return f"{self.method} {self.path}"

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The names in its path, in order."""
        return tuple(_PLACEHOLDER.findall(self.path))

    @property
    def segments(self) -> tuple[str, ...]:
        """Its path's segments, placeholders with their braces."""
        return tuple(segment for segment in self.path.split("/") if segment)

    def fill(self, values: Mapping[str, str]) -> str:
        """The path with each placeholder replaced by its percent-encoded value."""
        return _PLACEHOLDER.sub(lambda match: quote(str(values[match[1]]), safe=""), self.path)

    def matches(self) -> re.Pattern[str]:
        """A pattern for the paths that this operation serves."""
        fixed = _PLACEHOLDER.split(self.path)[::2]
        return re.compile("[^/]+".join(map(re.escape, fixed)))

    def answer(self, status: int) -> Mapping[str, Schema] | None:
        """Media types and schemas documented for `status`, None where the status is not documented."""
        for key in (str(status), f"{status // 100}XX", "default"):
            if key in self.answers:
                return self.answers[key]
        return None


def read(document: Document) -> Iterator[Operation]:
    """Every operation of a document whose paths are relative to the base URL, in its order."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if isinstance(fragment := item.get(method), Mapping):
                yield _operation(document, method.upper(), path, item, fragment)


def _operation(
    document: Document, method: str, path: str, item: Mapping[str, Any], fragment: Mapping[str, Any]
) -> Operation:
    parameters = {}
    for raw in [*item.get("parameters", ()), *fragment.get("parameters", ())]:
        spec = resolve(document, raw)
        parameters[spec["name"], spec["in"]] = Parameter(
            spec["name"], spec["in"], bool(spec.get("required", False)), spec.get("schema", {})
        )
    body = resolve(document, fragment.get("requestBody", {}))
    answers = {
        str(status): {
            media: spec.get("schema", {}) for media, spec in resolve(document, answer).get("content", {}).items()
        }
        for status, answer in fragment.get("responses", {}).items()
    }
    return Operation(
        method=method,
        path=path,
        parameters=tuple(parameters.values()),
        body=_json_schema(body),
        body_required=bool(body.get("required", False)),
        body_documented="requestBody" in fragment,
        answers=answers,
    )


def _json_schema(body: Schema) -> Schema | None:
    for media, spec in body.get("content", {}).items():
        if media_type(media) == "application/json":
            schema: Schema = spec.get("schema", {})
            return schema
    return None
