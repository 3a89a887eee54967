"""`junit.xml`: what CI servers are told."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree
from verdict_samples import CATALOGUE, MUST, OTHER, SHOULD, build, judged, ledger, waived

from conformance import data
from conformance.verdicts import junit
from conformance.verdicts.model import Judgement, Verdict
from conformance.verdicts.printable import printable

SCHEMA = etree.XMLSchema(etree.parse(data.fixtures() / "schemas" / "junit.xsd"))


def rendered(*judgements: Judgement) -> ElementTree.Element:
    """What is written of these, which keeps the schema."""
    made = ledger(*judgements, waivers=waived((SHOULD, "known")), filtered=True)
    text = junit.render(build(made), made.judgements, CATALOGUE)
    SCHEMA.assertValid(etree.fromstring(text.encode(), etree.XMLParser(huge_tree=True)))
    return ElementTree.fromstring(text)


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
    assert (root.get("tests"), verbs.get("skipped"), root[1].get("skipped")) == ("5", "0", "2")


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


HOSTILE = "\x00\x1b[31mred\x1b[0m \ud800 \ufffe ]]> <a b='c'> & \x1b]0;title\x07 \x85 \r\n \u202e <!-- --> <?x?> \n\n\t"


def test_hostile_text_of_every_verdict_keeps_the_schema() -> None:
    said = {"summary": HOSTILE, "details": HOSTILE * 3}
    root = rendered(
        judged(MUST, f"a{HOSTILE}", Verdict.FAILED, **said),
        judged(OTHER, f"b{HOSTILE}", Verdict.COULD_NOT_RUN, **said),
        judged(SHOULD, "known", Verdict.FAILED, **said),
        judged(SHOULD, f"c{HOSTILE}", Verdict.NOT_APPLICABLE, **said),
        judged(MUST, f"d{HOSTILE}"),
        judged(MUST, "large", Verdict.FAILED, details="<\x00&" * 300_000),
    )
    assert root.get("tests") == "6"


@pytest.mark.parametrize("text", ["", " ", "\n", "\x00"])
def test_a_verdict_that_says_next_to_nothing_keeps_the_schema(text: str) -> None:
    for verdict in (Verdict.FAILED, Verdict.COULD_NOT_RUN, Verdict.NOT_APPLICABLE):
        rendered(judged(MUST, "x", verdict, summary=text, details=text))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<failure ", "<failed "),
        (' type="MUST"', ' type="must"'),
        (' tests="2"', ""),
        ('timestamp="2026', 'timestamp="at 2026'),
        ("<testsuite ", '<testsuite skip="1" '),
        ('classname="verbs.must"', 'classname="verbs"'),
        ("x is failed", "x is failed\N{RIGHT-TO-LEFT OVERRIDE}"),
    ],
)
def test_the_schema_is_strict(old: str, new: str) -> None:
    made = ledger(judged(MUST, "x", Verdict.FAILED), judged(MUST, "y"))
    text = junit.render(build(made), made.judgements, CATALOGUE)
    assert SCHEMA.validate(etree.fromstring(text.encode()))
    assert old in text
    bad = text.replace(old, new).replace("</failure>", "</failed>" if new == "<failed " else "</failure>")
    assert not SCHEMA.validate(etree.fromstring(bad.encode()))
