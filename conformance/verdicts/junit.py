"""`junit.xml`: a verdicts document in the form that CI servers read. Its schema is `fixtures/schemas/junit.xsd`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree

from conformance.catalogue import Catalogue
from conformance.verdicts.document import Document, Entry
from conformance.verdicts.model import Judgement, Verdict
from conformance.verdicts.printable import printable


def render(document: Document, judgements: Iterable[Judgement], catalogue: Catalogue) -> str:
    """The document as JUnit XML: a test suite a chapter, a test case a verdict.

    `judgements` add what the document has no room for: the details of a failure, and how long it took.
    """
    known = {(judgement.requirement, judgement.subject): judgement for judgement in judgements}
    root = ElementTree.Element("testsuites", name="Prefect REST API conformance")
    _totals(root, document.verdicts, known)
    for chapter, entries in groupby(document.verdicts, lambda entry: entry.requirement.partition(".")[0]):
        members = tuple(entries)
        suite = ElementTree.SubElement(root, "testsuite", name=printable(catalogue.chapters.get(chapter, chapter)))
        _totals(suite, members, known)
        suite.set("timestamp", document.run.started.isoformat(timespec="seconds"))
        for entry in members:
            _case(suite, entry, known.get((entry.requirement, entry.subject)), catalogue)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def write(document: Document, judgements: Iterable[Judgement], catalogue: Catalogue, path: Path) -> None:
    """Write `render` to `path`. Raises OSError."""
    path.write_text(render(document, judgements, catalogue), encoding="utf-8")


def _totals(
    element: ElementTree.Element, entries: tuple[Entry, ...], known: Mapping[tuple[str, str], Judgement]
) -> None:
    found = [entry.verdict for entry in entries]
    seconds = sum(
        judgement.seconds for entry in entries if (judgement := known.get((entry.requirement, entry.subject)))
    )
    element.set("tests", str(len(found)))
    element.set("failures", str(found.count(Verdict.FAILED)))
    element.set("errors", str(found.count(Verdict.COULD_NOT_RUN)))
    element.set("time", f"{seconds:.3f}")
    if element.tag == "testsuite":  # of the whole, Jenkins' schema knows no such number
        element.set("skipped", str(found.count(Verdict.WAIVED) + found.count(Verdict.NOT_APPLICABLE)))


def _case(suite: ElementTree.Element, entry: Entry, judgement: Judgement | None, catalogue: Catalogue) -> None:
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=printable(entry.requirement),
        name=printable(entry.subject),
        time=f"{judgement.seconds if judgement else 0.0:.3f}",
    )
    summary = printable(entry.summary)
    match entry.verdict:
        case Verdict.PASSED:
            return
        case Verdict.FAILED:
            mark = ElementTree.SubElement(case, "failure", message=summary, type=entry.level)
        case Verdict.COULD_NOT_RUN:
            mark = ElementTree.SubElement(case, "error", message=summary, type=entry.verdict)
        case Verdict.NOT_APPLICABLE:
            mark = ElementTree.SubElement(case, "skipped", message=f"not applicable: {summary}", type=entry.verdict)
        case Verdict.WAIVED:
            reason = printable(entry.waiver or "")
            mark = ElementTree.SubElement(case, "skipped", message=f"waived: {reason}", type=entry.verdict)
    rule = catalogue.get(entry.requirement)
    said = f"{rule.level} {printable(rule.text)}\n\n" if rule else ""
    mark.text = said + (printable(judgement.details if judgement else "") or summary)
