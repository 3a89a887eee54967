"""Refusals: what a query does with a body that its document does not allow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from conformance.suite import bad_bodies
from conformance.suite.bad_bodies import Bad, Trial, with_bad
from conformance.suite.calls import call
from conformance.suite.check import check
from conformance.suite.examiner import Examiner
from conformance.suite.outcome import CouldNotRun, Violation
from conformance.suite.refusing import REFUSED
from conformance.target import Client, Exchange
from conformance.world import World

_MOST_SHOWN = 5
"""Bodies of each kind in a failure."""


@check("refusals.sort", on=with_bad(bad_bodies.unknown_sorts))
def test_unknown_sort(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_refused(subject, client, world, examiner)


@check("refusals.criterion", on=with_bad(bad_bodies.unknown_criteria))
def test_unknown_criterion(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_refused(subject, client, world, examiner)


@check("refusals.operator", on=with_bad(bad_bodies.unknown_operators))
def test_unknown_operator(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_refused(subject, client, world, examiner)


@check("refusals.join", on=with_bad(bad_bodies.unknown_joins))
def test_unknown_join(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_refused(subject, client, world, examiner)


@check("refusals.key", on=with_bad(bad_bodies.unknown_keys))
def test_unknown_key(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_refused(subject, client, world, examiner)


@check("refusals.object", on=with_bad(bad_bodies.not_objects))
def test_not_an_object(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_refused(subject, client, world, examiner)


@check("refusals.empty-object", on=with_bad(bad_bodies.empty_objects))
def test_empty_and_not_an_object(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_refused(subject, client, world, examiner)


@check("refusals.list", on=with_bad(bad_bodies.not_lists))
def test_not_a_list(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_refused(subject, client, world, examiner)


@check("refusals.uuid", on=with_bad(bad_bodies.of_kind("uuid")))
def test_bad_uuid(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_refused(subject, client, world, examiner)


@check("refusals.instant", on=with_bad(bad_bodies.of_kind("date-time")))
def test_bad_instant(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_refused(subject, client, world, examiner)


@check("refusals.boolean", on=with_bad(bad_bodies.of_kind("boolean")))
def test_not_a_boolean(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_refused(subject, client, world, examiner)


@check("refusals.option", on=with_bad(bad_bodies.of_kind("enum")))
def test_unknown_option(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_refused(subject, client, world, examiner)


@check("refusals.text", on=with_bad(bad_bodies.of_kind("string")))
def test_not_a_text(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_refused(subject, client, world, examiner)


@check("refusals.number", on=with_bad(bad_bodies.of_kind("integer", "number")))
def test_not_a_number_for_an_operator(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_refused(subject, client, world, examiner)


@check("refusals.fraction", on=with_bad(bad_bodies.fractions))
def test_fraction_for_an_integer(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_refused(subject, client, world, examiner)


@check("refusals.huge-number", on=with_bad(bad_bodies.huge_numbers))
def test_huge_number(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_no_failure(subject, client, world, examiner)


@check("refusals.parameter", on=with_bad(bad_bodies.wrong_parameters))
def test_wrong_parameter(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_refused(subject, client, world, examiner)


@check("refusals.body", on=with_bad(bad_bodies.not_a_body))
def test_body_is_no_object(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_refused(subject, client, world, examiner)


@check("refusals.malformed", on=with_bad(bad_bodies.malformed))
def test_malformed_json(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_refused(subject, client, world, examiner)


@check("refusals.nan", on=with_bad(bad_bodies.not_a_number))
def test_nan(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_refused(subject, client, world, examiner)


@check("refusals.media-type", on=with_bad(bad_bodies.foreign_media))
def test_foreign_media_type(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_refused(subject, client, world, examiner)


@check("refusals.binary", on=with_bad(bad_bodies.binary))
def test_binary_body(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _require_no_failure(subject, client, world, examiner)


@check("refusals.says-where", on=with_bad(bad_bodies.one_of_each))
def test_refusals_say_where(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    refused = [sent for sent in _sent(subject, client, world, examiner) if sent[1].status in REFUSED]
    if not refused:
        raise CouldNotRun("none of the bad bodies is refused")
    silent = [sent for sent in refused if not _says_where(*sent)]
    if silent:
        raise Violation(
            f"{len(silent)} of {len(refused)} refusals do not say where the body is wrong",
            expected="a JSON body that names the places",
            observed=[
                {"places": bad.places, "status": answer.status, "answer": answer.response_body.decode("latin-1")[:200]}
                for bad, answer in silent[:_MOST_SHOWN]
            ],
            exchanges=tuple(answer for _, answer in silent[:_MOST_SHOWN]),
        )


def _require_refused(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _judge(subject, client, world, examiner, "not refused", "400, 415 or 422", lambda status: status in REFUSED)


def _require_no_failure(subject: Trial, client: Client, world: World, examiner: Examiner) -> None:
    _judge(subject, client, world, examiner, "answered 5xx", "any other status", lambda status: status < 500)


def _judge(
    subject: Trial,
    client: Client,
    world: World,
    examiner: Examiner,
    wrong: str,
    expected: str,
    right: Callable[[int], bool],
) -> None:
    slipped = [sent for sent in _sent(subject, client, world, examiner) if not right(sent[1].status)]
    if slipped:
        raise Violation(
            f"{len(slipped)} of {len(subject.bad)} bad bodies are {wrong}",
            expected=expected,
            observed=[{"body": bad.shown, "status": answer.status} for bad, answer in slipped],
            exchanges=tuple(answer for _, answer in slipped[:_MOST_SHOWN]),
        )


def _sent(subject: Trial, client: Client, world: World, examiner: Examiner) -> Iterator[tuple[Bad, Exchange]]:
    """Each bad body and what came of it. Raises CouldNotRun where the legal one is refused too."""
    asked = call(subject.query.operation, world)
    try:
        examiner.ask(asked.path, subject.legal)
    except Violation as violation:
        # A server that takes nothing refuses the bad bodies for another reason.
        raise CouldNotRun(f"{violation.summary}: what it refuses beside that shows nothing") from violation
    for bad in subject.bad:
        headers = {"content-type": bad.media, **({"connection": "close"} if bad.risky else {})}
        client.request("POST", asked.path, content=bad.content, headers=headers)
        yield bad, client.journal.exchanges[-1]


def _says_where(bad: Bad, answer: Exchange) -> bool:
    try:
        decoded: Any = json.loads(answer.response_body)
    except ValueError:
        return False
    return bad_bodies.says_where(decoded, bad)
