"""An OpenAPI document as it came over the wire: whether it is one, and what of its paths is the base URL's."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import urlsplit

METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")

MOST_BYTES = 8 * 2**20
"""Of a document that is read. Those of Prefect have less than one megabyte."""

MOST_OPERATIONS = 2000
"""Of a document that is read: ten times those of any release. Each is asked hundreds of times."""

Document = dict[str, Any]


class DocumentError(ValueError):
    """The text is not an OpenAPI document that describes operations. The message is one line."""


def parse(raw: bytes) -> Document:
    """Decode `raw` and make sure that it is an OpenAPI 3 document with at least one operation.

    Raises DocumentError, with what is wrong, for anything else.
    """
    if len(raw) > MOST_BYTES:
        raise DocumentError(f"it is larger than the {MOST_BYTES // 2**20} MiB that are read of one")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise DocumentError("it is not JSON") from error
    if not isinstance(document, dict):
        raise DocumentError("it is JSON, but not an object")
    version = document.get("openapi")
    if not isinstance(version, str) or not version.startswith("3."):
        found = f"`openapi` is {version!r}" if version is not None else "it has no `openapi` version"
        raise DocumentError(f"{found}; OpenAPI 3.0 or 3.1 is needed")
    paths = document.get("paths")
    if not isinstance(paths, dict) or not all(isinstance(item, dict) for item in paths.values()):
        raise DocumentError("it has no `paths` object")
    number = sum(method in item for item in paths.values() for method in METHODS)
    if not number:
        raise DocumentError("it describes no operation")
    if number > MOST_OPERATIONS:
        raise DocumentError(f"it describes {number} operations, more than the {MOST_OPERATIONS} that are read of one")
    return document


def path_prefix(document: Document) -> str:
    """The part of the base URL's path that the document states: in `servers`, or inside every path.

    Orion and the releases up to 2.20 write `/api` into each path; later ones serve a document below
    `/api` whose `servers` has it. Empty where the document states none.
    """
    servers = document.get("servers") or [{}]
    stated = urlsplit(str(servers[0].get("url", ""))).path.rstrip("/")
    return stated + inside_paths(document)


def without_prefix(document: Document) -> Document:
    """The same document with paths that are relative to the API's base URL, and without `servers`."""
    inside = inside_paths(document)
    paths = {path.removeprefix(inside): item for path, item in document["paths"].items()}
    return {**{key: value for key, value in document.items() if key != "servers"}, "paths": paths}


def below(document: Document, base: str) -> Document:
    """The part of a document that describes the API at the path `base`, where it describes more than that.

    A gateway's document has its accounts and workspaces as placeholders in front
    (`/api/accounts/{account_id}/workspaces/{workspace_id}/flows/filter`): those paths are kept, without what is in
    front and its parameters, and the others are left out. Any other document stays as it is.
    """
    steps = [step for step in base.split("/") if step]
    found: dict[str, Any] = {}
    for path, item in document["paths"].items():
        own = path.strip("/").split("/")
        front, placeholders = own[: len(steps)], set()
        for step, given in zip(front, steps, strict=False):
            if step.startswith("{"):
                placeholders.add(step.strip("{}"))
            elif step != given:
                break
        else:
            if placeholders and len(own) > len(steps):
                rest = "/" + "/".join(own[len(steps) :]) + ("/" if path.endswith("/") else "")
                found[rest] = {key: _without_parameters(part, placeholders) for key, part in item.items()}
    if not found:
        return document
    return {**document, "paths": found, "servers": [{"url": base}]}


def _without_parameters(part: Any, names: set[str]) -> Any:
    """An operation, or the parameters of a path, without those of these names."""
    if isinstance(part, list):
        return [spec for spec in part if not (spec.get("in") == "path" and spec.get("name") in names)]
    if isinstance(part, dict) and "parameters" in part:
        return {**part, "parameters": _without_parameters(part["parameters"], names)}
    return part


def digest(document: Document) -> str:
    """SHA-256, in hexadecimal, of the document's canonical JSON (sorted keys, no white space)."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def inside_paths(document: Document) -> str:
    """What the document writes in front of every path: `/api`, or nothing."""
    return "/api" if all(path.startswith("/api/") for path in document["paths"]) else ""
