"""What of an OpenAPI document the suite's own tests need, so that a release's can be kept in the repository.

    python -m conformance.contract.excerpt openapi.json > fixtures/contracts/prefect-3.9.1.queries.json
    python -m conformance.contract.excerpt --operations openapi.json > fixtures/contracts/prefect-3.9.1.operations.json

reads a document as a server serves it (`/api/openapi.json`; releases before 3.0 have it at `/openapi.json`).
What comes out is a document too, without prose. The first has the operations that are asked with a filter, the
schemas of their bodies and of the rows that they list. The second has all operations, with what their paths and
queries take, and whether they take a body.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from conformance.contract import document as documents
from conformance.contract.contract import Contract
from conformance.contract.document import Document

_PROSE: Final = frozenset({"title", "description", "summary", "example", "examples"})
_NAMED: Final = frozenset({"properties", "schemas"})
"""Keywords whose keys are names that the document gives: a field may be called `description`."""
_VALUES: Final = frozenset({"default", "enum", "const", "required"})
"""Keywords that hold values and no schemas."""


def excerpt(document: Document) -> Document:
    """The same queries as in `document`, and nothing that they do not need."""
    paths = {}
    for label in Contract(document).queries:
        path = documents.inside_paths(document) + label.partition(" ")[2]
        operation = document["paths"][path]["post"]
        kept = {"requestBody": _content(operation["requestBody"])}
        if path.endswith("/filter"):
            kept["responses"] = {"200": _content(operation.get("responses", {}).get("200", {}))}
        paths[path] = {"post": _plain(kept)}
    known = document.get("components", {}).get("schemas", {})
    schemas: Document = {}
    found = list(_references(paths))
    while found:
        if (name := found.pop()) not in schemas and name in known:
            schemas[name] = _plain(known[name])
            found += _references(schemas[name])
    return {"openapi": document["openapi"], "paths": paths, "components": {"schemas": schemas}}


def operations(document: Document) -> Document:
    """The same operations as in `document`, with their parameters in path and query, and bodies of any kind."""
    inside = documents.inside_paths(document)
    paths: Document = {}
    for operation in Contract(document).operations.values():
        kept: Document = {}
        parameters = [
            {
                "name": parameter.name,
                "in": parameter.where,
                "required": parameter.required,
                "schema": {key: parameter.schema[key] for key in ("type", "format") if key in parameter.schema},
            }
            for parameter in operation.parameters
            if parameter.where == "path" or (parameter.where == "query" and parameter.required)
        ]
        if parameters:
            kept["parameters"] = parameters
        if operation.body_documented:
            kept["requestBody"] = {"content": {"application/json": {}}}
        paths.setdefault(inside + operation.path, {})[operation.method.lower()] = kept
    return {"openapi": document["openapi"], "paths": paths, "components": {"schemas": {}}}


def dump(document: Document) -> str:
    """A document as text that a difference can be read in: sorted, a line a path and a schema."""
    lines = []
    for part, members in (("paths", document["paths"]), ("schemas", document["components"]["schemas"])):
        rows = [f"{json.dumps(name)}: {_compact(members[name])}" for name in sorted(members)]
        lines.append(f'"{part}": {{\n' + ",\n".join(rows) + "\n}")
    paths, schemas = lines
    return f'{{"openapi": {json.dumps(document["openapi"])},\n{paths},\n"components": {{{schemas}}}}}\n'


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _content(part: Document) -> Document:
    """The JSON schema of a body, as a part of a document."""
    return {"content": {media: {"schema": spec.get("schema", {})} for media, spec in part.get("content", {}).items()}}


def _plain(schema: Any) -> Any:
    """A schema without its prose."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {}
    for key, value in schema.items():
        if key in _VALUES:
            plain[key] = value
        elif key in _NAMED:
            plain[key] = {name: _plain(inner) for name, inner in value.items()}
        elif key not in _PROSE:
            plain[key] = _plain(value)
    return plain


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for part in node:
            yield from _references(part)
    elif isinstance(node, dict):
        if isinstance(reference := node.get("$ref"), str):
            yield reference.rpartition("/")[2]
        for value in node.values():
            yield from _references(value)


if __name__ == "__main__":
    *options, name = sys.argv[1:]
    part = operations if options == ["--operations"] else excerpt
    sys.stdout.write(dump(part(documents.parse(Path(name).read_bytes()))))
