"""The page put together: templates, styles and scripts in one file, and a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from conformance.catalogue import Catalogue, Level, Profile
from conformance.verdicts.document import Document
from conformance.verdicts.html import environment
from conformance.verdicts.model import Result, Verdict
from conformance.verdicts.page import api_coverage, groups, matrix, operations, screens, summary
from conformance.verdicts.page.block import block
from conformance.verdicts.page.faces import RESULTS, SYMBOLS, WORDS
from conformance.verdicts.page.placing import place
from conformance.verdicts.page.text import line

if TYPE_CHECKING:
    from jinja2 import Template

COMMAND: Final = "prefect-conformance run"
"""What a rerun begins with where a document does not say how its target was named."""

_HERE: Final = Path(__file__).parent
_STYLES: Final = ("base.css", "top.css", "matrix.css", "details.css", "print.css")
_SCRIPTS: Final = ("elements.js", "data.js", "verdict.js", "filter.js", "matrix.js", "drawer.js", "start.js")
_EARLY: Final = "early.js"
_MOST_ERRORS: Final = 200
_ICON_COLOURS: Final = {Result.CONFORMANT: "1a7f4b", Result.NON_CONFORMANT: "c4281c", Result.INCOMPLETE: "7a3fb0"}


def render(document: Document, catalogue: Catalogue) -> str:
    """The page as HTML: the same text for the same document. It loads nothing, and what a server named is text in it.

    A document of another version of the suite may have requirements that the catalogue lacks: they stand there
    without their text.
    """
    from markupsafe import Markup

    command = document.run.command or COMMAND
    placed, resources = place(document)
    groups_of_failures, more_failures = screens.failures(placed, catalogue, command)
    style, early, script = _asset(*_STYLES), _asset(_EARLY), _script()
    return _template().render(
        document=document,
        policy=_policy(style, early, script),
        # The project's own files, not one word of which comes from a server.
        style=Markup(style),  # noqa: S704
        early=Markup(early),  # noqa: S704
        script=Markup(script),  # noqa: S704
        # JSON in which no character has a meaning to HTML: `block` escapes them.
        block=Markup(block(placed, resources, catalogue, command)),  # noqa: S704
        icon=_icon(document.result),
        Verdict=Verdict,
        levels=[level.value for level in Level],
        kinds=[profile.value for profile in Profile if any(e.profile is profile for e in document.verdicts)],
        symbols=SYMBOLS,
        words=WORDS,
        sign=RESULTS[document.result],
        bar=summary.verdicts(document),
        facts=summary.facts(document),
        profiles=summary.profiles(document),
        took=summary.duration(document.run.seconds),
        number=len(placed),
        resources=resources,
        chapters=matrix.shape(placed, catalogue),
        failures=groups_of_failures,
        more_failures=more_failures,
        stuck=[one for one in placed if one.entry.verdict is Verdict.COULD_NOT_RUN],
        errors=document.errors[:_MOST_ERRORS],
        waived=groups.waived(placed, catalogue),
        api_coverage=api_coverage.shape(document.api_coverage),
        differing=groups.differing(document.differences, catalogue),
        anchors={one.anchor for one in placed},
        operations=operations.shape(document),
        grammar=summary.grammar(document.grammar),
        phases=summary.phases(document),
    )


@cache
def _template() -> Template:
    """The page's template: a run renders it twice."""
    pages = environment(_HERE / "templates")
    pages.filters["line"] = line
    pages.filters["number"] = "{:,}".format
    return pages.get_template("index.html.jinja")


def _asset(*names: str) -> str:
    return "\n".join((_HERE / "assets" / name).read_text("utf-8").strip() for name in names)


def _script() -> str:
    """All scripts as one, in which nothing is global."""
    return f'(() => {{\n"use strict";\n{_asset(*_SCRIPTS)}\n}})();'


def _policy(style: str, *scripts: str) -> str:
    """A Content-Security-Policy that lets in just these texts, and the icon."""
    own = " ".join(_digest(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {own}; style-src {_digest(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _icon(result: Result) -> str:
    """The result as the icon of a browser's tab."""
    shapes = {
        Result.CONFORMANT: "M4 8.5l2.8 2.8L12 5.5",
        Result.NON_CONFORMANT: "M5 5l6 6M11 5l-6 6",
        Result.INCOMPLETE: "M5 8h6",
    }
    return (
        "data:image/svg+xml,"
        f"%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' "
        f"fill='%23{_ICON_COLOURS[result]}'/%3E%3Cpath d='{shapes[result]}' stroke='%23fff' stroke-width='2' "
        "fill='none' stroke-linecap='round'/%3E%3C/svg%3E"
    )
