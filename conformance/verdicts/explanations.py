"""The catalogue as a page: what a report's links to a requirement lead to."""

from __future__ import annotations

from html import escape

from conformance.catalogue import Catalogue, explain

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Prefect REST API conformance: the requirements</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; }}
section:target {{ outline: 2px solid; outline-offset: .5rem; }}
</style>
<h1>The requirements</h1>
{chapters}
</html>
"""


def render(catalogue: Catalogue) -> str:
    """The page as HTML, with an anchor for each requirement's id. It loads nothing."""
    chapters = []
    for chapter, title in catalogue.chapters.items():
        members = [requirement for requirement in catalogue.values() if requirement.chapter == chapter]
        sections = "\n".join(
            f'<section id="{escape(requirement.id)}">\n<pre>{escape(explain(requirement))}</pre>\n</section>'
            for requirement in members
        )
        chapters.append(f"<h2>{escape(title)}</h2>\n{sections}")
    return _PAGE.format(chapters="\n".join(chapters))
