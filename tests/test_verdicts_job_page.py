"""The page of a CI job and its annotations: what a server sent is text there, and the bounds of the host are kept."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from verdict_samples import CATALOGUE, MUST, OTHER, SHOULD, build, judged, ledger, of, waived

from conformance.verdicts import job_annotations, job_page
from conformance.verdicts.ledger import ErrorKind
from conformance.verdicts.markdown import block, code, literal
from conformance.verdicts.model import Verdict, one_line
from conformance.verdicts.printable import printable

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

NASTY = (
    "<script>alert(1)</script></pre></code></summary></details> <img src=x onerror=alert(1)> | a | b |\n\n"
    "# head\n- list\n```\n@someone #1 [x](javascript:y) ![y](http://z) www.example.org https://example.org "
    "**b** _i_ ~~s~~ &amp; &#60; \\ %0A %25 \x1b[31m ::error::x \u202e \r\n::warning::y"
)


class Page(HTMLParser):
    """The tags of a page in order, and the text of the elements that hold what is foreign."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.texts: list[str] = []
        self._open: str | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not attrs or tag in ("th", "td"), (tag, attrs)
        self.tags.append(tag)
        if tag in ("code", "pre"):
            self._open = tag
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._open:
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[-1] += data


@settings(deadline=None, max_examples=40)
@given(st.text())
@example(NASTY)
def test_foreign_text_is_text(text: str) -> None:
    seen = one_line(printable(text))
    found = Page(MARKDOWN.render(f"before {code(text)} after"))
    assert found.tags == ["p", "code"]
    assert found.texts == [seen or " "]
    cell = Page(MARKDOWN.render(f"| a | b |\n|---|---|\n| {literal(text)} | {code(text)} |"))
    assert [tag for tag in cell.tags if tag in ("td", "code")] == ["td", "td", "code"]
    assert "a" not in cell.tags
    whole = Page(MARKDOWN.render(f"{block(text)}\n\nafter"))
    assert whole.tags == ["pre", "p"]
    assert whole.texts == [printable(text).strip("\n")]


def test_no_host_makes_a_link_of_it() -> None:
    for sign in ("@someone", "#1", "www.x.org", "https://x.org", "a@b.org", "GH-1:"):
        assert sign not in literal(f"{sign} x")


def test_the_page_says_what_the_run_came_to() -> None:
    made = ledger(
        judged(MUST, "ok"),
        judged(MUST, "bad", Verdict.FAILED, summary="wrong", details="expected 1\nobserved 2"),
        judged(OTHER, "stuck", Verdict.COULD_NOT_RUN),
        judged(SHOULD, "known", Verdict.FAILED),
        waivers=waived((SHOULD, "known")),
    )
    made.error("left: a flow", ErrorKind.CLEAN_UP)
    text = job_page.render(build(made), CATALOGUE)
    assert text.startswith("## Prefect REST API conformance: non-conformant\n\n- 1 of 4 checks failed\n")
    assert "| Verbs | 1 | 1 | - | - | 1 |" in text
    assert "| Filtering | - | - | 1 | - | - |" in text
    assert "| all | 1 | 1 | 1 | - | 1 |" in text
    assert "### Failed (1)" in text
    assert "<pre>expected 1\nobserved 2</pre>" in text
    assert "<pre>prefect-conformance run --select 'verbs.must bad'</pre>" in text
    assert "### Could not run (1)" in text
    assert "clean-up: <code>left&#58; a flow</code>" in text
    assert "### Failed" not in job_page.render(of(judged(MUST, "ok")), CATALOGUE)


@settings(deadline=None, max_examples=40)
@given(st.text(min_size=1).filter(one_line), st.text())
@example(NASTY, NASTY)
def test_a_hostile_failure_changes_no_structure(subject: str, text: str) -> None:
    honest = job_page.render(of(judged(MUST, "x", Verdict.FAILED, summary="x", details="x")), CATALOGUE)
    hostile = job_page.render(
        of(judged(MUST, subject, Verdict.FAILED, summary=text, details=f"x{text}x")),
        CATALOGUE,
    )
    assert Page(MARKDOWN.render(hostile)).tags == Page(MARKDOWN.render(honest)).tags


def test_the_page_keeps_to_its_bound() -> None:
    failed = [judged(MUST, f"s{n}", Verdict.FAILED, summary="<" * 50, details="&\U0001f600" * 4000) for n in range(200)]
    found = of(*failed, judged(OTHER, "last", Verdict.COULD_NOT_RUN, summary="s" * 200_000))
    for most in (20_000, 200_000):
        text = job_page.render(found, CATALOGUE, most)
        assert len(text.encode()) <= most
        shown = text.count(f"{MUST} (MUST) on ")
        more = re.search(r"and (\d+) more failed", text)
        assert shown + (int(more[1]) if more else 0) == 200
        assert text.count("<details>") == text.count("</details>")
        assert "Could not run (1)" in text
        assert most < 200_000 or 1 < text.count("<details>") < 200


@settings(deadline=None, max_examples=40)
@given(st.text(min_size=1).filter(one_line), st.text())
@example(NASTY, NASTY)
def test_an_annotation_is_one_command(subject: str, text: str) -> None:
    rendered = job_annotations.render(of(judged(MUST, subject, Verdict.FAILED, summary=text)))
    assert rendered.endswith("\n")
    [line] = rendered[:-1].split("\n")
    found = re.fullmatch(r"::error title=([^:,]*)::(.*)", line)
    assert found is not None
    assert found[1] == f"{MUST} (MUST)"
    assert "\r" not in line
    assert not re.search(r"%(?!25|0A|0D)", found[2])


def test_no_more_annotations_than_are_shown() -> None:
    failed = [judged(MUST, f"s{n:02}", Verdict.FAILED) for n in range(11)]
    stuck = [judged(OTHER, f"s{n:02}", Verdict.COULD_NOT_RUN) for n in range(10)]
    lines = job_annotations.render(of(*failed, *stuck)).splitlines()
    errors = [line for line in lines if line.startswith("::error ")]
    assert len(errors) == job_annotations.MOST
    assert errors[-1] == "::error title=and more::2 more: see the summary of the job"
    assert len(lines) - len(errors) == job_annotations.MOST


def test_a_conformant_run_has_none_and_an_empty_one_says_why() -> None:
    assert job_annotations.render(of(judged(MUST, "ok"))) == ""
    assert job_annotations.render(of()) == "::error title=result%3A incomplete::no check was decided\n"
