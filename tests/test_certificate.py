"""The certificate: what it says of a run, and what verdicts.json tells for it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from certificate_samples import (
    CONTRACT,
    CREDENTIALS_NAME,
    EVERY,
    ID,
    IN_TOTO,
    ISSUED,
    LOST,
    MAY_NAME,
    NESTING_NAME,
    PLURAL,
    PLURAL_NAME,
    PRODUCT,
    PUT_NAME,
    certified,
    of,
    run,
    statement,
    written,
)
from verdict_samples import MUST, judged, ledger
from verdict_samples import build as build_document

from conformance.catalogue import Profile, sets
from conformance.errors import ConformanceError
from conformance.run import reports
from conformance.settings import Settings
from conformance.verdicts import document
from conformance.verdicts.certificate import certify
from conformance.verdicts.certificate.statement import EXTENSION
from conformance.verdicts.model import Verdict
from conformance.verdicts.waivers import Waiver, Waivers

F, W = Verdict.FAILED, Verdict.WAIVED
N, C = Verdict.NOT_APPLICABLE, Verdict.COULD_NOT_RUN

pytestmark = pytest.mark.usefixtures("small_sets")


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
