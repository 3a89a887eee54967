"""The certificate: what it says of a run, and that one which was tampered with is rejected, with the reason."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree

import pytest
from certificate_samples import (
    CONTRACT,
    CREDENTIALS_NAME,
    ID,
    ISSUED,
    LOST,
    MAY_NAME,
    NESTING_NAME,
    OTHER_ID,
    PLURAL,
    PLURAL_NAME,
    PRODUCT,
    PUT_NAME,
    TODAY,
    run,
    small_sets,
    statement,
    written,
)
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]
from verdict_samples import MUST, judged, ledger
from verdict_samples import build as build_document

from conformance import cli as commands
from conformance import data
from conformance.catalogue import Profile, sets
from conformance.errors import ConformanceError
from conformance.run import reports
from conformance.settings import Settings
from conformance.verdicts import document
from conformance.verdicts.certificate import (
    Product,
    RejectedError,
    Verified,
    certify,
    endpoint,
    key_id,
    lines,
    read_private,
    read_public,
    svg,
    verify,
)
from conformance.verdicts.certificate.envelope import _encoded
from conformance.verdicts.certificate.statement import EXTENSION, build, dump, facts_of
from conformance.verdicts.model import Verdict
from conformance.verdicts.waivers import Waiver, Waivers

P, F, W = Verdict.PASSED, Verdict.FAILED, Verdict.WAIVED
N, C = Verdict.NOT_APPLICABLE, Verdict.COULD_NOT_RUN

KEY, STRANGER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


@pytest.fixture(autouse=True)
def _small() -> Iterator[None]:
    with small_sets():
        yield


def schema(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((data.fixtures() / "schemas" / f"{name}.schema.json").read_text()))


CERTIFICATE, IN_TOTO = schema("certificate"), schema("in-toto-statement")


def of(folder: Path, *arguments: Any, **named: Any) -> Verified:
    """The certificate of a run, once it was verified with its evidence, and kept its schemas."""
    raw = certify(written(folder, run(*arguments, **named)), PRODUCT, ISSUED)
    assert list(CERTIFICATE.iter_errors(json.loads(raw))) == []
    assert list(IN_TOTO.iter_errors(json.loads(raw))) == []
    return verify(raw, today=TODAY, folder=folder)


def certified(verified: Verified) -> set[str]:
    return {profile.value for profile, its in verified.scoring.profiles.items() if its.certified}


EVERY = {profile.value for profile in Profile}


# What it says of a run


def test_a_run_that_passed_certifies_every_profile(tmp_path: Path) -> None:
    verified = of(tmp_path)
    assert certified(verified) == EVERY
    assert verified.scoring.unscored == (MAY_NAME,)
    assert verified.key_id is None
    told = statement(tmp_path)["predicate"]
    assert told["result"] == "PASSED"
    assert PLURAL_NAME in told["passedTests"]
    assert told[EXTENSION]["set"] == {"id": ID, "sha256": sets.published()[ID], "contract_sha256": CONTRACT}


@pytest.mark.parametrize(
    ("changes", "lost", "why", "result"),
    [
        ({PLURAL_NAME: F}, "guidelines", f"1 check failed: {PLURAL_NAME}", "FAILED"),
        ({NESTING_NAME: F}, "guidelines", f"1 check failed: {NESTING_NAME}", "FAILED"),
        ({PLURAL_NAME: (W, "known")}, "guidelines", f"1 check of a MUST waived: {PLURAL_NAME}", "FAILED"),
        ({NESTING_NAME: (W, "known")}, None, "", "WARNED"),
        ({PUT_NAME: C}, "core", f"1 check could not run: {PUT_NAME}", "FAILED"),
        ({PUT_NAME: None}, "core", f"1 check missing: {PUT_NAME}", "FAILED"),
        ({PUT_NAME: (N, "shared-server")}, "core", f"1 check not judged (shared-server): {PUT_NAME}", "FAILED"),
        ({PUT_NAME: (N, "hidden")}, None, "", "PASSED"),
        ({PUT_NAME: (N, "of no condition")}, "core", f"1 check not judged (unstated): {PUT_NAME}", "FAILED"),
        ({CREDENTIALS_NAME: (N, "open")}, None, "", "PASSED"),
        ({CREDENTIALS_NAME: (N, "unguarded")}, "security", "1 check not judged (unguarded)", "FAILED"),
        ({MAY_NAME: F}, None, "", "WARNED"),
        ({MAY_NAME: None}, None, "", "PASSED"),
        ({f"{PLURAL} GET /news": F}, None, "", "WARNED"),
    ],
)
def test_what_a_verdict_does_to_its_profile(
    changes: Any, lost: str | None, why: str, result: str, tmp_path: Path
) -> None:
    verified = of(tmp_path, changes)
    assert certified(verified) == EVERY - {lost}
    reasons = [reason for its in verified.scoring.profiles.values() for reason in its.reasons]
    assert [why in reason for reason in reasons] == [True] * (lost is not None)
    assert json.loads(certify(tmp_path, PRODUCT, ISSUED))["predicate"]["result"] == result


def test_a_run_in_error_certifies_nothing(tmp_path: Path) -> None:
    verified = of(tmp_path, errors=("a check crashed",))
    assert certified(verified) == set()
    assert verified.scoring.profiles[Profile.CORE].reasons == ("the run itself is in error: a check crashed",)


def test_a_new_check_is_not_scored_in_an_old_set(tmp_path: Path) -> None:
    new = f"{PLURAL} GET /news"
    verified = of(tmp_path, {new: F, "verbs.put-replaces PUT /flows/{id}": F})
    assert certified(verified) == EVERY
    assert verified.scoring.unscored == tuple(sorted([MAY_NAME, new, "verbs.put-replaces PUT /flows/{id}"]))


def test_several_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    names = sorted([f"{PLURAL} GET /flows/{{id}}", f"{PLURAL} POST /flows/"])
    verified = of(tmp_path, dict.fromkeys(names, F))
    assert verified.scoring.profiles[Profile.GUIDELINES].reasons == (f"2 checks failed: {names[0]} and 1 more",)


WITHOUT_A_DOCUMENT = {
    f"{LOST} GET /flows/{{id}}": None,
    f"{LOST} POST /flows/": None,
    f"{LOST} the contract": (N, "absent"),
}


def test_a_target_without_a_document_is_not_compared_with_one(tmp_path: Path) -> None:
    by_the_frozen_one = {"contract_sha256": CONTRACT, "compared_with": None}
    assert certified(of(tmp_path, WITHOUT_A_DOCUMENT, target=by_the_frozen_one)) == EVERY


def test_a_target_that_is_judged_by_another_document_misses_those_checks(tmp_path: Path) -> None:
    assert certified(of(tmp_path, WITHOUT_A_DOCUMENT, target={"compared_with": None})) == EVERY - {"core"}


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"filtered": True}, "the run was filtered"),
        ({"shard": "1/2"}, "shard 1/2 of another"),
        ({"read_only": True}, "read-only"),
        ({"seed": 7}, "with seed 7 and 8 fuzz examples"),
        ({"fuzz_examples": 1}, "with seed 20221013 and 1 fuzz examples"),
        ({"target": {"version": None}}, "broke off before it knew its target"),
    ],
)
def test_a_run_that_is_none_to_certify_by_is_refused(about: Any, why: str, tmp_path: Path) -> None:
    folder = written(tmp_path, run(**about))
    with pytest.raises(ConformanceError, match=why):
        certify(folder, PRODUCT, ISSUED)


def test_the_digest_of_an_artefact_is_a_subject(tmp_path: Path) -> None:
    product = PRODUCT.model_copy(update={"sha256": "a" * 64})
    told = json.loads(certify(written(tmp_path, run()), product, ISSUED))
    assert list(IN_TOTO.iter_errors(told)) == []
    assert [(subject["name"], subject["digest"]["sha256"]) for subject in told["subject"]] == [
        ("Flower 1.2", "a" * 64),
        ("openapi.json", "d" * 64),
    ]


def test_what_a_waiver_says_is_in_the_certificate(tmp_path: Path) -> None:
    told = statement(tmp_path, run({NESTING_NAME: (W, "known since long")}, expires=date(2026, 1, 3)))
    assert told["predicate"]["warnedTests"] == [NESTING_NAME]
    assert told["predicate"][EXTENSION]["waivers"] == [
        {
            "requirement": "routes.nesting",
            "subject": "GET /flows/{id}",
            "reason": "known since long",
            "expires": "2026-01-03",
        }
    ]


# What verdicts.json tells for it


def test_the_verdicts_tell_how_whole_a_run_was(tmp_path: Path) -> None:
    asked = Settings(select=("verbs.*",), fuzz_examples=3, reports=tmp_path)
    about = {"started": ISSUED, "seconds": 1.0, "timings": {}, "target": document.Target()}
    found = [
        reports._document(cast(reports.Judged, SimpleNamespace(settings=asked, ledger=of_a_run, **about))).run
        for of_a_run in (ledger(judged(MUST, "a"), filtered=True), ledger(judged(MUST, "a")))
    ]
    assert [(run.filtered, run.fuzz_examples) for run in found] == [(True, 3), (False, 3)]


def test_what_is_usual_is_not_told_and_read_so(tmp_path: Path) -> None:
    document.write(run(), tmp_path / "verdicts.json")
    told = json.loads((tmp_path / "verdicts.json").read_text())["run"]
    assert not {"filtered", "fuzz_examples", "shard", "read_only"} & told.keys()
    assert document.load(tmp_path / "verdicts.json").run.fuzz_examples == 8


def test_the_verdicts_tell_until_when_a_waiver_holds(tmp_path: Path) -> None:
    terms = {"link": "https://example.org/1", "expires": date(2026, 6, 1), "reason": "known", "replay": "curl x"}
    accepted = Waivers([(Waiver(requirement=MUST, subject="a", **terms), "w.toml")])  # type: ignore[arg-type]
    made = build_document(ledger(judged(MUST, "a", F), judged(MUST, "b", F), waivers=accepted))
    document.write(made, tmp_path / "verdicts.json")
    entries = json.loads((tmp_path / "verdicts.json").read_text())["verdicts"]
    assert (entries[0]["waiver_link"], entries[0]["waiver_expires"]) == ("https://example.org/1", "2026-06-01")
    assert not {"waiver", "waiver_link", "waiver_expires"} & entries[1].keys()
    assert document.load(tmp_path / "verdicts.json") == made


# Tampering


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


# Signatures


@pytest.fixture
def sealed(tmp_path: Path) -> dict[str, Any]:
    return json.loads(certify(written(tmp_path, run()), PRODUCT, ISSUED, key=KEY))  # type: ignore[no-any-return]


def test_a_signed_certificate_is_valid_for_the_key_that_signed_it(sealed: dict[str, Any]) -> None:
    assert list(CERTIFICATE.iter_errors(sealed)) == []
    verified = verify(dump(sealed), today=TODAY, key=KEY.public_key())
    assert verified.key_id == key_id(KEY.public_key()) == sealed["signatures"][0]["keyid"]
    assert f"signed by the key {verified.key_id}" in list(lines(verified))


def test_the_tool_of_another_house_opens_it(sealed: dict[str, Any], tmp_path: Path) -> None:
    envelope = Envelope.from_dict(deepcopy(sealed))
    id_ = sealed["signatures"][0]["keyid"]
    envelope.verify([SSlibKey.from_crypto(KEY.public_key(), keyid=id_)], 1)
    assert json.loads(envelope.payload) == statement(tmp_path)
    with pytest.raises(VerificationError):
        envelope.verify([SSlibKey.from_crypto(STRANGER.public_key(), keyid=id_)], 1)


def test_what_is_signed_is_what_the_protocol_says() -> None:
    # The example of protocol.md.
    assert _encoded("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def resealed(sealed: dict[str, Any], **told: Any) -> dict[str, Any]:
    return sealed | told


def signature(sealed: dict[str, Any], **told: Any) -> dict[str, Any]:
    return sealed | {"signatures": [sealed["signatures"][0] | told]}


def with_flipped(text: str) -> str:
    raw = bytearray(base64.b64decode(text))
    raw[len(raw) // 2] ^= 1
    return base64.b64encode(raw).decode()


FORGED: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = {
    "what is signed": (lambda it: it | {"payload": with_flipped(it["payload"])}, "bad signature"),
    "the signature": (lambda it: signature(it, sig=with_flipped(it["signatures"][0]["sig"])), "bad signature"),
    "no signature": (lambda it: it | {"signatures": []}, "has not one signature"),
    "a signature more": (lambda it: it | {"signatures": it["signatures"] * 2}, "has not one signature"),
    "an empty signature": (lambda it: signature(it, sig=""), "bad signature"),
    "no Base64": (lambda it: signature(it, sig="?"), "holds what is no Base64"),
    "Base64 with bits to spare": (
        lambda it: signature(it, sig=it["signatures"][0]["sig"][:-3] + "B=="),
        "bad signature",
    ),
    "the key's id": (lambda it: signature(it, keyid="0" * 64), "foreign signature: by the key 000"),
    "another type of content": (lambda it: it | {"payloadType": "application/json"}, "holds 'application/json'"),
    "a field more": (lambda it: it | {"more": 1}, "no DSSE envelope"),
    "a field of the signature more": (lambda it: signature(it, cert="x"), "has not a keyid and a sig"),
    "a list for the content": (lambda it: it | {"payload": []}, "no DSSE envelope"),
    "a number for the signature": (lambda it: signature(it, sig=1), "has not a keyid and a sig"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_envelope_is_rejected_with_its_reason(name: str, sealed: dict[str, Any]) -> None:
    forge, why = FORGED[name]
    with pytest.raises(RejectedError, match=why):
        verify(dump(forge(sealed)), today=TODAY, key=KEY.public_key())


def test_a_foreign_signature_is_rejected(tmp_path: Path) -> None:
    raw = certify(written(tmp_path, run()), PRODUCT, ISSUED, key=STRANGER)
    with pytest.raises(RejectedError, match="foreign signature: by the key"):
        verify(raw, today=TODAY, key=KEY.public_key())


def test_a_foreign_signature_under_the_id_of_the_right_key_is_rejected(tmp_path: Path) -> None:
    forged = json.loads(certify(written(tmp_path, run()), PRODUCT, ISSUED, key=STRANGER))
    forged["signatures"][0]["keyid"] = key_id(KEY.public_key())
    with pytest.raises(RejectedError, match="bad signature"):
        verify(dump(forged), today=TODAY, key=KEY.public_key())


def test_the_statement_without_its_envelope_is_not_signed(sealed: dict[str, Any]) -> None:
    with pytest.raises(RejectedError, match="it is not signed, and --key asks for a signature"):
        verify(base64.b64decode(sealed["payload"]), today=TODAY, key=KEY.public_key())


def test_a_signed_one_is_not_verified_without_a_key(sealed: dict[str, Any]) -> None:
    with pytest.raises(ConformanceError, match="signed by the key .*: give its public key with --key"):
        verify(dump(sealed), today=TODAY)


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


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    with small_sets():
        raw = certify(written(tmp_path_factory.mktemp("signed"), run()), PRODUCT, ISSUED, key=KEY)
        verify(raw, today=TODAY, key=KEY.public_key())
    return raw


def test_any_changed_bit_of_a_signed_certificate_is_rejected(signed: bytes) -> None:
    for place in range(len(signed)):
        changed = bytearray(signed)
        changed[place] ^= 1
        with pytest.raises(RejectedError):
            verify(bytes(changed), today=TODAY, key=KEY.public_key())


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_changed_byte_of_a_signed_certificate_is_rejected(signed: bytes, draw: st.DataObject) -> None:
    place = draw.draw(st.integers(0, len(signed) - 1), "place")
    byte = draw.draw(st.integers(0, 255).filter(lambda value: value != signed[place]), "byte")
    changed = signed[:place] + bytes([byte]) + signed[place + 1 :]
    with pytest.raises(RejectedError):
        verify(changed, today=TODAY, key=KEY.public_key())


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0), st.binary(max_size=3))
def test_any_cut_or_longer_signed_certificate_is_rejected(signed: bytes, at: int, more: bytes) -> None:
    for changed in (signed[: at % len(signed)], signed + more + b" "):
        with pytest.raises(RejectedError):
            verify(changed, today=TODAY, key=KEY.public_key())


# Keys


def pem(key: Any, encryption: Any = None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())  # type: ignore[no-any-return]


def public_pem(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("content", "read", "why"),
    [
        (b"nothing", read_private, "no private key in PEM; `openssl genpkey"),
        (pem(KEY, BestAvailableEncryption(b"x")), read_private, "the key is encrypted"),
        (pem(generate_private_key(SECP256R1())), read_private, "none of Ed25519"),
        (public_pem(KEY), read_private, "no private key"),
        (b"nothing", read_public, "no public key in PEM"),
        (pem(KEY), read_public, "that is a private key"),
        (public_pem(generate_private_key(SECP256R1())), read_public, "none of Ed25519"),
        (None, read_private, "can't read the key: No such file"),
        (None, read_public, "can't read the key: No such file"),
    ],
    # Not the keys themselves: they are made anew in each process, and workers have to collect the same.
    ids=[
        *("no private key", "an encrypted key", "another kind of key", "a public key for a private one"),
        *("no public key", "a private key for a public one", "another kind of public key"),
        *("no private file", "no public file"),
    ],
)
def test_a_key_that_is_none_is_told(
    content: bytes | None, read: Callable[[Path], object], why: str, tmp_path: Path
) -> None:
    path = tmp_path / "key.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConformanceError, match=why) as told:
        read(path)
    assert "\n" not in str(told.value)


# Badges

HOSTILE = Product(vendor="<script>alert(1)</script>", name='"><b onload=x>\x1b[31m', version="&amp; ' \u202e")


@pytest.mark.parametrize(
    ("changes", "message", "colour"),
    [
        ({}, "9.9.9: all profiles", "brightgreen"),
        ({PLURAL_NAME: F}, "9.9.9: core, extended, robustness, security, client", "yellow"),
    ],
)
def test_a_badge_says_what_is_certified(changes: Any, message: str, colour: str, tmp_path: Path) -> None:
    verified = of(tmp_path, changes)
    assert json.loads(endpoint(verified)) == {
        "schemaVersion": 1,
        "label": "Prefect API",
        "message": message,
        "color": colour,
    }
    tree = ElementTree.fromstring(svg(verified))
    assert [text.text for text in tree.iter("{http://www.w3.org/2000/svg}text")] == ["Prefect API", message]


def test_a_badge_of_nothing_is_red(tmp_path: Path) -> None:
    verified = of(tmp_path, errors=("it crashed",))
    assert json.loads(endpoint(verified))["message"] == "9.9.9: not certified"
    assert json.loads(endpoint(verified))["color"] == "red"


def test_names_in_a_badge_stay_text(tmp_path: Path) -> None:
    raw = certify(written(tmp_path, run()), HOSTILE, ISSUED)
    drawn = svg(verify(raw, today=TODAY))
    tree = ElementTree.fromstring(drawn)
    assert {element.tag.partition("}")[2] for element in tree.iter()} == {"svg", "title", "rect", "g", "text"}
    assert "<script>alert(1)</script>" in (tree.findtext("{http://www.w3.org/2000/svg}title") or "")
    assert "\x1b" not in drawn
    assert "\u202e" not in drawn


# The commands, on what is really published


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reports of a run of 2.0.0 in which all passed but one check of a SHOULD, which is waived."""
    folder = tmp_path_factory.mktemp("whole")
    by = sets.load("prefect-2.0.0/1")
    changes = {"routes.nesting GET /flows/{id}": (W, "known")}
    served = {"version": "2.0.0", "compared_with": "2.0.0"}
    written(folder / "reports", run(changes, by=by, target=served))
    (folder / "key.pem").write_bytes(pem(KEY))
    (folder / "key.pub").write_bytes(public_pem(KEY))
    return folder


