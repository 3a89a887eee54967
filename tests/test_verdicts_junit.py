"""`junit.xml`: what CI servers are told."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from hypothesis import example, given
from hypothesis import strategies as st
from verdict_samples import CATALOGUE, MUST, OTHER, SHOULD, build, judged, ledger, waived

from conformance.verdicts import junit
from conformance.verdicts.model import Judgement, Verdict
from conformance.verdicts.printable import printable


def rendered(*judgements: Judgement) -> ElementTree.Element:
    made = ledger(*judgements, waivers=waived((SHOULD, "known")), filtered=True)
    return ElementTree.fromstring(junit.render(build(made), made.judgements, CATALOGUE))


def test_each_verdict_has_its_mark() -> None:
    root = rendered(
        judged(MUST, "ok").model_copy(update={"seconds": 0.5}),
        judged(MUST, "bad", Verdict.FAILED, details="expected 1\nobserved 2"),
        judged(OTHER, "stuck", Verdict.COULD_NOT_RUN),
        judged(SHOULD, "known", Verdict.FAILED),
        judged(SHOULD, "absent", Verdict.NOT_APPLICABLE),
    )
    assert [suite.get("name") for suite in root] == ["Verbs", "Filtering"]
    cases = {str(case.get("name")): case for case in root.iter("testcase")}
    marks = {name: [mark.tag for mark in case] for name, case in cases.items()}
    assert marks == {
        "bad": ["failure"],
        "ok": [],
        "stuck": ["error"],
        "absent": ["skipped"],
        "known": ["skipped"],
    }
    assert cases["bad"].get("classname") == MUST
    assert cases["bad"][0].get("message") == "bad is failed"
    assert cases["bad"][0].text == "MUST The text of verbs.must.\n\nexpected 1\nobserved 2"
    assert cases["known"][0].get("message") == "waived: known is known"
    assert cases["absent"][0].get("message") == "not applicable: absent is not-applicable"
    verbs = root[0]
    totals = {key: verbs.get(key) for key in ("tests", "failures", "errors", "skipped", "time")}
    assert totals == {"tests": "3", "failures": "1", "errors": "1", "skipped": "0", "time": "0.500"}
    assert (root.get("tests"), root.get("skipped")) == ("5", "2")


@given(st.text(st.characters(codec=None)) | st.text())
@example("\x00\x1b[31mred\x1b[0m \ud800 \ufffe ]]> <a> & \x1b]0;title\x07 \x85 \r")
def test_any_text_makes_well_formed_xml(text: str) -> None:
    judgement = judged(MUST, f"s{text}", Verdict.FAILED, summary=text, details=text)
    root = rendered(judgement)
    case = next(root.iter("testcase"))
    assert case.get("name") == printable(judgement.subject)
    assert "\x1b" not in (case[0].text or "")


def test_it_is_written_as_utf8(tmp_path: Path) -> None:
    made = ledger(judged(MUST, "flüsse", Verdict.FAILED, details="😀"))
    junit.write(build(made), made.judgements, CATALOGUE, tmp_path / "junit.xml")
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert root is not None
    assert next(root.iter("testcase")).get("name") == "flüsse"


def test_a_run_without_verdicts() -> None:
    assert rendered().get("tests") == "0"
