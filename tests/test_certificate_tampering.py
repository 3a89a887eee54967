"""A certificate that was tampered with is rejected, with the reason."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from certificate_samples import (
    CONTRACT,
    CREDENTIALS_NAME,
    EVERY,
    ISSUED,
    KEY,
    NESTING_NAME,
    OTHER_ID,
    PLURAL,
    PLURAL_NAME,
    PRODUCT,
    PUT_NAME,
    TODAY,
    certified,
    run,
    statement,
    written,
)

from conformance.catalogue import sets
from conformance.verdicts.certificate import RejectedError, certify, verify
from conformance.verdicts.certificate.statement import EXTENSION, build, dump, facts_of
from conformance.verdicts.model import Verdict

F, W = Verdict.FAILED, Verdict.WAIVED

pytestmark = pytest.mark.usefixtures("small_sets")


@dataclass
class Case:
    """A certificate, and what belongs to it, for a test to tamper with."""

    folder: Path
    content: dict[str, Any]
    today: date = TODAY
    raw: bytes | None = None

    @property
    def predicate(self) -> dict[str, Any]:
        return self.content["predicate"]  # type: ignore[no-any-return]

    @property
    def own(self) -> dict[str, Any]:
        return self.predicate[EXTENSION]  # type: ignore[no-any-return]

    def file(self) -> bytes:
        return dump(self.content) if self.raw is None else self.raw

    def rederive(self) -> None:
        """Write all that follows from the facts anew: the work of somebody who knows how certificates are made."""
        facts = facts_of(self.content)
        self.content = build(facts, sets.load(facts.set_id))

    def move(self, name: str, to: str = "passedTests") -> None:
        for names in (self.predicate["failedTests"], self.predicate["warnedTests"], self.predicate["passedTests"]):
            if name in names:
                names.remove(name)
        self.predicate[to] = sorted([*self.predicate[to], name])


Tampering = Callable[[Case], object]

FAILED = PLURAL_NAME
WAIVED = NESTING_NAME


def edited(case: Case) -> None:
    case.move(FAILED)


def edited_and_counted(case: Case) -> None:
    edited(case)
    case.own["counts"] |= {"passed": case.own["counts"]["passed"] + 1, "failed": 1}


def edited_thoroughly(case: Case) -> None:
    edited(case)
    case.rederive()


def waived_as_passed(case: Case) -> None:
    case.move(WAIVED)


def left_out(case: Case) -> None:
    case.predicate["passedTests"].remove(CREDENTIALS_NAME)


def left_out_thoroughly(case: Case) -> None:
    left_out(case)
    case.rederive()


def added_unknown(case: Case) -> None:
    case.move("core.all-is-well everywhere")


def added(case: Case) -> None:
    case.move(f"{PLURAL} GET /anything")


def added_thoroughly(case: Case) -> None:
    added(case)
    case.rederive()


def twice(case: Case) -> None:
    case.predicate["passedTests"] = sorted([*case.predicate["passedTests"], FAILED])


def disordered(case: Case) -> None:
    case.predicate["passedTests"].reverse()


def of_the_run(**told: Any) -> Tampering:
    return lambda case: case.own["run"].update(told)


def of_the_set(**told: Any) -> Tampering:
    return lambda case: case.own["set"].update(told)


def another_set(case: Case) -> None:
    case.own["set"] = {"id": OTHER_ID, "sha256": sets.published()[OTHER_ID], "contract_sha256": CONTRACT}


def evidence_digest(case: Case) -> None:
    case.own["evidence"][0]["sha256"] = "0" * 64


def evidence_edited(case: Case) -> None:
    path = case.folder / "verdicts.json"
    path.write_text(path.read_text().replace('"failed": 2', '"failed": 1'))


def evidence_of_another_run(case: Case) -> None:
    written(case.folder, run())


def evidence_gone(case: Case) -> None:
    (case.folder / "verdicts.json").unlink()


def expired(case: Case) -> None:
    case.today = date(2026, 6, 2)


def waiver_dropped(case: Case) -> None:
    case.own["waivers"] = []


def waiver_added(case: Case) -> None:
    extra = {"requirement": PLURAL, "subject": "GET /flows/{id}", "reason": "it is only one"}
    case.own["waivers"] = [*case.own["waivers"], extra]


def waiver_reworded(case: Case) -> None:
    case.own["waivers"][0]["reason"] = "our own choice"


def waiver_prolonged(case: Case) -> None:
    case.own["waivers"][0]["expires"] = "2099-01-01"


def impossible_day(case: Case) -> None:
    case.own["waivers"][0]["expires"] = "2026-02-31"


def profile_certified(case: Case) -> None:
    case.own["profiles"]["guidelines"] |= {"certified": True, "reasons": []}


def profile_reasons(case: Case) -> None:
    case.own["profiles"]["guidelines"]["reasons"] = ["nothing of weight"]


def profile_counts(case: Case) -> None:
    case.own["profiles"]["core"]["counts"]["passed"] += 1


def counts(case: Case) -> None:
    case.own["counts"]["passed"] += 1


def result(case: Case) -> None:
    case.predicate["result"] = "PASSED"


def said_by(key: str, value: str) -> Tampering:
    return lambda case: case.content.update({key: value})


def schema_named(case: Case) -> None:
    case.own["schema"] = "urn:prefect-conformance:certificate:2"


def subject(case: Case) -> None:
    case.content["subject"][0]["digest"]["sha256"] = "0" * 64


def configuration(case: Case) -> None:
    case.predicate["configuration"][1]["digest"]["sha256"] = "0" * 64


def contract_of_the_target(case: Case) -> None:
    case.own["server"]["contract_sha256"] = "0" * 64
    case.rederive()


def another_product(case: Case) -> None:
    # Nothing of a certificate follows from a name: without a signature, this is another certificate.
    case.own["extra"] = "Best of All"


def suite(case: Case) -> None:
    case.own["suite"]["version"] = "99.0.0"


def condition(case: Case) -> None:
    case.own["not_applicable"] = {"open": [CREDENTIALS_NAME]}
    case.rederive()


def condition_without_checks(case: Case) -> None:
    case.own["not_applicable"]["volatile"] = []
    case.rederive()


def too_early(case: Case) -> None:
    case.own["issued"] = "2026-01-02T03:04:05Z"


def no_day(case: Case) -> None:
    case.own["issued"] = "2026-02-31T03:04:05Z"


def conformant(case: Case) -> None:
    case.own["run"]["result"] = "conformant"


def as_bytes(change: Callable[[bytes], bytes]) -> Tampering:
    def tamper(case: Case) -> None:
        case.raw = change(case.file())

    return tamper


TAMPERED: dict[str, tuple[Tampering, str]] = {
    "a failed verdict turned into a pass": (edited, "counts says .* passed, and there are"),
    "and the counts with it": (
        edited_and_counted,
        "the result of guidelines does not follow from its verdicts: it is certified",
    ),
    "and all that follows from it": (edited_thoroughly, "the certificate says passed of .*, and the evidence failed"),
    "a waived verdict turned into a pass": (waived_as_passed, "a waiver is named for what was not waived"),
    "a check left out": (left_out, "missing check: the set demands, and there is no verdict on security.cred"),
    "and called missing": (
        left_out_thoroughly,
        "the certificate says nothing of security.cred.*, and the evidence passed",
    ),
    "a check of no suite added": (added_unknown, "added: the suite .* has no such check: core.all-is-well"),
    "a check added": (added, "added check: the set does not demand routes.plural GET /anything"),
    "and called not scored": (added_thoroughly, "says passed of routes.plural GET /anything, and the evidence nothing"),
    "a check with two verdicts": (twice, "more than one verdict on routes.plural"),
    "checks in disorder": (disordered, "the checks of passedTests are not in order"),
    "a filtered run": (of_the_run(filtered=True), "the run was filtered"),
    "a shard": (of_the_run(shard="2/3"), "the run is shard 2/3 of another"),
    "a read-only run": (of_the_run(read_only=True), "the run was read-only"),
    "a run with another seed": (of_the_run(seed=1), "the run was made with seed 1"),
    "a run with fewer examples": (of_the_run(fuzz_examples=1), "and 1 fuzz examples"),
    "a run of other times": (of_the_run(seconds=1.5), "says of the run is not what the evidence says"),
    "an error of the run hidden": (of_the_run(result="incomplete"), "says of the run is not what the evidence says"),
    "a run called conformant": (conformant, "called conformant, and has failed checks"),
    "the set's digest": (of_the_set(sha256="0" * 64), "wrong digest of the set prefect-9.9.9/1"),
    "the digest of the set's contract": (of_the_set(contract_sha256="0" * 64), "wrong digest of the contract"),
    "an unknown set": (of_the_set(id="prefect-9.9.9/3"), "unknown set: there is no certification set"),
    "another set": (another_set, "missing check: .* POST /runs/filter"),
    "the digest of the target's contract": (contract_of_the_target, "says of the server is not what the evidence"),
    "the digest of the evidence": (evidence_digest, "wrong digest of the evidence verdicts.json"),
    "evidence that was edited": (evidence_edited, "wrong digest of the evidence verdicts.json"),
    "evidence of another run": (evidence_of_another_run, "wrong digest of the evidence verdicts.json"),
    "evidence that is gone": (evidence_gone, "missing evidence: verdicts.json is not in"),
    "an expired waiver": (expired, r"the waiver of routes.nesting .* expired on 2026-06-01"),
    "a waiver left out": (waiver_dropped, "no waiver is named for routes.nesting"),
    "a waiver added": (waiver_added, "a waiver is named for what was not waived: routes.plural"),
    "a waiver reworded": (waiver_reworded, "says of the waivers is not what the evidence says"),
    "a waiver prolonged": (waiver_prolonged, "says of the waivers is not what the evidence says"),
    "a waiver to a day that is none": (impossible_day, "does not keep its schema"),
    "a profile called certified": (profile_certified, "the result of guidelines does not follow from its verdicts"),
    "a profile's reasons": (profile_reasons, "the result of guidelines does not follow from its verdicts"),
    "a profile's counts": (profile_counts, "the result of core does not follow from its verdicts"),
    "the counts": (counts, "counts says .* passed, and there are"),
    "the result": (result, "the result PASSED does not follow from its verdicts: it is FAILED"),
    "another type of statement": (said_by("_type", "https://in-toto.io/Statement/v0.1"), "wrong _type"),
    "another type of predicate": (said_by("predicateType", "https://slsa.dev/provenance/v1"), "wrong predicateType"),
    "another schema": (schema_named, "wrong schema: 'urn:prefect-conformance:certificate:2'"),
    "the subject": (subject, "the subject is not the document"),
    "the configuration": (configuration, "the configuration is not the suite, the set and the contract"),
    "a field more": (another_product, r"does not keep its schema: at \$.predicate.prefectConformance"),
    "another suite": (suite, "the configuration is not the suite"),
    "a condition swapped": (
        condition,
        "more than one verdict on security.credentials-required|is not what the evidence",
    ),
    "a condition of no check": (condition_without_checks, "no check is not applicable for volatile"),
    "issued before the run had ended": (too_early, "before the run had ended"),
    "issued on a day that is none": (no_day, "does not keep its schema: at issued"),
    "a key that stands twice": (
        as_bytes(lambda raw: raw.replace(b'"result": "FAILED",', b'"result": "FAILED",\n  "result": "PASSED",')),
        "the key 'result' stands twice",
    ),
    "a truncated file": (as_bytes(lambda raw: raw[: len(raw) // 2]), r"not one whole JSON document \(truncated\?\)"),
    "an empty file": (as_bytes(lambda _: b""), "not one whole JSON document"),
    "what is no text": (as_bytes(lambda raw: b"\xff\xfe" + raw), "not one whole JSON document"),
    "no number": (as_bytes(lambda raw: raw.replace(b'"seconds": 12.5', b'"seconds": NaN')), "NaN is not JSON"),
    "another number of the same value": (
        as_bytes(lambda raw: raw.replace(b'"seconds": 12.5', b'"seconds": 12.50')),
        "is not spelled as `certify` does",
    ),
    "a count that is no whole number": (
        as_bytes(lambda raw: raw.replace(b'"failed": 2', b'"failed": 2.0', 1)),
        "it says more or something else",
    ),
    "white space": (as_bytes(lambda raw: raw + b"\n"), "is not spelled as `certify` does"),
    "half a character": (
        as_bytes(lambda raw: raw.replace(b'"Acme"', b'"\\ud800"')),
        "is not spelled as `certify` does",
    ),
    "something else": (as_bytes(lambda _: b'["verdicts"]'), "it is no certificate|is JSON, and no certificate"),
    "the verdicts themselves": (as_bytes(lambda _: b'{"schema": "urn:prefect-conformance:verdicts:1"}'), "spelled"),
    "depth without end": (as_bytes(lambda _: b"[" * 100_000), "not one whole JSON document"),
}


def case(folder: Path) -> Case:
    """A certificate of a run with two failures, and a waiver until the first of June."""
    found = run({FAILED: F, PUT_NAME: F, WAIVED: (W, "known")}, expires=date(2026, 6, 1))
    return Case(folder, statement(folder, found))


def test_the_case_that_is_tampered_with_is_valid(tmp_path: Path) -> None:
    this = case(tmp_path)
    assert certified(verify(this.file(), today=TODAY, folder=tmp_path)) == EVERY - {"guidelines", "core"}
    verify(this.file(), today=date(2026, 6, 1), folder=tmp_path)


@pytest.mark.parametrize("name", TAMPERED)
def test_tampering_is_rejected_with_its_reason(name: str, tmp_path: Path) -> None:
    tamper, why = TAMPERED[name]
    this = case(tmp_path)
    tamper(this)
    with pytest.raises(RejectedError, match=why) as told:
        verify(this.file(), today=this.today, folder=tmp_path)
    assert all("\n" not in reason for reason in told.value.reasons)


@pytest.mark.parametrize("name", ["and all that follows from it", "and called missing", "and called not scored"])
def test_who_edits_thoroughly_is_found_out_by_the_evidence_or_the_signature_alone(name: str, tmp_path: Path) -> None:
    this = case(tmp_path)
    before = this.file()
    TAMPERED[name][0](this)
    verify(this.file(), today=TODAY)
    sealed = json.loads(certify(tmp_path, PRODUCT, ISSUED, key=KEY))
    assert base64.b64decode(sealed["payload"]) == before
    sealed["payload"] = base64.b64encode(this.file()).decode()
    with pytest.raises(RejectedError, match="bad signature"):
        verify(dump(sealed), today=TODAY, key=KEY.public_key())


def test_what_is_signed_has_to_be_a_certificate_too(tmp_path: Path) -> None:
    this = case(tmp_path)
    this.own["counts"]["passed"] += 1
    with pytest.raises(RejectedError, match="counts says"):
        verify(resigned(this.file()), today=TODAY, key=KEY.public_key())
    with pytest.raises(RejectedError, match="what the envelope holds is not one whole JSON document"):
        verify(resigned(this.file()[:99]), today=TODAY, key=KEY.public_key())
    with pytest.raises(RejectedError, match="what the envelope holds is not spelled"):
        verify(resigned(b"{ }"), today=TODAY, key=KEY.public_key())


def resigned(body: bytes) -> bytes:
    from conformance.verdicts.certificate.envelope import seal

    return dump(seal(body, KEY))
