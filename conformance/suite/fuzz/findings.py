"""What one exchange breaks: every rule of the chapter looks at every exchange."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import httpx

from conformance.contract import Contract, Operation
from conformance.contract.media import media_type
from conformance.suite.outcome import Violation
from conformance.target import BUSY, Exchange

SERVER_ERROR = "fuzz.no-server-error"
STATUS = "fuzz.status-documented"
CONTENT_TYPE = "fuzz.content-type"
SCHEMA = "fuzz.response-schema"
NULL = "fuzz.null-documented"


@dataclass(frozen=True)
class Finding:
    """One way in which an exchange breaks a requirement.

    `fingerprint` is the same for the same deviation in any run; `message` may hold what differs.
    """

    requirement: str
    fingerprint: str
    message: str
    exchange: Exchange


def keep(known: list[Finding], finding: Finding) -> None:
    """Add a finding to those that are known until the run ends, unless one of the same fingerprint is.

    What a failure shows of its exchange is how to ask again; the answer, which may be megabytes, is not kept.
    """
    if all(finding.fingerprint != other.fingerprint for other in known):
        known.append(replace(finding, exchange=finding.exchange.asked()))


_MOST = 12
"""Findings that a failure spells out."""


def require_none(found: Sequence[Finding]) -> None:
    """Raise Violation with every distinct finding, if there is one."""
    if found:
        raise Violation(
            "; ".join(finding.fingerprint for finding in found),
            observed="\n".join(finding.message for finding in found[:_MOST]),
            findings=tuple(finding.fingerprint for finding in found),
            exchanges=tuple(finding.exchange for finding in found[:_MOST]),
        )


def failed(exchange: Exchange) -> bool:
    """Whether the server says that it, and not the request, is in error."""
    return exchange.status >= httpx.codes.INTERNAL_SERVER_ERROR


def server_error(exchange: Exchange, causes: Iterable[object]) -> Finding:
    """The finding of an exchange that the server failed on, told apart by what the server says and by its causes."""
    told = " ".join(dict.fromkeys(_EXCEPTION.findall(exchange.response_body.decode("utf-8", "replace"))))
    fingerprint = " ".join(filter(None, (str(exchange.status), told, " + ".join(map(str, causes)))))
    text = exchange.response_body.decode("utf-8", "replace")
    return Finding(SERVER_ERROR, fingerprint, f"{fingerprint}: {text[:200]}", exchange)


_EXCEPTION = re.compile(r"\b(?!InternalServerError\b)[A-Z][A-Za-z]*(?:Error|Exception)\b")
"""A class of exception: what some servers say of an error, and what differs between two of them."""


def judge(contract: Contract, operation: Operation, exchange: Exchange) -> Iterator[Finding]:
    """The findings of one exchange with `operation`. A server that fails, or is busy, is judged by nothing here."""
    status = exchange.status
    if status in BUSY or failed(exchange):
        return
    answers = operation.answer(status)
    if answers is None:
        documented = ", ".join(operation.answers) or "none"
        yield Finding(STATUS, str(status), f"{status} is not documented; documented: {documented}", exchange)
        return
    media = media_type(exchange.response_headers.get("content-type", ""))
    if not _documented(media, bool(exchange.response_body), answers):
        found = media or "no content type"
        expected = ", ".join(answers) or "no body"
        yield Finding(CONTENT_TYPE, f"{status} {found}", f"{status} comes as {found}; documented: {expected}", exchange)
        return
    yield from _body(contract, operation, exchange, media)


def _documented(media: str, has_body: bool, documented: Iterable[str]) -> bool:
    allowed = {media_type(name) for name in documented}
    # Where no content is documented, none is expected.
    return media in allowed if allowed else not has_body


def _body(contract: Contract, operation: Operation, exchange: Exchange, media: str) -> Iterator[Finding]:
    validator = contract.validator(operation, exchange.status, media)
    if validator is None or "json" not in media:
        return
    try:
        value = json.loads(exchange.response_body)
    except (ValueError, RecursionError) as error:
        yield Finding(SCHEMA, f"{exchange.status} not JSON", f"the body is not JSON: {error}", exchange)
        return
    for requirement, mismatches in ((SCHEMA, validator.mismatches(value)), (NULL, validator.nulls(value))):
        for mismatch in mismatches:
            where = re.sub(r"\[\d+\]", "[]", mismatch.where)
            rule = "" if requirement == NULL else f" {mismatch.rule}"
            yield Finding(
                requirement, f"{exchange.status} {where}{rule}", f"{mismatch.where}: {mismatch.message}", exchange
            )
