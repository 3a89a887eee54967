"""The pages of the requirements say what the code says."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from conformance import data
from conformance.run import requirement_pages
from conformance.run.requirement_pages import Known
from conformance.run.requirement_text import code, fenced, prose

MARKDOWN = MarkdownIt("commonmark").enable("table")
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], include_characters=" *_`<>[]\\|&"))


@pytest.fixture(scope="module")
def known() -> Known:
    return requirement_pages.gather()


def test_the_pages_in_the_repository_are_those_of_the_code(known: Known) -> None:
    wanted = requirement_pages.pages(known)
    there = {path.name: path.read_text("utf-8") for path in data.requirements().glob("*.md")}
    drifted = sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
    assert not drifted, "`python -m conformance.run.requirement_pages` writes them anew"


def test_every_page_has_every_part(known: Known) -> None:
    for requirement in known.catalogue.values():
        page = requirement_pages.render(requirement, known)
        heads = re.findall(r"^## (.+)$", page, re.MULTILINE)
        for head in ("Rule", "Source", "Generations", "How it is checked", "What a failure looks like"):
            assert heads.count(head) == 1, requirement.id


def test_a_page_names_what_is_known(known: Known) -> None:
    page = requirement_pages.render(known.catalogue["filter.any"], known)
    assert "`test_any` in `conformance/suite/test_filtering.py`" in page
    assert "- `any-ignored task_runs.flow_run_id.any_`, on `task_runs.flow_run_id.any_`: any_ is ignored" in page
    assert "- 2.20.27, 3.0.0, on `work_pools/workers.status.any_`: The status in a filter" in page
    newest = requirement_pages.render(known.catalogue["events.distinct"], known)
    assert "| 2.0.0 | not applicable |" in newest
    assert "| 3.9.1 | 1 |" in newest


def test_a_page_of_what_is_gone_goes(known: Known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone.md").touch()
    monkeypatch.setattr(requirement_pages, "gather", lambda: known)
    requirement_pages.write(tmp_path)
    assert not (tmp_path / "gone.md").exists()
    assert len(list(tmp_path.iterdir())) == len(known.catalogue) + 1


@settings(deadline=None, max_examples=40)  # the first call loads the tables of the parser
@given(WORDS)
@example("*a* _b_ __c__ <b>d</b> [e](f) any_ id_ created_by.id_ \\* &amp;")
def test_prose_is_shown_as_it_is(text: str) -> None:
    plain = " ".join(text.replace("`", "").split())
    assert unescape(MARKDOWN.renderInline(prose(plain))) == plain


@settings(deadline=None, max_examples=40)  # the first call loads the tables of the parser
@given(WORDS)
@example("a `b` ``c``")
def test_code_is_shown_as_it_is(text: str) -> None:
    wanted = " ".join(text.split()) or "x"
    assert unescape(MARKDOWN.renderInline(code(wanted))) == f"<code>{wanted}</code>"
    block = MARKDOWN.parse("\n".join(fenced(wanted, "sh")))
    assert [token.content for token in block] == [f"{wanted}\n"]
