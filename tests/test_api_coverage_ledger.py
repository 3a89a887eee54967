"""The coverage of the API in the ledger of a run: what is required of it, and what falls short."""

from __future__ import annotations

import json
import sys

import pytest
from api_coverage_samples import CONTRACT, EVERYTHING, coverage, seen, surveyed
from verdict_samples import MUST, build, judged, ledger

from conformance.cli import main
from conformance.errors import ConformanceError, ExitCode
from conformance.verdicts import document
from conformance.verdicts.api_coverage import parse_required
from conformance.verdicts.ledger import Ledger
from conformance.verdicts.model import Result, Verdict
from conformance.verdicts.transcript import TranscribedLedger, replay


def test_what_is_required_and_not_reached_makes_the_run_incomplete() -> None:
    made = surveyed(*EVERYTHING[:5])
    made.required = parse_required(["operations=75", "status-codes=90"])
    made.close()
    assert made.reasons() == (
        "coverage of operations is 50 % (2 of 4), and 75 % is required",
        "coverage of status-codes is 57.1 % (4 of 7), and 90 % is required",
    )
    assert (made.result(), made.exit_code()) == (Result.INCOMPLETE, ExitCode.INCOMPLETE)
    made = surveyed(*EVERYTHING)
    made.required = parse_required(["operations=100", "response-properties=100"])
    made.close()
    assert (made.result(), made.reasons()) == (Result.CONFORMANT, ())


def test_a_failure_stays_one_and_the_shortfall_is_told_beside_it() -> None:
    made = ledger(judged(MUST, "a", Verdict.FAILED))
    made.survey(CONTRACT)
    made.required = parse_required(["paths=1"])
    made.close()
    assert made.result() is Result.NON_CONFORMANT
    assert made.reasons() == ("1 of 1 check failed", "coverage of paths is 0 % (0 of 3), and 1 % is required")


def test_a_run_that_found_no_contract_is_not_measured() -> None:
    made = ledger(judged(MUST, "a"))
    made.required = parse_required(["operations=100"])
    assert made.api_coverage is None
    assert "api_coverage" not in json.loads(document.dump(build(made)))


def test_an_operation_that_there_is_not_is_an_error_of_the_run() -> None:
    made = surveyed()
    made.see({"GET /nothing": [0]})
    assert [error.message for error in made.errors] == ["GET /nothing was seen, and the contract has no such operation"]


def test_a_transcript_has_what_was_seen() -> None:
    told = TranscribedLedger(ledger().catalogue)
    told.survey(CONTRACT)
    told.see(seen(*EVERYTHING[:3]))
    told.see({})
    again = Ledger(told.catalogue)
    again.survey(CONTRACT)
    replay(json.loads(json.dumps(told.events)), again)
    assert again.api_coverage == told.api_coverage == coverage(*EVERYTHING[:3])
    assert len(told.events) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense=4", "there is no criterion 'nonsense'; there are paths, operations"),
        ("=4", "there is no criterion ''"),
        ("operations", "operations=90"),
        ("operations=", "operations=90"),
        ("operations=many", "operations=90"),
        ("operations=0", "above 0"),
        ("operations=-1", "above 0"),
        ("operations=101", "up to 100"),
        ("operations=nan", "up to 100"),
        ("operations=inf", "up to 100"),
    ],
)
def test_what_can_not_be_required(text: str, says: str) -> None:
    with pytest.raises(ConformanceError, match=says):
        parse_required([text])


def test_a_criterion_is_required_once_and_a_bad_one_ends_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConformanceError, match="operations is there twice"):
        parse_required(["operations=1", "operations=2"])
    arguments = ["run", "--url", "http://127.0.0.1:9/api", "--require-coverage", "levels=3"]
    monkeypatch.setattr(sys, "argv", ["prefect-conformance", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert (ended.value.code, printed.err.count("\n"), printed.out) == (2, 1, "")
    assert "there is no criterion 'levels'" in printed.err
