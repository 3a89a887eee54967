"""Whether a certificate is what it says, found out offline: what its facts and its set come to is derived anew.

A signature shows that nothing was changed since the holder of a key wrote it. Without one, only what contradicts
itself, the published sets or the evidence can be found: whoever edits verdicts and all that follows from them has
written another certificate, and no reader can tell.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from pydantic import ValidationError

from conformance import __version__, catalogue, data
from conformance.catalogue import sets
from conformance.catalogue.sets import CertificationSet
from conformance.errors import ConformanceError
from conformance.verdicts import strict_json
from conformance.verdicts.certificate import envelope, evidence, statement
from conformance.verdicts.certificate.facts import Facts
from conformance.verdicts.certificate.rejection import RejectedError
from conformance.verdicts.certificate.scoring import Scoring, score
from conformance.verdicts.model import Result, one_line

_MOST = 3
"""Checks that one reason names: whoever edited a thousand is told of a few, and how many there are."""


@dataclass(frozen=True)
class Verified:
    """A certificate that is what it says. `key_id`: of the key that signed it, None where nobody did."""

    facts: Facts
    set: CertificationSet
    scoring: Scoring
    key_id: str | None


def verify(
    raw: bytes,
    *,
    today: date,
    key: Ed25519PublicKey | None = None,
    folder: Path | None = None,
) -> Verified:
    """Verify the bytes of a certificate. `folder`: the reports of the run, where they are at hand.

    Raises RejectedError, with a line for each reason, for a certificate that is not what it says; ConformanceError
    where it can't be said: it is signed and no key is given, or there is no such folder.
    """
    content, signed_by = _opened(_parsed(raw, "the file"), raw, key)
    _shaped(content)
    try:
        facts = statement.facts_of(content)
    except ValidationError as error:
        problem = error.errors()[0]
        at = ".".join(map(str, problem["loc"]))
        raise RejectedError(f"does not keep its schema: at {at}: {problem['msg']}") from error
    by = _set(content["predicate"][statement.EXTENSION]["set"])
    if reasons := [*_of_the_run(facts), *_of_the_verdicts(facts, by), *_of_the_waivers(facts, today)]:
        raise RejectedError(*reasons)
    derived = statement.build(facts, by)
    if statement.dump(content) != statement.dump(derived):
        raise RejectedError(*_edited(content, derived))
    if folder is not None:
        evidence.compare(facts, folder)
    return Verified(facts, by, score(facts, by), signed_by)


def _parsed(raw: bytes, what: str) -> dict[str, Any]:
    try:
        content = strict_json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise RejectedError(f"{what} is not one whole JSON document (truncated?): {one_line(str(error))}") from error
    if not isinstance(content, dict):
        raise RejectedError(f"{what} is JSON, and no certificate")
    return content


def _opened(content: dict[str, Any], raw: bytes, key: Ed25519PublicKey | None) -> tuple[dict[str, Any], str | None]:
    """The statement, and the id of the key that signed it."""
    if not envelope.is_envelope(content):
        if key is not None:
            raise RejectedError("it is not signed, and --key asks for a signature")
        _as_written(content, raw, "the certificate")
        return content, None
    signer = envelope.signer(content)
    if key is None:
        raise ConformanceError(f"the certificate is signed by the key {signer}: give its public key with --key")
    body = envelope.open_(content, key)
    _as_written(content, raw, "the envelope")
    inner = _parsed(body, "what the envelope holds")
    _as_written(inner, body, "what the envelope holds")
    return inner, envelope.key_id(key)


def _as_written(content: dict[str, Any], raw: bytes, what: str) -> None:
    """One content has one spelling, so that a digest of the file can stand for it."""
    try:
        same = statement.dump(content) == raw
    except UnicodeEncodeError:
        same = False
    if not same:
        raise RejectedError(f"{what} is not spelled as `certify` does: white space, escapes or numbers differ")


def _shaped(content: dict[str, Any]) -> None:
    """Refuse what is no certificate of this kind."""
    for name, wanted in (("_type", statement.STATEMENT), ("predicateType", statement.PREDICATE)):
        if content.get(name) != wanted:
            raise RejectedError(f"wrong {name}: {_short(content.get(name))}, and not {wanted!r}")
    predicate = content.get("predicate")
    told = predicate.get(statement.EXTENSION) if isinstance(predicate, dict) else None
    schema = told.get("schema") if isinstance(told, dict) else None
    if schema != statement.SCHEMA:
        raise RejectedError(f"wrong schema: {_short(schema)}, and not {statement.SCHEMA!r}")
    error = best_match(_validator().iter_errors(content))
    if error is not None:
        why = one_line(error.message) if len(error.message) < 200 else f"breaks the schema's {error.validator!r}"
        raise RejectedError(f"does not keep its schema: at {error.json_path}: {why}")


@cache
def _validator() -> Draft202012Validator:
    schema = json.loads((data.fixtures() / "schemas" / "certificate.schema.json").read_text("utf-8"))
    return Draft202012Validator({**schema, "oneOf": [{"$ref": "#/$defs/statement"}]})


def _set(claimed: dict[str, str]) -> CertificationSet:
    """The set that the certificate names, if it is the one that was published."""
    try:
        found = sets.load(claimed["id"])
    except sets.UnknownSetError as error:
        raise RejectedError(f"unknown set: {error}") from error
    if claimed["sha256"] != sets.published()[found.id]:
        raise RejectedError(f"wrong digest of the set {found.id}: {claimed['sha256']} is not the published one's")
    if claimed["contract_sha256"] != found.contract_sha256:
        raise RejectedError(f"wrong digest of the contract of {found.id}: {claimed['contract_sha256']}")
    return found


def _of_the_run(facts: Facts) -> Iterator[str]:
    run = facts.run
    if (why := run.partial()) is not None:
        yield why
    ended = datetime.fromisoformat(run.started) + timedelta(seconds=int(run.seconds))
    if datetime.fromisoformat(facts.issued) < ended:
        yield f"it was issued at {facts.issued}, before the run had ended at {ended:%Y-%m-%dT%H:%M:%SZ}"
    if run.result is Result.CONFORMANT and (facts.failed or run.errors):
        yield "the run is called conformant, and has failed checks or is in error"
    if run.result is Result.NON_CONFORMANT and not facts.failed:
        yield "the run is called non-conformant, and no check failed"


def _of_the_verdicts(facts: Facts, by: CertificationSet) -> Iterator[str]:
    counted = Counter(name for name, _ in facts.verdicts())
    if twice := [name for name, times in counted.items() if times > 1]:
        yield f"more than one verdict on {_named(twice)}"
    if facts.suite.version == __version__:
        known = catalogue.load()
        strange = [name for name in counted if name.partition(" ")[0] not in known]
        if strange:
            yield f"added: the suite {__version__} has no such check: {_named(strange)}"
    unordered = [
        key
        for key, names in (
            ("passedTests", facts.passed),
            ("failedTests", facts.failed),
            ("warnedTests", facts.waived),
            ("could_not_run", facts.could_not_run),
            *(("not_applicable", names) for names in facts.not_applicable.values()),
        )
        if list(names) != sorted(names)
    ]
    if unordered:
        yield f"the checks of {', '.join(unordered)} are not in order"
    empty = [condition for condition, names in facts.not_applicable.items() if not names]
    if empty:
        yield f"no check is not applicable for {', '.join(empty)}"


def _of_the_waivers(facts: Facts, today: date) -> Iterator[str]:
    named = [waived.name for waived in facts.waivers]
    if without := sorted(set(facts.waived) - set(named)):
        yield f"no waiver is named for {_named(without)}"
    if idle := sorted(set(named) - set(facts.waived)):
        yield f"a waiver is named for what was not waived: {_named(idle)}"
    if len(named) != len(set(named)) or named != sorted(named):
        yield "the waivers are not in order, or one stands twice"
    for waived in facts.waivers:
        if waived.expires is not None and waived.expires < today:
            yield f"the waiver of {waived.name} expired on {waived.expires}"


def _edited(content: dict[str, Any], derived: dict[str, Any]) -> Sequence[str]:
    """What does not follow from the facts, a line each."""
    claimed, follows = (of["predicate"][statement.EXTENSION] for of in (content, derived))
    result, expected = (of["predicate"]["result"] for of in (content, derived))
    found = [*_lists(claimed, follows)]
    for verdict, number in follows["counts"].items():
        if claimed["counts"][verdict] != number:
            found.append(f"counts says {claimed['counts'][verdict]} {verdict}, and there are {number}")
    for profile, derived_profile in follows["profiles"].items():
        if claimed["profiles"][profile] != derived_profile:
            found.append(f"the result of {profile} does not follow from its verdicts: {_result(derived_profile)}")
    if result != expected:
        found.append(f"the result {result} does not follow from its verdicts: it is {expected}")
    if content["subject"] != derived["subject"]:
        found.append("the subject is not the document, and the artefact, that the certificate is about")
    if content["predicate"]["configuration"] != derived["predicate"]["configuration"]:
        found.append("the configuration is not the suite, the set and the contract that the certificate names")
    return found or ["it says more or something else than `certify` writes"]


def _lists(claimed: dict[str, Any], follows: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the lists of what the set demands in vain, and of what it does not demand."""
    for key, left_out, put_in in (
        ("missing", "missing check: the set demands, and there is no verdict on", "called missing, and is not"),
        (
            "unscored",
            "added check: the set does not demand",
            "called not scored, and the set scores it or it is not there",
        ),
    ):
        if names := sorted(set(follows[key]) - set(claimed[key])):
            yield f"{left_out} {_named(names)}"
        if names := sorted(set(claimed[key]) - set(follows[key])):
            yield f"{put_in}: {_named(names)}"


def _result(profile: dict[str, Any]) -> str:
    return "it is certified" if profile["certified"] else f"it is not certified: {'; '.join(profile['reasons'])}"


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return f"{', '.join(names[:_MOST])}{more}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
