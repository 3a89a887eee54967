"""Operations on many members at once, which answer with a list of those that they were done to."""

from __future__ import annotations

from typing import Any

from conformance.resources import Record, Resource
from conformance.suite.outcome import Violation
from conformance.target import Client


def listed(resource: Resource, verb: str, client: Client, body: Record, key: str) -> list[Any]:
    """The list under `key` of what `POST /{collection}/{verb}` answers. Raises Violation where there is none."""
    response = client.request("POST", f"/{resource.name}/{verb}", body)
    answer = response.json() if response.is_success else None
    found = answer.get(key) if isinstance(answer, dict) else None
    if not isinstance(found, list):
        raise Violation(
            f"a legal {verb} is not answered with {key}",
            expected={key: []},
            observed={"status": response.status_code, "body": response.text[:400]},
        )
    return found
