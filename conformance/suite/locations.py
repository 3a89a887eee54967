"""Where the Location of an answer leads."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from conformance.resources import Resource
from conformance.suite.outcome import NotApplicable, Violation
from conformance.target import Client, Exchange


def require_leads_to_member(resource: Resource, client: Client, created: Exchange) -> None:
    """Raise Violation unless the Location of a create's answer leads to what was created.

    Raises NotApplicable where the answer has none, or one on another host: no credentials are sent there.
    """
    location = created.response_headers.get("location")
    if created.status != httpx.codes.CREATED or location is None:
        raise NotApplicable("no-location")
    leads_to, base = urlsplit(urljoin(created.url, location)), urlsplit(client.base_url)
    if leads_to.netloc != base.netloc:
        raise NotApplicable("elsewhere")
    # A path that is not the API's own is asked for as it is: `send_once` takes a whole URL.
    exchange = client.send_once("GET", leads_to._replace(scheme=base.scheme, fragment="").geturl(), b"", {})
    expected = _identity(resource, created)
    found = _identity(resource, exchange) if httpx.codes.is_success(exchange.status) else None
    if found != expected:
        raise Violation(
            "the Location of the answer does not lead to the member",
            expected={resource.identity: expected},
            observed={"location": location, "status": exchange.status, resource.identity: found},
            exchanges=(created, exchange),
        )


def _identity(resource: Resource, exchange: Exchange) -> Any:
    """What tells the member in an answer apart, None where it shows no member."""
    try:
        answer = json.loads(exchange.response_body)
    except ValueError:
        return None
    if isinstance(answer, list) and len(answer) == 1:
        (answer,) = answer  # some operations take a list of new members; the suite sends one
    return answer.get(resource.identity) if isinstance(answer, dict) else None
