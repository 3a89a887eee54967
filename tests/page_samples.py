"""Runs to make a report page of: an ordinary one, one of a hostile server, and one as large as a whole run."""

from __future__ import annotations

import itertools
from typing import Any

from verdict_samples import MAY, MUST, OTHER, SHOULD, build, cell, judged, ledger, pair, waived, with_grammar

from conformance import catalogue
from conformance.contract import Contract
from conformance.settings import Dialect
from conformance.verdicts.coverage import State
from conformance.verdicts.document import Document, Entry
from conformance.verdicts.ledger import ErrorKind
from conformance.verdicts.model import Result, Verdict

EVIL = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&amp;</textarea>"
    "\x1b[2J\x9b\u061c\u202eabc\u2066{{ 7*7 }}\x00<!--"
)
"""What a hostile server calls things."""

EVIL_NAME = EVIL.replace(".", "")
"""The same where a point parts names."""

CURL = "curl -sS -X POST http://127.0.0.1:4200/api/flows/filter --data-raw '{\"limit\": 1}'"

DETAILS = f'expected: {{"limit": 1}}\nobserved: {{"limit": 200}}\nreplay:\n# after 2 more requests\n{CURL}'


def ordinary() -> Document:
    """A run with verdicts of each kind, errors, operations of each account, a grammar, and a known difference."""
    made = ledger(
        judged(MUST, "GET /flows/{id}", Verdict.FAILED, details=DETAILS, findings=("one", "two")),
        judged(MUST, "POST /flows/filter", Verdict.FAILED, details="no two sides\nreplay:\ncurl x"),
        judged(MUST, "flows.name.any_", Verdict.FAILED, details="observed: nothing"),
        judged(OTHER, "GET /flows/{id}", Verdict.FAILED, details=DETAILS),
        judged(OTHER, "flow_runs RUNNING", Verdict.FAILED, details=DETAILS),
        judged(OTHER, "PUT /automations/{id}"),
        judged(OTHER, "a pause", Verdict.COULD_NOT_RUN),
        judged(SHOULD, "flow_runs.start_time.before_"),
        judged(SHOULD, "POST /v2/concurrency_limits/", Verdict.NOT_APPLICABLE),
        judged(MAY, "flows, flow_runs", Verdict.FAILED),
        waivers=waived(
            (OTHER, "GET /flows/{id}"),
            (OTHER, "flow_runs RUNNING"),
            (MAY, "flows, flow_runs"),
            databases=(Dialect.SQLITE,),
        ),
    )
    made.operations(
        ["GET /flows/{id}", "POST /flows/filter", "GET /never", "POST /flow_runs/", "POST /harm"],
        {"POST /harm": "It would do harm."},
    )
    for operation, status, times in [
        ("GET /flows/{id}", "200", 1200),
        ("GET /flows/{id}", "404", 2),
        ("POST /flow_runs/", "503", 3),
        ("POST /flow_runs/", None, 4),
        ("POST /harm", "400", 1),
        ("PUT /automations/{id}", "204", 1),
        ("POST /v2/concurrency_limits/", "201", 1),
    ]:
        made.count(operation, status, times)
    made.error("w.toml: the waiver of x is stale", ErrorKind.WAIVER)
    return build(with_grammar(made))


def conformant() -> Document:
    """A run in which all is well."""
    return build(ledger(judged(MUST, "POST /flows/filter")))


def hostile_contract() -> Contract:
    """A contract whose operation, parameter, values and fields are attacks."""
    answers: dict[str, Any] = {
        "200": {"content": {"application/json": {"schema": {"properties": {EVIL: {}, "\n": {}}}}}}
    }
    asked = [{"name": EVIL, "in": "query", "schema": {"enum": [EVIL, "two\nlines", "\ud800"]}}]
    operation = {"parameters": asked, "responses": answers, "operationId": EVIL, "summary": EVIL}
    return Contract(
        {"openapi": "3.1.0", "info": {"title": EVIL, "version": EVIL}, "paths": {f"/{EVIL}": {"post": operation}}}
    )


