"""The facts of an OpenAPI document, without its prose: what a release promised, frozen in the repository.

    python -m conformance.contract.excerpt openapi.json > fixtures/contracts/prefect-3.9.1.json

reads a document as a server serves it (`/api/openapi.json`; releases before 3.0 have it at `/openapi.json`).
What comes out is a document too: the same operations, parameters, bodies, answers and schemas, so that it can stand
in for the document of a target that serves none.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from conformance.contract import document as documents
from conformance.contract.document import METHODS, Document

_PROSE: Final = frozenset({"title", "description", "summary", "example", "examples", "tags", "operationId"})
_NAMED: Final = frozenset({"properties", "schemas", "$defs", "patternProperties"})
"""Keywords whose keys are names that the document gives: a field may be called `description`."""
_VALUES: Final = frozenset({"default", "enum", "const", "required"})
"""Keywords that hold values and no schemas."""


def facts(document: Document) -> Document:
    """The same document, and nothing in it that only a reader needs."""
    paths = {
        path: {key: _plain(part) for key, part in item.items() if key in METHODS or key == "parameters"}
        for path, item in document["paths"].items()
    }
    components = document.get("components")
    named = components.get("schemas") if isinstance(components, dict) else None
    schemas = named if isinstance(named, dict) else {}
    return {
        "openapi": document["openapi"],
        "paths": paths,
        "components": {"schemas": {name: _plain(schema) for name, schema in schemas.items()}},
    }


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


def _plain(schema: Any) -> Any:
    """A part of a document without its prose."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {}
    for key, value in schema.items():
        if key == "default" and isinstance(value, str) and value.startswith("/") and value != "/":
            continue  # a file on the machine that served the document: no fact of the API
        if key in _VALUES:
            plain[key] = value
        elif key in _NAMED and isinstance(value, dict):
            plain[key] = {name: _plain(inner) for name, inner in value.items()}
        elif key not in _PROSE:
            plain[key] = _plain(value)
    return plain


if __name__ == "__main__":
    sys.stdout.write(dump(facts(documents.parse(Path(sys.argv[1]).read_bytes()))))