TARGET = ("--url", "http://127.0.0.1:1/api")
NAMED = ("--vendor", "Acme", "--product", "Flower", "--product-version", "1.2")


@pytest.fixture
def _published(_small: None) -> Iterator[None]:
    """The commands run in processes of their own, where the small sets are not; what is made here is made as there."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("published", "load", "for_release"):
            patch.setattr(sets, name, ORIGINAL[name])
        yield


ORIGINAL = {name: getattr(sets, name) for name in ("published", "load", "for_release")}


@dataclass
class Ended:
    """What a command ended with, and said."""

    code: object
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in a folder, in this process: to import the suite anew takes seconds each time."""

    def run_(folder: Path, *arguments: str) -> Ended:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["prefect-conformance", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            commands.main()
        said = capsys.readouterr()
        return Ended(ended.value.code or 0, said.out, said.err)

    return run_


@pytest.mark.usefixtures("_published")
def test_a_certificate_is_made_verified_and_shown(whole: Path, command: Command) -> None:
    made = command(whole, "certificate", "reports", *NAMED, "--key", "key.pem")
    assert (made.code, made.err) == (0, "")
    content = json.loads((whole / "reports" / "certificate.json").read_bytes())
    assert list(CERTIFICATE.iter_errors(content)) == []
    assert list(CERTIFICATE.iter_errors(json.loads(base64.b64decode(content["payload"])))) == []
    assert list(IN_TOTO.iter_errors(json.loads(base64.b64decode(content["payload"])))) == []

    file = "reports/certificate.json"
    verified = command(whole, "verify", file, "--key", "key.pub", "--evidence", "reports")
    assert (verified.code, verified.err) == (0, "")
    assert "reports/certificate.json: valid" in verified.out
    assert "core        certified (of 1403 checks)" in verified.out
    assert "signed by the key" in verified.out

    unkeyed = command(whole, "verify", file)
    assert (unkeyed.code, unkeyed.out) == (2, "")
    assert "give its public key with --key" in unkeyed.err

    badge = command(whole, "badge", file, "--key", "key.pub")
    assert (badge.code, badge.err) == (0, "")
    assert json.loads((whole / "reports" / "badge.json").read_text())["message"] == "2.0.0: all profiles"
    ElementTree.fromstring((whole / "reports" / "badge.svg").read_text())


@pytest.mark.usefixtures("_published")
def test_what_verify_and_badge_end_with(whole: Path, tmp_path: Path, command: Command) -> None:
    raw = certify(whole / "reports", PRODUCT, datetime.now(UTC))
    (tmp_path / "cut.json").write_bytes(raw[:100])
    for name in ("verify", "badge"):
        cut = command(tmp_path, name, "cut.json")
        assert (cut.code, cut.err) == (1, "")
        assert cut.out.startswith("cut.json: rejected: the file is not one whole JSON document")
        none = command(tmp_path, name, "none.json")
        assert (none.code, none.out) == (2, "")
        assert none.err == "Error: none.json: can't read the certificate: No such file or directory\n"
    assert not list(tmp_path.glob("badge.*"))
    (tmp_path / "whole.json").write_bytes(raw)
    nowhere = command(tmp_path, "verify", "whole.json", "--evidence", "nowhere")
    assert (nowhere.code, nowhere.err) == (2, "Error: nowhere: no folder with the reports of a run\n")
    unsigned = command(tmp_path, "verify", "whole.json")
    assert unsigned.code == 0
    assert "not signed" in unsigned.out


@pytest.mark.usefixtures("_published")
def test_every_reason_is_on_a_line_of_its_own(whole: Path, tmp_path: Path, command: Command) -> None:
    content = json.loads(certify(whole / "reports", PRODUCT, datetime.now(UTC)))
    content["predicate"][EXTENSION]["run"] |= {"filtered": True, "result": "non-conformant"}
    (tmp_path / "edited.json").write_bytes(dump(content))
    edited_ = command(tmp_path, "verify", "edited.json")
    assert edited_.code == 1
    assert [line.partition(": rejected: ")[2][:16] for line in edited_.out.splitlines()] == [
        "the run was filt",
        "the run is calle",
    ]


def test_names_of_a_certificate_do_nothing_on_a_terminal(tmp_path: Path, command: Command) -> None:
    (tmp_path / "it.json").write_bytes(certify(written(tmp_path, run()), HOSTILE, ISSUED))
    shown = command(tmp_path, "verify", "it.json")
    assert shown.code == 0
    assert "<script>alert(1)</script>" in shown.out
    assert "\x1b" not in shown.out
    assert "\u202e" not in shown.out


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ((), "Missing option"),
        ((*NAMED, "--product-sha256", "abc", "--server", "prefect==2.0.0"), "is no SHA-256"),
        ((*NAMED[:-1], " ", "--server", "prefect==2.0.0"), "--product-version is empty"),
        ((*NAMED, "--set", "prefect-1.0.0/1", "--server", "prefect==2.0.0"), "there is no certification set"),
        ((*NAMED, "--key", "none.pem", "--server", "prefect==2.0.0"), "can't read the key"),
        (NAMED, "say what is certified: one of --url and --server"),
        ((*NAMED, "--select", "sort.*", "--server", "prefect==2.0.0"), "No such option"),
    ],
)
def test_certify_refuses_bad_input_before_it_runs(
    wrong: tuple[str, ...], why: str, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(monkeypatch, lambda _: pytest.fail("it runs"))
    told = command(tmp_path, "certify", *wrong)
    assert told.code == 2
    assert why in told.err
    assert told.err.count("\n") == 1


def running(monkeypatch: pytest.MonkeyPatch, runs: Callable[[Settings], int]) -> None:
    """Have this in the place of the run that `certify` makes."""
    monkeypatch.setattr("conformance.cli.running._run", runs)


@pytest.mark.parametrize(("changes", "code"), [({}, 0), ({PLURAL_NAME: F}, 1), ({PUT_NAME: C}, 3)])
def test_certify_writes_the_certificate_of_its_run_and_ends_as_that(
    changes: Any, code: int, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def runs(asked: Settings) -> int:
        assert (asked.select, asked.shard, asked.read_only, asked.fuzz, asked.exploring) == (
            (),
            None,
            False,
            True,
            False,
        )
        assert asked.url == "http://127.0.0.1:1/api"
        written(asked.reports, run(changes))
        return code

    running(monkeypatch, runs)
    (tmp_path / "key.pem").write_bytes(pem(KEY))
    ended = command(tmp_path, "certify", *NAMED, *TARGET, "--key", "key.pem")
    assert (ended.code, ended.err) == (code, "")
    raw = (tmp_path / "reports" / "certificate.json").read_bytes()
    verified = verify(raw, today=datetime.now(UTC).date(), key=KEY.public_key(), folder=tmp_path / "reports")
    assert len(certified(verified)) == len(EVERY) - bool(changes)
    assert f"signed by the key {key_id(KEY.public_key())}" in ended.out


def test_a_run_that_can_not_begin_leaves_the_certificate_of_an_earlier_one(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = written(tmp_path / "reports", run())
    (reports / "certificate.json").write_bytes(certify(reports, PRODUCT, ISSUED))
    running(monkeypatch, lambda _: 2)
    before = {path: path.read_bytes() for path in reports.iterdir() if path.is_file()}
    assert command(tmp_path, "certify", *NAMED, *TARGET).code == 2
    assert {path: path.read_bytes() for path in reports.iterdir() if path.is_file()} == before


def test_a_run_that_is_none_to_certify_by_keeps_its_own_end(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(asked: Settings) -> int:
        written(asked.reports, run({PUT_NAME: C}, target={"version": None}))
        return 3

    running(monkeypatch, lost)
    ended = command(tmp_path, "certify", *NAMED, *TARGET)
    assert ended.code == 3
    assert "no certificate: the run broke off before it knew its target" in ended.out