def hostile() -> Document:
    """A run on a server whose every name and answer is an attack."""
    made = ledger(
        judged(
            MUST, f"GET /{EVIL}/{{id}}", Verdict.FAILED, summary=EVIL, details=f"expected: {EVIL}\nobserved: {EVIL}"
        ),
        judged(MUST, f"{EVIL}.name", Verdict.FAILED, details=f"{EVIL}\nreplay:\ncurl '{EVIL}'", findings=(EVIL, "x")),
        judged(OTHER, f"flows {EVIL}", Verdict.FAILED, summary=EVIL, details=f"observed: {EVIL}\nreplay:\n{EVIL}"),
        judged(OTHER, f"runs {EVIL}", Verdict.COULD_NOT_RUN, summary=EVIL),
        judged(SHOULD, EVIL, Verdict.NOT_APPLICABLE, summary=EVIL),
        judged(MAY, f"flows\ud800 {EVIL}"),
        waivers=waived((OTHER, f"flows {' '.join(EVIL.split())}")),
    )
    made.operations([f"GET /{EVIL}/{{id}}"], {f"GET /{EVIL}/{{id}}": EVIL})
    made.error(EVIL)
    made.survey(hostile_contract())
    parts = [cell(f"{EVIL_NAME}.{EVIL_NAME}.any_"), cell("flows.name.any_", State.UNKNOWN)]
    pairs = [pair(f"{EVIL_NAME} by flows")]
    made.know(parts, pairs, [f"POST /{EVIL}/filter"], [part.name for part in (*parts, *pairs)])
    document = build(made)
    target = document.target.model_copy(update={"url": f"http://x/{EVIL}", "server": EVIL, "version": EVIL})
    run = document.run.model_copy(update={"command": f"prefect-conformance run --url '{EVIL}'"})
    return document.model_copy(update={"target": target, "run": run, "timings": {EVIL: 1.0}})


def huge(number: int) -> Document:
    """A run of that many verdicts on the resources and requirements that there are, of all kinds."""
    rules = list(catalogue.load().values())
    methods = ("GET", "POST", "PATCH", "DELETE", "PUT")
    resources = [f"collection_{n}" for n in range(30)]
    paths = itertools.product(resources, methods, ("/", "/{id}", "/filter", "/count", "/paginate", "/{id}/more"))
    subjects = [f"{method} /{resource}{rest}" for resource, method, rest in paths]
    kinds = [Verdict.PASSED] * 17 + [Verdict.NOT_APPLICABLE] * 2 + [Verdict.WAIVED] * 2
    entries = []
    for place, (subject, rule) in enumerate(itertools.islice(itertools.product(subjects, rules), 0, None, 33)):
        if place == number:
            break
        kind = Verdict.FAILED if place % 100 == 7 else kinds[place % len(kinds)]
        bad = kind in (Verdict.FAILED, Verdict.WAIVED)
        entries.append(
            Entry(
                requirement=rule.id,
                level=rule.level,
                profile=rule.profile,
                subject=subject,
                verdict=kind,
                summary="" if kind is Verdict.PASSED else f"why it is {kind}, {place % 50}",
                waiver=f"The reason number {place % 40}." if kind is Verdict.WAIVED else None,
                details=DETAILS * 3 if bad else "",
            )
        )
    order = {name: place for place, name in enumerate(catalogue.load())}
    entries.sort(key=lambda entry: order[entry.requirement])
    assert len(entries) == number
    made = ledger(judged(MUST, "x"))
    made.operations(subjects[:190])
    for subject in subjects[:190]:
        for status in ("200", "201", "400", "404", "409", "422", "500", "503"):
            made.count(subject, status, 12)
    counts = {verdict: sum(entry.verdict is verdict for entry in entries) for verdict in Verdict}
    return build(made).model_copy(
        update={"verdicts": tuple(entries), "counts": counts, "result": Result.NON_CONFORMANT, "reasons": ("x",)}
    )
